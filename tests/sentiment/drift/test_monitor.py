"""The monitor on invented streams: it finds drift and nothing else, labels join, and memory is bounded."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import numpy as np
import pytest

from sentiment.drift.comparison import DriftConfig, compare
from sentiment.drift.event_clock import EventClock
from sentiment.drift.features import FEATURES, DriftObservation, bin_order
from sentiment.drift.join import LabelJoin
from sentiment.drift.monitor import Monitor, MonitorConfig
from sentiment.drift.profile import EVERYTHING, MAX_SEGMENTS, Profile
from sentiment.drift.reports import WindowReport
from sentiment.events import LABELS, Label, LateLabel, ScoredFeedback, SourcePosition
from tests.consumers.results import START, scored

HOUR_MS = 3_600_000
CONFIG = MonitorConfig(window_ms=HOUR_MS)


def profile(rng: np.random.Generator, n: int, *, segments: int = 5, negative: float = 0.25) -> Profile:
    """`n` independent results."""
    made = Profile()
    labels = rng.choice(LABELS, n, p=[negative, 0.3, 0.7 - negative])
    lengths = rng.lognormal(4, 1, n).astype(int)
    confidences = rng.beta(6, 2, n) * 0.66 + 0.34
    languages = rng.choice(["en", "de", "hi", "es"], n, p=[0.9, 0.05, 0.03, 0.02])
    unknown = np.where(rng.random(n) < 0.8, 0.0, rng.random(n) * 0.3)
    for i in range(n):
        made.add(
            DriftObservation(
                0,
                f"product {i % segments}",
                "1",
                str(labels[i]),
                float(confidences[i]),
                str(languages[i]),
                int(lengths[i]),
                float(unknown[i]),
                1.0 + float(unknown[i]),
            )
        )
    return made


def test_false_alarms_keep_the_promise() -> None:
    """In 50 windows without a change, with 24 comparisons each at α = 0.2, no more windows alarm than α allows."""
    rng = np.random.default_rng(6)
    config = DriftConfig(alpha=0.2, min_psi=0.0, min_n=50)
    alarms = 0
    for seed in range(50):
        found = compare(profile(rng, 400, segments=3), profile(rng, 300, segments=3), config, seed=seed)
        assert len(found) == 4 * len(FEATURES)
        alarms += any(each.drifted for each in found)
    assert alarms <= 50 * 0.2 + 3 * np.sqrt(50 * 0.2 * 0.8)


def test_a_change_is_found_where_it_is_and_named() -> None:
    """With more negatives the label drifts and the length does not. The shift names the bin with its shares."""
    rng = np.random.default_rng(7)
    found = compare(profile(rng, 2_000), profile(rng, 2_000, negative=0.5), DriftConfig(), seed=1)
    drifted = {(each.segment, each.feature) for each in found if each.drifted}
    assert (EVERYTHING, "label") in drifted
    assert {feature for _, feature in drifted} == {"label"}
    whole = next(each for each in found if (each.segment, each.feature) == (EVERYTHING, "label"))
    assert {whole.largest.bin} <= {"negative", "positive"}
    assert abs(whole.largest.window - whole.largest.reference) == pytest.approx(0.25, abs=0.05)
    assert [each.bin for each in whole.bins] == list(LABELS)
    for each in found:
        assert sum(share.window for share in each.bins) == pytest.approx(1.0)


def test_bins_of_numbers_are_in_the_order_of_the_numbers() -> None:
    """As a reader looks for them, though their names begin with signs."""
    names = ["none", "≥0.4", "0.2–0.4", "0", "0.02–0.05", "de", "<0.02"]
    assert sorted(names, key=bin_order) == ["0", "<0.02", "0.02–0.05", "0.2–0.4", "≥0.4", "de", "none"]


def test_segments_and_bins_are_bounded() -> None:
    """Of a thousand products and languages, twenty and forty have their own counts. All count in the whole."""
    made = Profile()
    for number in range(1_000):
        made.add(DriftObservation(0, f"p{number}", "1", "neutral", 0.5, f"l{number}", None, None, None))
    assert len(made.segments) == MAX_SEGMENTS + 1
    assert len(made.segments[EVERYTHING].counts["language"]) == 41
    assert made.n == 1_000
    assert made.segments[EVERYTHING].counts["text_length"].total() == 0


def hours(n_hours: int, *, per_hour: int = 150, drift_from: int | None = None) -> list[ScoredFeedback]:
    """A stream of results. From hour `drift_from`, three of four are negative and texts are long."""
    rng = np.random.default_rng(8)
    made = []
    for number in range(n_hours * per_hour):
        drifted = drift_from is not None and number // per_hour >= drift_from
        negative = 0.75 if drifted else 0.25
        label: Label = rng.choice(["negative", "positive"], p=[negative, 1 - negative])
        at = START + timedelta(hours=number / per_hour)
        made.append(
            scored(number, at, label, text="word " * int(rng.integers(20, 60) if drifted else rng.integers(2, 9)))
        )
    return made


def run(monitor: Monitor, results: Iterable[ScoredFeedback]) -> list[WindowReport]:
    """Feed the results in order, with event time as the watermark."""
    reports = []
    for result in results:
        monitor.add_result(result)
        reports += monitor.advance(int(result.created_at.timestamp() * 1000))
    return reports + monitor.finish()


def test_the_first_window_is_the_reference_and_drift_is_found_after_it() -> None:
    """Without drift every window is steady. With drift, exactly the changed windows alarm."""
    assert [r.outcome for r in run(Monitor(CONFIG), hours(5))] == ["reference", *["steady"] * 4]
    changed = run(Monitor(CONFIG, token_facts=lambda _: (0.0, 1.0)), hours(5, drift_from=3))
    assert [r.outcome for r in changed] == ["reference", "steady", "steady", "drifted", "drifted"]
    assert {each.feature for each in changed[-1].drifted} == {"text_length", "label"}
    assert [r.n for r in changed] == [150] * 5


def test_a_given_reference_is_used_and_results_without_text_are_said() -> None:
    """The first window is compared too. Text features are left out instead of counted as zero."""
    stream = [scored(number, START + timedelta(seconds=number), "neutral", text=None) for number in range(200)]
    reports = run(Monitor(CONFIG, reference=hours(1)), stream)
    assert [r.outcome for r in reports] == ["drifted"]
    assert not reports[0].text_features
    assert {each.feature for each in reports[0].comparisons} == {"language", "label", "confidence"}


def test_the_same_stream_gives_the_same_report() -> None:
    """Resampling is seeded by window, so a restart reports the same."""
    assert run(Monitor(CONFIG), hours(3, drift_from=2)) == run(Monitor(CONFIG), hours(3, drift_from=2))


def test_late_and_future_results_are_counted_not_judged() -> None:
    """A result for a closed window is late. One whose event is dated after its scoring lies in the future."""
    monitor = Monitor(CONFIG)
    run(monitor, hours(2))
    assert monitor.add_result(scored(9_000, START, "neutral")) == "late"
    future = scored(9_001, START + timedelta(days=9), "neutral", scored_at=START)
    assert monitor.add_result(future) == "future"
    summary = monitor.summary()
    assert (summary.n_late, summary.n_future, summary.n_windows) == (1, 1, 2)


def truth(
    number: int, label: Label, *, minutes: int = 0, by_id: bool = False, chance: float | None = None
) -> LateLabel:
    """A label for the result at offset `number`."""
    position = SourcePosition(topic="feedback", partition=0, offset=number)
    return LateLabel(
        label=label,
        labelled_at=START + timedelta(days=400, minutes=minutes),
        event_id=f"e{number}" if by_id else None,
        position=None if by_id else position,
        inclusion_probability=chance,
    )


@pytest.mark.parametrize("by_id", [True, False])
@pytest.mark.parametrize("labels_first", [True, False])
def test_labels_join_before_and_after_their_results(by_id: bool, labels_first: bool) -> None:
    """By id and by position. A later label replaces an earlier one, and a label without a result waits."""
    monitor = Monitor(CONFIG)
    results = [scored(number, START + timedelta(minutes=number), "negative") for number in range(10)]
    labels = [truth(number, "negative", by_id=by_id) for number in range(10)]
    labels += [truth(3, "positive", minutes=5, by_id=by_id), truth(3, "neutral", minutes=-5, by_id=by_id)]
    labels.append(truth(77, "neutral", by_id=by_id))
    if labels_first:
        for label in labels:
            monitor.add_label(label)
    for result in results:
        monitor.add_result(result)
    if not labels_first:
        for label in labels:
            monitor.add_label(label)
    [quality] = monitor.labelled().values()
    assert quality.n == 10
    assert quality.accuracy.value == pytest.approx(0.9)
    assert monitor.summary().labels_waiting == 1


def test_weights_undo_the_choice_of_what_was_labelled() -> None:
    """If one wrong result stands for ten, and ten right ones for themselves, half is right."""
    monitor = Monitor(CONFIG)
    for number in range(11):
        monitor.add_result(scored(number, START, "negative"))
        monitor.add_label(truth(number, "positive" if number == 0 else "negative", chance=0.1 if number == 0 else 1.0))
    [quality] = monitor.labelled().values()
    assert quality.accuracy.value == pytest.approx(0.5)


def test_reading_history_in_another_order_says_the_same() -> None:
    """Labels and results may come in any order, over more than the horizon. Nothing expires before all is read."""
    stream = hours(4)
    truths = [truth(number, result.label if number % 3 else "neutral") for number, result in enumerate(stream[:80])]
    found = []
    for results, told in ((stream, truths), (stream[::-1], truths[::-1])):
        monitor = Monitor(MonitorConfig(window_ms=HOUR_MS, horizon_ms=HOUR_MS))
        for result in results:
            monitor.add_result(result)
            monitor.advance(None)
        for label in told:
            monitor.add_label(label)
        found.append((monitor.finish(), monitor.summary()))
    assert found[0] == found[1]
    assert found[0][1].labels_joined == 80


def test_labelled_reference_results_give_the_estimates_that_need_them() -> None:
    """ATC and DoC appear once fifty reference results are labelled."""
    monitor = Monitor(CONFIG)
    stream = hours(2)
    for number, result in enumerate(stream[:60]):
        monitor.add_label(truth(number, result.label if number % 4 else "neutral"))
    reports = run(monitor, stream)
    assert reports[1].accuracy.n_reference == 60
    assert reports[1].accuracy.difference_of_confidences == pytest.approx(0.75, abs=0.01)
    assert reports[1].accuracy.average_thresholded_confidence is not None


def test_the_slowest_active_feed_holds_the_clock() -> None:
    """A feed that has fallen silent does not hold it back, nor do all of them together."""
    clock = EventClock(patience_s=300)
    assert clock.watermark_ms(0) is None
    clock.note("slow", 1_000, 0.0)
    clock.note("fast", 9_000, 200.0)
    clock.note("fast", 8_000, 210.0)
    assert clock.watermark_ms(299.0) == 1_000
    assert clock.watermark_ms(301.0) == 9_000
    clock.note("slow", 12_000, 400.0)
    assert clock.watermark_ms(500.0) == 9_000
    assert clock.watermark_ms(10_000.0) == 12_000


def test_the_join_is_bounded_in_number_and_time() -> None:
    """What waits too long, or exceeds the limit, is forgotten and counted."""
    join = LabelJoin(max_events=5, horizon_ms=HOUR_MS)
    for number in range(20):
        join.add_result(scored(number, START + timedelta(minutes=number), "neutral"), 0.8)
        join.add_label(truth(100 + number, "neutral", minutes=number))
    assert (join.n_kept, join.n_waiting_labels) == (5, 5)
    assert join.counts.expired == 15
    join.add_result(scored(50, _later(), "neutral"), 0.8)
    join.expire()
    assert join.n_kept == 1
    assert join.add_label(truth(19, "neutral", by_id=True)) == []


def _later() -> datetime:
    return START + timedelta(days=2)
