"""Flags that say what a file of feedback looks like, and how fast to replay it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from sentiment.cli.flags import Command

SPEED_HELP = "Replay speed, as a multiple of real time; max for no delay."

format_option = click.option(
    "--format",
    "file_format",
    type=click.Choice(["csv", "jsonl", "parquet"]),
    show_default="from the file extension",
    help="Input format.",
)


def text_field_option(help_text: str) -> Callable[[Command], Command]:
    """Return the decorator that adds `--text-field`, by default `text`."""
    return click.option("--text-field", default="text", metavar="COLUMN", help=help_text)


def field_options(command: Any) -> Any:
    """Add the flags that say which column of feedback is what. An omitted one is None: the file decides."""
    options = [
        format_option,
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
        click.option(
            "--date-order",
            type=click.Choice(["DMY", "MDY", "YMD"]),
            help="Order of day, month and year in dates such as 01/02/2024.",
        ),
        click.option(
            "--time-format", metavar="FORMAT", help="Format of all times, in Python's codes: '%d.%m.%Y %H:%M'."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


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
