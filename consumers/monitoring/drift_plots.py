"""Plots of what the monitor found, as SVG: what the reference lets expect against what each window shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from sentiment.drift.comparison import FeatureComparison
from sentiment.drift.features import FEATURES
from sentiment.drift.profile import EVERYTHING
from sentiment.drift.reports import WindowReport
from sentiment.events import LABELS
from sentiment.figures import BLUE, COLOURS, GREY, ORANGE, STYLE, svg

_LABEL_COLOURS = dict(zip(LABELS, (ORANGE, GREY, BLUE), strict=True))
_COLUMNS = 3
_MOST_DATES = 7


def change_plot(windows: Sequence[WindowReport], min_psi: float) -> str:
    """The change of every feature over all results, window by window. Full marks drifted; the line is `min_psi`."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.0, 3.4), layout="constrained")
        axes = figure.subplots()
        for feature, colour in zip(FEATURES, COLOURS, strict=False):
            found = [(at, each) for at, each in _of(windows, EVERYTHING, feature)]
            if not found:
                continue
            at: Any = [start for start, _ in found]
            axes.plot(at, [each.psi for _, each in found], color=colour, linewidth=1, label=feature.replace("_", " "))
            for start, each in found:
                face = colour if each.drifted else "white"
                when: Any = start
                axes.plot(when, each.psi, marker="o", markersize=5, color=colour, markerfacecolor=face)
        axes.axhline(min_psi, color=GREY, linestyle="--", linewidth=1)
        axes.set(ylabel="PSI over all results", ylim=(0.0, None))
        figure.legend(loc="outside right upper", frameon=False, fontsize=8)
        _dates(figure)
        return svg(figure)


def accuracy_plot(windows: Sequence[WindowReport]) -> str:
    """The estimates of accuracy, window by window. Bars are the luck of the mean confidence alone."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.0, 2.8), layout="constrained")
        axes = figure.subplots()
        at: Any = [report.start for report in windows]
        mean = [report.accuracy.mean_confidence for report in windows]
        below = [max(each.value - each.low, 0.0) for each in mean]
        above = [max(each.high - each.value, 0.0) for each in mean]
        values = [each.value for each in mean]
        axes.errorbar(
            at, values, yerr=(below, above), color=BLUE, marker="o", markersize=4, capsize=2, label="by confidence"
        )
        for name, colour, field in (
            ("DoC", ORANGE, "difference_of_confidences"),
            ("ATC", COLOURS[2], "average_thresholded_confidence"),
        ):
            known = [(report.start, getattr(report.accuracy, field)) for report in windows]
            shown = [(start, value) for start, value in known if value is not None]
            if shown:
                starts: Any = [start for start, _ in shown]
                axes.plot(starts, [value for _, value in shown], color=colour, marker="s", markersize=3, label=name)
        axes.set(ylabel="estimated accuracy", ylim=(0.0, 1.0))
        axes.legend(frameon=False, loc="lower right", fontsize=8)
        _dates(figure)
        return svg(figure)


def labels_plot(windows: Sequence[WindowReport], segments: Mapping[str, str]) -> str:
    """The shares of the labels in every window, a panel for each segment (name → title); dashed in the reference."""
    rows = -(-len(segments) // _COLUMNS)
    columns = min(len(segments), _COLUMNS)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(1.0 + 2.8 * columns, 0.6 + 2.0 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        panels = list(grid.flat)
        for axes, (segment, title) in zip(panels, segments.items(), strict=False):
            _labels(axes, list(_of(windows, segment, "label")))
            axes.set_title(title.replace("$", r"\$"), fontsize=9)
        for axes in panels[len(segments) :]:
            axes.set_visible(False)
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
        _dates(figure)
        return svg(figure)


def bins_plot(found: FeatureComparison) -> str:
    """The histogram of the reference beside that of the window."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(max(4.0, 1.2 + 0.6 * len(found.bins)), 2.4), layout="constrained")
        axes = figure.subplots()
        for name, colour, offset, shares in (
            ("expected", GREY, -0.2, [each.reference for each in found.bins]),
            ("observed", BLUE, 0.2, [each.window for each in found.bins]),
        ):
            axes.bar([place + offset for place in range(len(shares))], shares, width=0.4, color=colour, label=name)
        axes.set_xticks(range(len(found.bins)), [each.bin.replace("$", r"\$") for each in found.bins], fontsize=8)
        axes.set(ylabel="share", ylim=(0.0, None))
        figure.legend(loc="outside right upper", frameon=False, fontsize=8)
        return svg(figure)


def _labels(axes: Axes, found: Sequence[tuple[Any, FeatureComparison]]) -> None:
    at = [start for start, _ in found]
    for label, colour in _LABEL_COLOURS.items():
        shares = [next((each for each in one.bins if each.bin == label), None) for _, one in found]
        observed = [0.0 if share is None else share.window for share in shares]
        expected = [0.0 if share is None else share.reference for share in shares]
        axes.plot(at, observed, color=colour, marker="o", markersize=3, linewidth=1, label=label)
        axes.plot(at, expected, color=colour, linestyle="--", linewidth=0.8)
    axes.set_ylim(0.0, 1.0)


def _of(windows: Sequence[WindowReport], segment: str, feature: str) -> list[tuple[Any, FeatureComparison]]:
    return [
        (report.start, each)
        for report in windows
        for each in report.comparisons
        if (each.segment, each.feature) == (segment, feature)
    ]


def _dates(figure: Figure) -> None:
    for axes in figure.axes:
        locator = AutoDateLocator(minticks=3, maxticks=_MOST_DATES)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        axes.tick_params(axis="x", labelsize=8)
