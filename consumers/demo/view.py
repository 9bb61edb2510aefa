"""The demo on the screen: a live display on a terminal, plain lines anywhere else. All on stderr."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from consumers.demo.board import Board
from sentiment.events import LABELS, Label
from sentiment.terminal import printable

_LINE_EVERY_S = 2.0
_DRAW_EVERY_S = 0.2
_BAR_WIDTH = 18
_BLOCKS = "▁▂▃▄▅▆▇█"
_COLOURS: dict[Label, str] = {"negative": "red", "neutral": "grey62", "positive": "green"}
MAX_PRODUCTS = 8


class DemoView(Protocol):
    """Shows a board. `notice` is for what nobody should miss."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def phase(self, what: str) -> None:
        """The next phase begins."""
        ...

    def refresh(self) -> None:
        """Times or counts have changed."""
        ...

    def notice(self, line: str) -> None:
        """Show a line: a delivered alert, or a warning."""
        ...


def make_view(board: Board) -> DemoView:
    """A live view if stderr is a terminal, else a plain one."""
    console = Console(stderr=True)
    return LiveView(board, console) if console.is_terminal else PlainView(board, console)


class PlainView:
    """Prints a line now and then."""

    def __init__(self, board: Board, console: Console) -> None:
        self._board = board
        self._console = console
        self._next_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def phase(self, what: str) -> None:
        """Print the phase."""
        self._board.phase = what
        self._say(what)

    def refresh(self) -> None:
        """Print the counts, every two seconds at most."""
        board = self._board
        if board.now_s < self._next_s or not board.tally.events:
            return
        self._next_s = board.now_s + _LINE_EVERY_S
        self._say(
            f"published {len(board.tally.events):,} of {board.total:,}, scored {len(board.tally.results):,}"
            f" ({board.rate:,.0f}/s), lag {board.lag:,}, dead letters {board.tally.dead_letters.total():,},"
            f" alerts {len(board.tally.episodes)}"
        )

    def notice(self, line: str) -> None:
        """Print the line."""
        self._say(line)

    def _say(self, line: str) -> None:
        shown = f"{self._board.elapsed_s:5.1f} s  {printable(line)}"
        self._console.print(shown, markup=False, highlight=False, soft_wrap=True)


class LiveView:
    """Redraws a display a few times a second. Its last state stays on the screen."""

    def __init__(self, board: Board, console: Console) -> None:
        self._board = board
        # Rich draws only when told to, so there is no second thread.
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")
        self._next_s = 0.0

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def phase(self, what: str) -> None:
        """Show the phase in the header."""
        self._board.phase = what
        self._draw()

    def refresh(self) -> None:
        """Redraw, a few times a second at most."""
        if self._board.now_s >= self._next_s:
            self._next_s = self._board.now_s + _DRAW_EVERY_S
            self._draw()

    def notice(self, line: str) -> None:
        """Add the line to the lower panel."""
        self._board.notices.append(line)
        self._draw()

    def _draw(self) -> None:
        self._live.update(draw(self._board), refresh=True)


def draw(board: Board) -> RenderableType:
    """Draw the whole display."""
    parts: list[RenderableType] = [_flow(board), _products(board)]
    if board.notices:
        lines = Text("\n".join(map(printable, board.notices)), overflow="fold")
        parts.append(Panel(lines, title="from the notifier", title_align="left", border_style="yellow"))
    header = f"[bold]{board.title}[/bold]  {board.elapsed_s:.0f} s  {board.phase}"
    return Panel(Group(*parts), title=header, title_align="left", border_style="blue")


def sparkline(values: Sequence[float | None], top: float) -> str:
    """One block for each value, in eight heights from 0 to `top`. A dot for None."""
    return "".join("·" if value is None else _BLOCKS[_level(value, top, len(_BLOCKS))] for value in values)


def share_bar(shares: dict[Label, float], width: int = _BAR_WIDTH) -> Text:
    """Negative, neutral and positive side by side. The widths add up to `width`, or to 0 before the first result."""
    bar, drawn, total = Text(), 0, 0.0
    for label in LABELS:
        total += shares[label]
        until = round(total * width)
        bar.append("█" * (until - drawn), style=_COLOURS[label])
        drawn = until
    return bar


def _level(value: float, top: float, levels: int) -> int:
    return 0 if top <= 0 else max(0, min(levels - 1, int(value / top * levels)))


def _flow(board: Board) -> Table:
    tally = board.tally
    table = Table.grid(padding=(0, 3))
    table.add_row(
        f"published [bold]{len(tally.events):,}[/bold] of {board.total:,}",
        f"scored [bold]{len(tally.results):,}[/bold]",
        f"lag [bold]{board.lag:,}[/bold]",
        f"dead letters [bold]{tally.dead_letters.total():,}[/bold]",
        f"alerts [bold]{len(tally.episodes)}[/bold]",
    )
    speed = sparkline(board.per_second, max(1, *board.per_second))
    table.add_row(f"throughput [bold]{board.rate:,.0f}[/bold]/s", f"[cyan]{speed}[/cyan]")
    return table


def _products(board: Board) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for title in ("product", "scored", "negative · neutral · positive", "", "share of negatives over time"):
        table.add_column(title, justify="right" if title == "scored" else "left", no_wrap=True)
    busiest = sorted(board.labels, key=lambda product: (-board.labels[product].total(), product))
    for product in sorted(busiest[:MAX_PRODUCTS]):
        shares = board.shares(product)
        table.add_row(
            Text(printable(product[:24])),
            f"{board.labels[product].total():,}",
            share_bar(shares),
            " ".join(f"[{_COLOURS[label]}]{shares[label]:4.0%}[/]" for label in LABELS),
            _negative_chart(board.negative_shares(product)),
        )
    if len(busiest) > MAX_PRODUCTS:
        table.add_row(Text(f"and {len(busiest) - MAX_PRODUCTS} more", style="dim"))
    return table


def _negative_chart(shares: Sequence[float | None]) -> Text:
    chart = Text()
    for share in shares:
        style = "grey37" if share is None else "bold red" if share >= 0.5 else "yellow" if share >= 0.3 else "green"
        chart.append(sparkline([share], 1.0), style=style)
    return chart
