"""How figures look: readable for the colour-blind, drawn without a display, and the same file for the same numbers."""

from __future__ import annotations

import base64
import io
from typing import Any

BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#777777"
COLOURS = (BLUE, ORANGE, "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Distinct for the colour-blind too (Okabe and Ito 2008)."""

STYLE: Any = {
    "svg.fonttype": "none",  # words stay words: small, searchable, read aloud
    "svg.hashsalt": "sentiment",  # the same figure is the same file
    "font.size": 10,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
}
"""For matplotlib's ``rc_context``."""


def svg(figure: Any) -> str:
    """A matplotlib figure as SVG. Draw it inside ``rc_context(STYLE)``."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()


def data_uri(drawn: str) -> str:
    """An SVG as an image that a page holds in itself: nothing in it can run or load anything."""
    return "data:image/svg+xml;base64," + base64.b64encode(drawn.encode()).decode("ascii")
