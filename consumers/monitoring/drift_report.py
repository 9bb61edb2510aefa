"""The HTML report of a run of the monitor. Needs the extra `train`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from consumers.monitoring.drift_plots import accuracy_plot, bins_plot, change_plot, labels_plot
from sentiment.drift.comparison import DriftConfig, FeatureComparison
from sentiment.drift.profile import EVERYTHING
from sentiment.drift.reports import MonitorSummary, WindowReport
from sentiment.figures import data_uri
from sentiment.pages import page_of

MOST_WINDOWS = 400
"""How many of the newest windows a report shows: more would not be readable."""

_TEMPLATES = Path(__file__).parent / "templates"
_MOST_FINDINGS = 12
_ALL = "all results"


@dataclass(frozen=True, slots=True)
class Finding:
    """A feature of a segment that drifted in a window."""

    window: WindowReport
    comparison: FeatureComparison
    segment: str
    plot: str


@dataclass(frozen=True, slots=True)
class SegmentDrift:
    """How often a segment was compared, in how many windows it drifted, and its largest change."""

    name: str
    n_compared: int
    n_drifted: int
    largest: FeatureComparison
    at: WindowReport


def drift_report(
    windows: Sequence[WindowReport], summary: MonitorSummary, config: DriftConfig, *, reference: str
) -> str:
    """The report on these windows, in their order. `reference` says in words what they are compared with."""
    segments = _segments(windows)
    titles = {segment.name: _title(segment.name) for segment in segments}
    found = sorted(
        ((report, each) for report in windows for each in report.drifted),
        key=lambda pair: (-pair[1].psi, pair[0].start, pair[1].segment),
    )
    return page_of(
        _TEMPLATES,
        "drift.html",
        windows=windows,
        summary=summary,
        config=config,
        reference=reference,
        title=_title,
        segments=segments,
        change=data_uri(change_plot(windows, config.min_psi)) if segments else None,
        accuracy=data_uri(accuracy_plot(windows)) if windows else None,
        labels=data_uri(labels_plot(windows, titles)) if segments else None,
        findings=[
            Finding(report, each, _title(each.segment), data_uri(bins_plot(each)))
            for report, each in found[:_MOST_FINDINGS]
        ],
        n_findings=len(found),
    )


def _segments(windows: Iterable[WindowReport]) -> list[SegmentDrift]:
    """Everything first, then by how often they drifted."""
    compared: Counter[str] = Counter()
    drifted: Counter[str] = Counter()
    largest: dict[str, tuple[FeatureComparison, WindowReport]] = {}
    for report in windows:
        compared.update({each.segment for each in report.comparisons})
        drifted.update({each.segment for each in report.drifted})
        for each in report.comparisons:
            if each.segment not in largest or each.psi > largest[each.segment][0].psi:
                largest[each.segment] = (each, report)
    order = sorted(compared, key=lambda name: (name != EVERYTHING, -drifted[name], name))
    return [SegmentDrift(name, compared[name], drifted[name], *largest[name]) for name in order]


def _title(segment: str) -> str:
    return _ALL if segment == EVERYTHING else segment
