"""`python -m consumers.demo.picture FILE.svg`: run the demo and keep its display as it looked when the alert came."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from io import StringIO
from types import TracebackType
from typing import Self

import click
from rich.console import Console

from consumers.demo.board import Board
from consumers.demo.demo import DemoRequest, run_demo
from consumers.demo.stream import BUNDLED_SPEED, bundled_stream
from consumers.demo.view import draw
from sentiment.errors import CheckFailed, SentimentError
from sentiment.logs import configure_logging
from sentiment.outputs import ending_of, find_output
from sentiment.settings import load_settings

COLUMNS = 116
"""As wide as the widest line of the display, so that nothing is cut. A README shows it at about two thirds of that."""

_FIRING = "FIRING"
# Rich's style sheet loads a font from a content network. A picture in a README should load nothing.
_FONTS = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


class PictureView:
    """Draws the board once, at the first refresh after the notifier has written about an alert."""

    def __init__(self, board: Board) -> None:
        self.svg: str | None = None
        self._board = board
        self._alerted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def phase(self, what: str) -> None:
        """Show the phase in the header."""
        self._board.phase = what

    def refresh(self) -> None:
        """Draw once an alert is on the board."""
        if self._alerted and self.svg is None:
            self.svg = as_svg(self._board)

    def notice(self, line: str) -> None:
        """Add the line to the lower panel."""
        self._board.notices.append(line)
        self._alerted = self._alerted or line.startswith(_FIRING)


def as_svg(board: Board) -> str:
    """The display as an SVG picture that loads nothing from elsewhere."""
    console = Console(
        record=True, width=COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor", legacy_windows=False
    )
    console.print(draw(board))
    return _FONTS.sub("", console.export_svg(title="sentiment demo", unique_id="sentiment-demo"))


def take_picture() -> str:
    """Run the demo on the bundled stream, and return its display at the first alert. Takes as long as the demo.

    Raises:
        CheckFailed: the demo did not pass, so its picture would be misleading.
        SentimentError: see `run_demo`.
    """
    views: list[PictureView] = []

    def watch(board: Board) -> PictureView:
        views.append(PictureView(board))
        return views[-1]

    summary = run_demo(load_settings(), DemoRequest(bundled_stream(), BUNDLED_SPEED), watch)
    svg = views[0].svg
    if not summary.passed or svg is None:
        raise CheckFailed(f"no picture: {'; '.join(summary.faults) or 'no alert came'}")
    return svg


@click.command()
@click.argument("output", metavar="FILE.svg")
def main(output: str) -> None:
    """Run the demo on the bundled stream and write a picture of its display to FILE.svg."""
    configure_logging("error", "console")
    picture = find_output(output)
    ending_of(picture, [".svg"], "a picture")
    picture.write(take_picture().encode())


def run(arguments: Sequence[str]) -> int:
    """Run the program. One of our errors becomes a line on standard error and an exit code."""
    try:
        main(list(arguments), prog_name="python -m consumers.demo.picture", standalone_mode=False)
    except (SentimentError, click.ClickException) as error:
        click.echo(f"error: {error.message}", err=True)
        return error.exit_code
    except click.Abort:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
