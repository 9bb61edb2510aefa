"""What an import of labels found, as lines for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from training.review.dataset import Lineage
    from training.review.importing import ReviewReport

_SHOWN_ITEMS = 3


def report_lines(report: ReviewReport, made: tuple[Path, Lineage] | None, published: int | None) -> list[str]:
    """Return the lines. `made` is the new version of the data set, if any; `published` counts published labels."""
    settled = ", ".join(f"{count} {how}" for how, count in report.settled.items()) or "none"
    lines = [f"{report.n_items} items; settled: {settled}; open: {len(report.unsettled)}; skipped: {report.skipped}"]
    for pair in report.agreement.pairs:
        kappa = "–" if pair.cohen_kappa is None else f"{pair.cohen_kappa:.2f}"
        lines.append(f"agreement of {pair.first} and {pair.second}: Cohen's kappa {kappa} on {pair.n} items")
    if len(report.agreement.pairs) > 1 and report.agreement.fleiss_kappa is not None:
        lines.append(f"of all: Fleiss' kappa {report.agreement.fleiss_kappa:.2f} on {report.agreement.fleiss_n} items")
    if report.unsettled:
        lines.append("quality is reported once all items are settled, because the open ones are the hard ones")
    elif report.quality is not None:
        accuracy, f1 = report.quality.accuracy, report.quality.macro_f1
        lines.append(
            f"the model on the texts of the export: accuracy {accuracy.value:.2f} ({accuracy.low:.2f}–"
            f"{accuracy.high:.2f}), macro-F1 {f1.value:.2f} ({f1.low:.2f}–{f1.high:.2f})"
        )
    if report.suspected:
        shown = ", ".join(report.suspected[:_SHOWN_ITEMS])
        lines.append(f"labels to check again: {len(report.suspected)} ({shown}, …; --json lists all)")
    if made is None:
        lines.append("nothing new; the data set stays as it is")
    else:
        path, lineage = made
        change = f"{lineage.added} added, {lineage.relabelled} relabelled, {lineage.unchanged} known"
        lines.append(f"wrote {path}: {lineage.rows:,} rows ({change})")
    if published is not None:
        lines.append(f"published {published} labels")
    return lines
