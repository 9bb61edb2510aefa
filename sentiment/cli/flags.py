"""Flags that several commands share and that no setting stands behind, each declared once.

Flags of settings are in `options.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from sentiment.outputs import Output, find_folder, find_output

Command = TypeVar("Command", bound=Callable[..., Any])

FILE = click.Path(dir_okay=False, path_type=Path)
DIRECTORY = click.Path(file_okay=False, path_type=Path)


class _Model(click.ParamType[Any]):
    """The place of a model, in which the word `shipped` stands for the model that comes with the package."""

    name = "model"

    def __init__(self, place: click.ParamType[Any]) -> None:
        self._place = place

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the place, as the type of the place would."""
        if value == "shipped":  # nothing heavy is imported for any other model
            from sentiment.model.loading import is_shipped, shipped_model_path

            value = str(shipped_model_path()) if is_shipped(value) else value
        return self._place.convert(value, param, ctx)


MODEL_DIRECTORY = _Model(DIRECTORY)
MODEL_NAME = _Model(click.STRING)
SHARE = click.FloatRange(0, 1)


class OutputFile(click.ParamType[Output]):
    """A file to write, or `-` for standard output. What cannot be written is refused before any work."""

    name = "FILE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Output:
        """Return the output that `value` names."""
        return value if isinstance(value, Output) else find_output(value)


class OutputFolder(click.ParamType[Path]):
    """A folder to create, where links lead: a new folder cannot take the name of a link."""

    name = "DIR"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return its path."""
        return find_folder(DIRECTORY.convert(value, param, ctx))


OUTPUT = OutputFile()
OUTPUT_FOLDER = OutputFolder()

force_option = click.option("--force", is_flag=True, help="Replace existing output files.")
seed_option = click.option("--seed", type=click.IntRange(0), default=13, metavar="N", help="Random seed.")
resamples_option = click.option(
    "--resamples", type=click.IntRange(100), default=1000, metavar="N", help="Number of bootstrap resamples."
)
name_option = click.option(
    "--name", metavar="NAME", show_default="the name of the output", help="Name of the model in results."
)
until_idle_option = click.option(
    "--until-idle",
    "until_idle_s",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    show_default="keep running",
    help="Exit after this many seconds with nothing left to do.",
)


def json_option(help_text: str = "Print one JSON document.") -> Callable[[Command], Command]:
    """Return the decorator that adds `--json`; the command gets `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help=help_text)


def typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the `values` (parameter → value) that were typed: a default must not override a file."""
    source = click.get_current_context().get_parameter_source
    return {name: value for name, value in values.items() if source(name) is ParameterSource.COMMANDLINE}
