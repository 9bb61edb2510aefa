"""A recipe file: TOML with parameters, input files and stages, each of which is one `sentiment` command."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from sentiment.errors import ConfigurationError, InputError

WORK = "work"
"""The parameter that stands for the folder of a run. Every run has it."""

_PLACE = re.compile(r"\{(\w+)\}")
_Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]*$")]
_Text = Annotated[str, Meta(min_length=1)]


class Hours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a stage is expected to take on two cores, and on one GPU."""

    cpu: Annotated[float, Meta(ge=0.0)]
    gpu: Annotated[float, Meta(ge=0.0)]


class Stage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One command: `run` are the arguments of `sentiment`, and `makes` is the file or directory that it creates whole.

    With `captured`, `makes` gets what the command prints.
    """

    name: _Name
    run: Annotated[tuple[_Text, ...], Meta(min_length=1)]
    makes: _Text
    hours: Hours
    captured: bool = False


class RecipeFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`parameters` maps each name that a run has to give to what it means. `inputs` must exist before a run begins."""

    about: str
    parameters: dict[str, str] = {}
    inputs: tuple[_Text, ...] = ()
    stages: Annotated[tuple[Stage, ...], Meta(min_length=1)] = msgspec.field(name="stage")


class Given(msgspec.Struct, frozen=True):
    """A recipe with the `values` of its parameters, `work` among them."""

    recipe: RecipeFile
    values: dict[str, str]

    def fill(self, text: str) -> str:
        """`text` with the values of its parameters."""
        return _PLACE.sub(lambda match: self.values[match[1]], text)

    def inputs(self) -> dict[str, Path]:
        """The input files, by what the recipe calls them."""
        return {name: Path(self.fill(name)) for name in self.recipe.inputs}


def read_recipe(path: Path) -> RecipeFile:
    """Read and check a recipe. Raises ``InputError``, which says what is wrong with it."""
    try:
        recipe = msgspec.toml.decode(path.read_bytes(), type=RecipeFile)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a recipe: {error}") from None
    names = [stage.name for stage in recipe.stages]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{path} has two stages with the name {twice[0]!r}")
    texts = [*recipe.inputs, *(text for stage in recipe.stages for text in (*stage.run, stage.makes))]
    used = {name for text in texts for name in _PLACE.findall(text)}
    if unknown := sorted(used - set(recipe.parameters) - {WORK}):
        raise InputError(f"{path} uses the parameter {unknown[0]!r}, which it does not explain in [parameters]")
    return recipe


def give(recipe: RecipeFile, values: Mapping[str, str], work: Path) -> Given:
    """`recipe` with its parameters. Raises ``ConfigurationError`` if one is missing or unknown."""
    for name, meaning in recipe.parameters.items():
        if not values.get(name):
            raise ConfigurationError(f"the parameter {name} is missing: {meaning}", hint=f"give --set {name}=…")
    if unknown := sorted(set(values) - set(recipe.parameters)):
        raise ConfigurationError(
            f"the recipe has no parameter {unknown[0]!r}", hint=f"it has {', '.join(recipe.parameters) or 'none'}"
        )
    return Given(recipe, {**values, WORK: str(work)})
