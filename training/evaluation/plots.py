"""Plots of an evaluation as SVG. Every figure carries its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sentiment.figures import BLUE, GREY, ORANGE, STYLE, svg
from training.evaluation.against import FigureBeside
from training.evaluation.records import Bin, Evaluation, SliceQuality

_LIGHT_ON_DARK_FROM = 0.55


def confusion_plot(evaluation: Evaluation) -> str:
    """The confusion matrix, coloured by the shares of each row, with its counts."""
    counts = np.array(evaluation.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = list(evaluation.by_class)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 3.6), layout="constrained")
        axes = figure.subplots()
        axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
        axes.set_xticks(range(len(names)), names)
        axes.set_yticks(range(len(names)), names)
        axes.set_xlabel("prediction")
        axes.set_ylabel("label")
        axes.spines[:].set_visible(False)
        for (row, column), share in np.ndenumerate(shares):
            colour = "white" if share > _LIGHT_ON_DARK_FROM else "black"
            words = f"{counts[row, column]:,}\n{share:.0%}"
            axes.text(column, row, words, ha="center", va="center", color=colour)
        return svg(figure)


def reliability_plot(bins: Sequence[Bin]) -> str:
    """Accuracy against confidence, with the rows of each bin below. On the dotted line the two are equal."""
    return _reliability([("", [("", bins)])])


def calibration_plot(forms: Mapping[str, tuple[Sequence[Bin], Sequence[Bin]]]) -> str:
    """The bins of each form of the weights before and after calibration. Numbers of rows are those after."""
    return _reliability([(form, [("before", before), ("after", after)]) for form, (before, after) in forms.items()])


def slices_plot(slices: Sequence[SliceQuality], overall: float) -> str:
    """Macro-F1 of each slice with its interval. The dashed line is the value over all rows."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.0, 0.9 + 0.26 * len(slices)), layout="constrained")
        axes = figure.subplots()
        places = np.arange(len(slices))
        values = np.array([piece.macro_f1.value for piece in slices])
        # The percentile interval of a tiny slice need not contain its value.
        below = np.maximum(values - [piece.macro_f1.low for piece in slices], 0.0)
        above = np.maximum([piece.macro_f1.high for piece in slices] - values, 0.0)
        axes.axvline(overall, color=GREY, linestyle="--", linewidth=1)
        axes.errorbar(values, places, xerr=(below, above), fmt="o", color=BLUE, markersize=4, capsize=2)
        # A dollar sign would start a formula.
        axes.set_yticks(places, [f"{piece.name} ({piece.n:,})".replace("$", r"\$") for piece in slices])
        axes.set_ylim(len(slices) - 0.4, -0.6)
        axes.set_xlim(0.0, 1.0)
        axes.set_xlabel("macro-F1")
        return svg(figure)


def differences_plot(figures: Sequence[FigureBeside]) -> str:
    """The difference of each figure with its interval. Left of the line the earlier value is higher."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.0, 0.9 + 0.26 * len(figures)), layout="constrained")
        axes = figure.subplots()
        places = np.arange(len(figures))
        found = [each.difference for each in figures]
        values = np.array([each.value for each in found])
        ends = (values - [each.low for each in found], [each.high for each in found] - values)
        axes.axvline(0.0, color=GREY, linestyle="--", linewidth=1)
        axes.errorbar(values, places, xerr=ends, fmt="o", color=BLUE, markersize=4, capsize=2)
        axes.set_yticks(places, [f"{each.kind}: {each.name}".replace("$", r"\$") for each in figures])
        axes.set_ylim(len(figures) - 0.4, -0.6)
        axes.set_xlabel("difference")
        return svg(figure)


def _reliability(panels: Sequence[tuple[str, Sequence[tuple[str, Sequence[Bin]]]]]) -> str:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.6 * len(panels), 4.2), layout="constrained")
        grid = figure.subplots(2, len(panels), sharex=True, height_ratios=(3, 1), squeeze=False)
        for (title, lines), (upper, lower) in zip(panels, grid.T, strict=True):
            upper.set_title(title)
            upper.plot([0.3, 1.0], [0.3, 1.0], color=GREY, linestyle=":", linewidth=1)
            for (name, bins), colour, marker in zip(lines, (BLUE, ORANGE), "os", strict=False):
                confidence, accuracy = [part.confidence for part in bins], [part.accuracy for part in bins]
                upper.plot(confidence, accuracy, color=colour, marker=marker, markersize=4, label=name)
            if len(lines) > 1:
                upper.legend(frameon=False, loc="upper left")
            upper.set(ylabel="accuracy", xlim=(0.3, 1.0), ylim=(0.0, 1.02))
            _histogram(lower, lines[-1][1])
        return svg(figure)


def _histogram(axes: Axes, bins: Sequence[Bin]) -> None:
    centres = [(part.low + part.high) / 2 for part in bins]
    axes.bar(centres, [part.n for part in bins], width=[0.9 * (part.high - part.low) for part in bins], color=GREY)
    axes.set_xlabel("confidence")
    axes.set_ylabel("rows")
