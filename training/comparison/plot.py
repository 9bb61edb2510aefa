"""Quality against throughput: one point for each model, and the Pareto front."""

from __future__ import annotations

import io
from itertools import cycle

import matplotlib as mpl
from matplotlib.figure import Figure

from sentiment.figures import COLOURS, GREY, STYLE
from training.comparison.records import ModelComparison

PLOT_ENDINGS = (".svg", ".png")


def plot_of(comparison: ModelComparison, ending: str) -> bytes:
    """The plot as a file with one of the `PLOT_ENDINGS`."""
    with mpl.rc_context(STYLE), io.BytesIO() as file:
        # Without a date the same comparison is the same file.
        metadata = {"Date": None} if ending == ".svg" else None
        _figure(comparison).savefig(file, format=ending.removeprefix("."), dpi=150, metadata=metadata)
        return file.getvalue()


def _figure(comparison: ModelComparison) -> Figure:
    figure = Figure(figsize=(8.0, 4.6), layout="constrained")
    axes = figure.subplots()
    front = sorted(
        (model.speed.texts_per_s, model.quality.macro_f1.value) for model in comparison.models if model.on_front
    )
    axes.plot([speed for speed, _ in front], [f1 for _, f1 in front], color=GREY, linestyle=":", linewidth=1, zorder=1)
    for model, colour in zip(comparison.models, cycle(COLOURS), strict=False):
        f1, speed = model.quality.macro_f1, model.speed.texts_per_s
        axes.errorbar(
            speed,
            f1.value,
            # A percentile interval need not contain the value.
            yerr=[[max(f1.value - f1.low, 0.0)], [max(f1.high - f1.value, 0.0)]],
            color=colour,
            marker="D" if model.on_front else "o",
            linestyle="none",
            capsize=3,
            label=model.name,
        )
    # Names beside the points would overlap, because models of the same size are close together.
    figure.legend(loc="outside right upper", frameon=False)
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_xlabel(f"texts/s ({comparison.conditions.instruction_set})")
    axes.set_ylabel(f"macro-F1 on {comparison.conditions.n_rows:,} rows, 95 % interval")
    axes.set_title("Diamonds: the Pareto front", fontsize=10, loc="left", color=GREY)
    return figure
