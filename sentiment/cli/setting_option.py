"""A command-line option that overrides a setting. Help, type, range and default come from the setting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import click
from pydantic.fields import FieldInfo

from sentiment.cli.flags import Command
from sentiment.settings import Settings


@dataclass(frozen=True, slots=True)
class SettingFlag:
    """A flag (for a boolean, both forms with a slash between) and the setting `section.field` that it overrides."""

    flag: str
    setting: str
    metavar: str | None = None

    @property
    def section(self) -> str:
        """Return the name of the table of the configuration."""
        return self.setting.partition(".")[0]

    @property
    def field(self) -> str:
        """Return the name of the setting in its table."""
        return self.setting.partition(".")[2]

    @property
    def parameter(self) -> str:
        """Return the name under which click passes the value."""
        return f"setting_{self.section}_{self.field}"

    def option(self) -> Callable[[Command], Command]:
        """Return the decorator that adds the option."""
        section: Any = Settings.model_fields[self.section].annotation
        field: FieldInfo = section.model_fields[self.field]
        return click.option(
            self.flag,
            self.parameter,
            type=_type_of(field),
            default=_default_of(field),
            metavar=self.metavar,
            help=field.description,
        )


class Pairs(click.ParamType[dict[str, str]]):
    """`a=b,c=d` as a mapping. What the values may be is checked with the other settings."""

    name = "THEIRS=OURS,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, str]:
        """Return the pairs, each split at its last `=`."""
        pairs = [pair.rpartition("=") for pair in str(value).split(",")]
        if not all(theirs and separator for theirs, separator, _ in pairs):
            self.fail("not THEIRS=OURS pairs, such as LABEL_0=negative,LABEL_1=neutral,LABEL_2=positive", param, ctx)
        return {theirs: ours for theirs, _, ours in pairs}


def _type_of(field: FieldInfo) -> click.ParamType[Any]:
    kinds = [kind for kind in get_args(field.annotation) if kind is not NoneType]
    kind = kinds[0] if kinds and get_origin(field.annotation) not in (Literal, dict) else field.annotation
    if get_origin(kind) is Literal:
        return click.Choice(get_args(kind))
    if get_origin(kind) is dict:
        return Pairs()
    if kind is int:
        return click.IntRange(_bound(field, "ge"), _bound(field, "le"))
    if kind is float:
        return click.FloatRange(_bound(field, "ge"), _bound(field, "le"))
    return click.BOOL if kind is bool else click.STRING


def _default_of(field: FieldInfo) -> Any:
    """Return the default to show. An empty text or table is none: the description says what it stands for."""
    default = field.get_default(call_default_factory=True)
    return None if default in ("", {}) else default


def _bound(field: FieldInfo, name: str) -> int | None:
    return next((bound for rule in field.metadata if (bound := getattr(rule, name, None)) is not None), None)
