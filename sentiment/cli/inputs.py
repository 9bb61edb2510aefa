"""Flags that say what a file of feedback looks like, and how fast to replay it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, cast

import click

from sentiment.cli.flags import Command

SPEED_HELP = "Replay speed, as a multiple of real time; max for no delay."


class Delimiter(click.ParamType[str]):
    """One character; `tab` and `\\t` are a tab, which is hard to type."""

    name = "CHAR"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the character."""
        character = "\t" if value in {"tab", "\\t"} else str(value)
        if len(character) != 1 or character in '"\r\n':
            self.fail(f"{value!r} is not one character that can divide fields", param, ctx)
        return character


_FORMATS = ("csv", "jsonl", "parquet")


TIMES = (
    click.option(
        "--date-order",
        type=click.Choice(["DMY", "MDY", "YMD"]),
        help="Order of day, month and year in dates such as 01/02/2024.",
    ),
    click.option("--time-format", metavar="FORMAT", help="Format of all times, in Python's codes: '%d.%m.%Y %H:%M'."),
)
"""How times are written."""


def reading_options(command: Command) -> Command:
    """Add the flags that say how to read a file of rows. The command gets them as `reading`, a `ReadingOptions`."""
    return _reading(command, _FORMATS)


def reading_or_text_options(command: Command) -> Command:
    """Like `reading_options`, for a file that may also be text. `as_text` says that it is meant to be."""

    @functools.wraps(command)
    def with_text(*args: Any, reading: Any, **kwargs: Any) -> Any:
        as_text = reading.file_format == "text"
        rows = dataclasses.replace(reading, file_format=None) if as_text else reading
        return command(*args, reading=rows, as_text=as_text, **kwargs)

    return _reading(cast("Command", with_text), ("text", *_FORMATS))


def _reading(command: Command, formats: Sequence[str]) -> Command:
    @functools.wraps(command)
    def with_reading(
        *args: Any, file_format: Any, delimiter: str | None, encoding: str | None, skip_rows: int, **kwargs: Any
    ) -> Any:
        from sentiment.sources import ReadingOptions

        return command(*args, reading=ReadingOptions(file_format, delimiter, encoding, skip_rows), **kwargs)

    options = (
        click.option(
            "--format",
            "file_format",
            type=click.Choice(formats),
            show_default="from the file extension",
            help="Input format.",
        ),
        click.option(
            "--delimiter",
            type=Delimiter(),
            metavar="CHAR|tab",
            show_default="found in the first rows",
            help="Delimiter of a CSV file.",
        ),
        click.option(
            "--encoding",
            metavar="NAME",
            show_default="UTF-8, or what a byte-order mark says",
            help="Encoding of a text file, for instance cp1252.",
        ),
        click.option(
            "--skip-rows",
            type=click.IntRange(min=0),
            default=0,
            metavar="N",
            help="Leave out N rows after the header of a CSV file.",
        ),
    )
    wrapped: Any = with_reading
    for option in reversed(options):
        wrapped = option(wrapped)
    return cast("Command", wrapped)


kind_option = click.option(
    "--kind",
    type=click.Choice(["text", "mail"]),
    default="text",
    help="What the texts are. Of mail only the author's own words are read: no quoted messages, no signature.",
)


def text_field_option(help_text: str) -> Callable[[Command], Command]:
    """Return the decorator that adds `--text-field`, by default `text`."""
    return click.option("--text-field", default="text", metavar="COLUMN", help=help_text)


def field_options(command: Any) -> Any:
    """Add `reading_options`, and the flags that say which column is what. An omitted one is None: the file decides."""
    options = [
        click.option("--text-field", metavar="COLUMN", show_default="text", help="Text column."),
        click.option("--time-field", metavar="COLUMN", show_default="created_at, if present", help="Time column."),
        click.option("--product-field", metavar="COLUMN", show_default="product, if present", help="Product column."),
        click.option("--product", metavar="NAME", help="Product of all rows, instead of a column."),
        click.option(
            "--id-field",
            metavar="COLUMN",
            show_default="id, if present",
            help="Id column. Without one, ids are made from file and row.",
        ),
        *TIMES,
        kind_option,
    ]
    for option in reversed(options):
        command = option(command)
    return reading_options(command)


class ReplaySpeed(click.ParamType[float | None]):
    """A multiple of real time, or no delay at all."""

    name = "X|max"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        """Return a factor above 0, or None for `max`."""
        if value is None or value == "max":
            return None
        try:
            speed = float(str(value).removesuffix("x"))
        except ValueError:
            speed = 0.0
        if not 0 < speed < float("inf"):
            self.fail(f"{value!r} is neither `max` nor a number above 0", param, ctx)
        return speed
