"""What the demo counted, and whether that is what it had to find. For people and for machines."""

from __future__ import annotations

from datetime import datetime

import msgspec

from consumers.demo.stream import Incident
from consumers.demo.verify import Tally
from sentiment.events import LABELS, Alert
from sentiment.terminal import printable


class AlertedEpisode(msgspec.Struct, frozen=True, kw_only=True):
    """One episode, as its alerts describe it. `resolved` is None while it lasts."""

    product: str
    severity: str
    start: datetime
    fired: datetime
    resolved: datetime | None
    n: int
    negatives: int
    drivers: list[str]
    message: str


class ProductCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of one product."""

    events: int
    negative: int
    neutral: int
    positive: int


class DemoVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a demo. `faults` says why it failed. `published` counts input rows, the rest is from the topics."""

    passed: bool
    faults: list[str]
    input: str
    published: int
    rejected: int
    events: int
    results: int
    distinct: int
    doubled: int
    missing: int
    dead_letters: int
    dead_letter_reasons: dict[str, int]
    episodes: list[AlertedEpisode]
    incident_found: bool | None
    labels: dict[str, int]
    products: dict[str, ProductCounts]
    models: list[str]
    seconds: float


def reach_verdict(
    tally: Tally, *, name: str, published: int, rejected: int, incident: Incident | None, seconds: float
) -> DemoVerdict:
    """Judge what was counted. `incident` has the times of the topics; without one, alerts do not matter."""
    episodes = _episodes(tally.alerts)
    faults = _score_faults(tally, published)
    found = None
    if incident is not None:
        alert_faults = _alert_faults(episodes, incident)
        found = not alert_faults
        faults += alert_faults
    return DemoVerdict(
        passed=not faults,
        faults=faults,
        input=name,
        published=published,
        rejected=rejected,
        events=len(tally.events),
        results=tally.results.total(),
        distinct=len(tally.results),
        doubled=tally.doubled,
        missing=tally.missing,
        dead_letters=tally.dead_letters.total(),
        dead_letter_reasons=dict(sorted(tally.reasons.items())),
        episodes=episodes,
        incident_found=found,
        labels={label: sum(n for (_, of), n in tally.labels.items() if of == label) for label in LABELS},
        products={product: _product(tally, product) for product in tally.products()},
        models=sorted(tally.models),
        seconds=round(seconds, 1),
    )


def as_text(summary: DemoVerdict) -> str:
    """The verdict for people, in a few lines."""
    lines = [
        f"{summary.events:,} events in, {summary.results:,} results, {summary.distinct:,} distinct,"
        f" {summary.doubled:,} doubled, {summary.missing:,} missing, {summary.dead_letters:,} dead letters"
    ]
    if summary.rejected:
        lines.append(f"{summary.rejected:,} {'row' if summary.rejected == 1 else 'rows'} could not be published")
    width = max(map(len, summary.products), default=0)
    for name, product in summary.products.items():
        counts = (_share(label, getattr(product, label), product.events) for label in LABELS)
        lines.append(f"  {printable(name):<{width}}  {product.events:,} events: {', '.join(counts)}")
    lines.append(f"{len(summary.episodes)} {'alert' if len(summary.episodes) == 1 else 'alerts'}")
    for episode in summary.episodes:
        end = "still open" if episode.resolved is None else f"resolved {episode.resolved:%H:%M}"
        lines.append(f"  {printable(episode.message)} [{episode.severity}, {end}]")
    lines.append(f"{'passed' if summary.passed else 'did not pass'} in {summary.seconds:.0f} s")
    return "\n".join(lines)


def _share(label: str, n: int, of: int) -> str:
    return f"{label} {n:,} ({n / max(of, 1):.0%})"


def _score_faults(tally: Tally, published: int) -> list[str]:
    counts = {
        "events are on the topic": (len(tally.events), published),
        "events have no result": (tally.missing, 0),
        "results are duplicates": (tally.doubled, 0),
        "results belong to no event": (tally.unknown, 0),
        "events are dead letters": (tally.dead_letters.total(), 0),
        "records of the pipeline cannot be read": (tally.unreadable, 0),
    }
    return [f"{n:,} {what}, expected {wanted:,}" for what, (n, wanted) in counts.items() if n != wanted]


def _alert_faults(episodes: list[AlertedEpisode], incident: Incident) -> list[str]:
    if len(episodes) != 1:
        return [f"{len(episodes)} alerts were raised, expected one for {incident.product}"]
    episode = episodes[0]
    if episode.product != incident.product:
        return [f"the alert is for {episode.product}, expected {incident.product}"]
    if episode.start > incident.end or episode.fired < incident.start:
        return [f"the alert for {episode.product} does not overlap with its incident"]
    return []


def _episodes(alerts: list[Alert]) -> list[AlertedEpisode]:
    by_id: dict[str, list[Alert]] = {}
    for alert in alerts:
        by_id.setdefault(alert.episode_id, []).append(alert)
    return [_episode(of) for of in by_id.values()]


def _episode(alerts: list[Alert]) -> AlertedEpisode:
    firing = [alert for alert in alerts if alert.status == "firing"] or alerts
    latest, ends = firing[-1], [alert.window_end for alert in alerts if alert.status == "resolved"]
    return AlertedEpisode(
        product=latest.segment,
        severity=latest.severity,
        start=latest.started_at,
        fired=firing[0].window_end,
        resolved=max(ends) if ends else None,
        n=latest.n,
        negatives=latest.negatives,
        drivers=latest.drivers,
        message=latest.message,
    )


def _product(tally: Tally, product: str) -> ProductCounts:
    events = sum(1 for of in tally.events.values() if of == product)
    labels = {label: tally.labels[product, label] for label in LABELS}
    return ProductCounts(events=events, **labels)
