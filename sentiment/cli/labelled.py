"""Flags that say what labelled rows look like: which columns, and what their labels mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sentiment.cli.flags import Command
from sentiment.cli.inputs import reading_options

if TYPE_CHECKING:
    from sentiment.settings import Settings
    from sentiment.sources import ReadingOptions
    from training.data.examples import RowLayout


def labelled_options(command: Command) -> Command:
    """Add `--text-field`, `--label-field` and `reading_options`.

    `--label-map` comes with the settings, in the group "label-map".
    """
    options = (
        click.option("--text-field", default="text", metavar="COLUMN", help="Text column of labelled rows."),
        click.option("--label-field", default="label", metavar="COLUMN", help="Label column of labelled rows."),
    )
    for option in reversed(options):
        command = option(command)
    return reading_options(command)


def layout_of(settings: Settings, text_field: str, label_field: str, reading: ReadingOptions) -> RowLayout:
    """Return how labelled rows are to be read."""
    from training.data.examples import RowLayout

    return RowLayout(text_field, label_field, settings.model.label_map, reading)
