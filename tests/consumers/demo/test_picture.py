"""The picture of the demo is its display at the first alert, and asks nobody for anything."""

from __future__ import annotations

import re
from html import unescape
from xml.etree import ElementTree

from consumers.demo.picture import PictureView, as_svg
from tests.consumers.demo.test_board import board, scored


def words_of(svg: str) -> str:
    """What a reader sees, without the layout."""
    texts = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")  # noqa: S314 made here
    return re.sub(r"\s+", " ", unescape(" ".join(text.text or "" for text in texts)))


def test_the_picture_is_taken_once_an_alert_has_come() -> None:
    """Nothing is drawn before; later states of the board do not change it."""
    shown = board()
    view = PictureView(shown)
    view.refresh()
    assert view.svg is None
    view.notice("FIRING critical · shop: 67% negative against 15% expected")
    view.notice("    “charged twice”")
    view.refresh()
    view.notice("RESOLVED critical · shop: over")
    view.refresh()
    assert view.svg is not None
    seen = words_of(view.svg)
    assert "67% negative against 15% expected" in seen
    assert "charged twice" in seen
    assert "RESOLVED" not in seen


def test_the_picture_loads_nothing() -> None:
    """No font, script or image comes from elsewhere: readers of a README are not told on."""
    svg = as_svg(board())
    assert "@font-face" not in svg
    assert "url(http" not in svg
    assert "<script" not in svg
    assert "href" not in svg


def test_no_line_of_the_display_is_cut() -> None:
    """The picture is wide enough for the widest line of the bundled stream."""
    shown = board()
    shown.take([scored(hour, "negative", "Smart thermostat") for hour in range(24)])
    assert "…" not in words_of(as_svg(shown))
