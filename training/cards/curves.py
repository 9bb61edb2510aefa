"""How a training went, drawn from the record in a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sentiment.figures import BLUE, COLOURS, GREY, ORANGE, STYLE, svg

_SHOWN = {"macro_f1": "macro-F1", "source_macro_f1": "mean macro-F1 of the data sets", "accuracy": "accuracy"}


def curves_plot(run: Mapping[str, Any]) -> str:
    """Losses, metrics of the evaluations and the learning rate, over the steps. A dotted line marks the best one."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.0, 7.0), layout="constrained")
        losses, metrics, rates = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 1))
        _losses(losses, run)
        _metrics(metrics, run)
        steps = [point["step"] for point in run["training"]]
        rates.plot(steps, [point["learning_rate"] for point in run["training"]], color=GREY)
        rates.set(ylabel="learning rate", xlabel="step", ylim=(0.0, None))
        for axes in (losses, metrics, rates):
            axes.axvline(run["best_step"], color=GREY, linestyle=":", linewidth=1)
        figure.align_ylabels()
        return svg(figure)


def _losses(axes: Axes, run: Mapping[str, Any]) -> None:
    evaluations = run["evaluations"]
    axes.plot(
        [point["step"] for point in run["training"]],
        [point["loss"] for point in run["training"]],
        color=BLUE,
        linewidth=1,
        label="training, weighted and smoothed",
    )
    axes.plot(
        [point["step"] for point in evaluations],
        [point["loss"] for point in evaluations],
        color=ORANGE,
        marker="o",
        markersize=4,
        label="validation",
    )
    axes.set(ylabel="loss", ylim=(0.0, None))
    axes.legend(frameon=False)


def _metrics(axes: Axes, run: Mapping[str, Any]) -> None:
    evaluations = run["evaluations"]
    steps = [point["step"] for point in evaluations]
    for (name, words), colour in zip(_SHOWN.items(), COLOURS, strict=False):
        axes.plot(steps, [point[name] for point in evaluations], color=colour, marker="o", markersize=4, label=words)
    axes.set(ylabel="on the validation rows", ylim=(0.0, 1.0))
    axes.legend(frameon=False, loc="lower right")
