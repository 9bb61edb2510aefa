"""The example configuration, made from the settings: `python -m tests.sentiment.example_configuration` writes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sentiment.settings import Settings

FILE = Path(__file__).parents[2] / "deploy" / "sentiment.example.toml"

_HEAD = """\
## Configuration of the sentiment pipeline: every setting with its default, commented out.
## Flags override the environment (SENTIMENT_KAFKA__BOOTSTRAP_SERVERS=…), which overrides this file.
## Keep secrets out of this file: set them in the environment, or name files that hold them (*_file).
"""


def example() -> str:
    """The whole file: tables in order, each setting below its description."""
    return _HEAD + "".join(_table(name, field) for name, field in Settings.model_fields.items())


def _table(name: str, field: FieldInfo) -> str:
    section = field.annotation
    assert isinstance(section, type)
    assert issubclass(section, BaseModel)
    intro = (section.__doc__ or "").partition("\n")[0]
    fields = "".join(_setting(each, info) for each, info in section.model_fields.items())
    return f"\n## {intro}\n[{name}]\n{fields}"


def _setting(name: str, field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    notes = [field.description or ""]
    if choices := list(_choices(field.annotation)):
        notes.append(f"One of: {', '.join(choices)}.")
    shown = field.examples[0] if field.examples else default
    if default is None:
        notes.append("Not set by default.")
    elif shown != default:
        notes.append(f"Example: {_toml(shown)}.")
        shown = default
    return f"## {' '.join(notes)}\n# {name} = {_toml(shown)}\n"


def _choices(annotation: Any) -> Iterator[str]:
    """The values of a literal, alone or optional."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from _choices(part)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        pairs = ", ".join(f"{key} = {_toml(each)}" for key, each in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    FILE.write_text(example(), "utf-8")
