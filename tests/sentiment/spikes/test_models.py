"""A change of models, however it comes about, is not an incident; and an incident is none of theirs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sentiment.events import ModelRef
from sentiment.spikes.episodes import Transition
from sentiment.spikes.models import MAX_MODELS, Models
from sentiment.spikes.segment import EpisodeChange, SpikeObservation
from tests.sentiment.spikes.observations import START_MINUTE, observation, watch

OLD, NEW = ModelRef(name="m", version="1"), ModelRef(name="m", version="2")
N = 1_600
EIGHTHS = {OLD: 1, NEW: 3}
"""The new model calls three times as much negative."""

Scorer = Callable[[int], ModelRef]


def scored(scorer: Scorer, incident: range = range(0)) -> list[SpikeObservation]:
    """A result a minute; each model calls its share negative, and in the incident both call six of eight so."""
    made: list[SpikeObservation] = []
    seen = dict.fromkeys(EIGHTHS, 0)
    for n in range(N):
        model = scorer(n)
        eighths = 6 if n in incident else EIGHTHS[model]
        negative = (seen[model] * 3) % 8 < eighths  # spread evenly over each model's results
        seen[model] += 1
        made.append(observation(n, n, negative=negative, model=model))
    return made


def told(scorer: Scorer, incident: range = range(0)) -> list[EpisodeChange]:
    return watch(scored(scorer, incident))


def part(n: int, start: int, length: int) -> float:
    """How far a change has come that begins at `start` and takes `length`."""
    return min(max((n - start) / length, 0.0), 1.0)


SCORERS: dict[str, Scorer] = {
    "at once": lambda n: NEW if n >= 500 else OLD,
    "step by step": lambda n: NEW if (n * 7) % 20 < 20 * part(n, 500, 400) else OLD,
    "rolled back soon": lambda n: OLD if 500 <= n < 560 else NEW,
    "rolled back late": lambda n: NEW if n < 300 or n >= 900 else OLD,
    "to and fro": lambda n: NEW if n // 200 % 2 else OLD,
    "a canary for a while": lambda n: NEW if 500 <= n < 1_000 and n % 10 == 0 else OLD,
    "two regions": lambda n: NEW if n % 2 else OLD,
}


@pytest.mark.parametrize("name", SCORERS)
def test_no_change_of_models_is_a_spike(name: str) -> None:
    """Whatever the new model calls negative."""
    assert told(SCORERS[name]) == []


@pytest.mark.parametrize("name", ["a canary for a while", "two regions", "at once"])
def test_an_incident_shows_whoever_scores(name: str) -> None:
    """A canary, a lasting mix, or a change hours ago blind nobody."""
    changes = told(SCORERS[name], range(1_200, 1_290))
    assert [change.transition for change in changes] == [Transition.OPENED, Transition.RECOVERED]
    assert 1_190 <= changes[0].started - START_MINUTE <= 1_210


def test_another_model_makes_no_episode_worse() -> None:
    """In an open episode it may see a share that would be critical; nobody hears of that."""
    loud = ModelRef(name="m", version="3")
    before = [observation(n, n, negative=n * 3 % 16 < (2 if n < 1_600 else 5)) for n in range(1_750)]

    def steps(model: ModelRef) -> list[tuple[Transition, str]]:
        after = [observation(n, n, negative=n % 16 != 0, model=model) for n in range(1_750, 2_000)]
        return [(change.transition, change.severity) for change in watch(before + after)]

    assert steps(OLD) == [(Transition.OPENED, "warning"), (Transition.ESCALATED, "critical")]
    assert steps(loud) == [(Transition.OPENED, "warning")]


def test_few_models_are_remembered() -> None:
    """Many versions in turn take the places of those that scored least lately, and each is new."""
    models = Models()
    for n in range(3 * MAX_MODELS):
        models.note(ModelRef(name="m", version=str(n)), n)
        assert models.changed(n, 50) is (n > 0)
        assert models.main == ModelRef(name="m", version=str(n))
    assert len(models.shares) == MAX_MODELS
    assert models.places == {}
