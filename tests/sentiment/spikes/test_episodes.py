"""Open → update → escalate → resolve."""

from __future__ import annotations

from sentiment.spikes.baseline import Expected
from sentiment.spikes.buckets import MinuteCounts
from sentiment.spikes.detector import Evidence
from sentiment.spikes.episodes import Episode, EpisodeConfig, Transition, open_episode, update

EXPECTED = Expected(share=0.2, spread=0.12)
CONFIG = EpisodeConfig()


def opened(n: int = 20, negatives: int = 9) -> Episode:
    """An episode that opened at minute 30 and started at minute 10."""
    return open_episode(Evidence(7.0, 10, 30, n, negatives, n * 1.05), 30, EXPECTED, CONFIG)


def play(episode: Episode, counts: list[tuple[int, int, int]], config: EpisodeConfig = CONFIG) -> list[Transition]:
    """The transitions of (minute, n, negatives)."""
    steps = (update(episode, MinuteCounts(*each), 1.05, 2.0, config) for each in counts)
    return [step for step in steps if step is not None]


def test_it_starts_at_the_change_point_with_its_counts() -> None:
    """The start is where the evidence began, not where it sufficed."""
    episode = opened()
    assert (episode.started, episode.opened) == (10, 30)
    assert (episode.window.n, episode.window.negatives) == (20, 9)
    assert episode.severity == "warning"
    assert opened(20, 12).severity == "critical"


def test_it_stays_open_for_the_minimum_hold() -> None:
    """However convincing the recovery, it does not resolve before the hold is over."""
    episode = opened()
    calm = [(31 + minute, 10, 1) for minute in range(CONFIG.hold_minutes)]
    assert play(episode, calm[:-1]) == []
    assert play(episode, calm[-1:]) == [Transition.RECOVERED]


def test_a_recovery_that_was_none_counts_as_incident() -> None:
    """A calm while is undone by what follows, and its results belong to the episode again."""
    episode = opened()
    assert play(episode, [(31, 6, 0)]) == []
    assert episode.turned == 31
    assert play(episode, [(32, 10, 8), (33, 10, 9)]) in ([], [Transition.ESCALATED])
    assert episode.turned is None
    assert (episode.window.n, episode.window.negatives) == (46, 26)


def test_results_after_the_turn_are_not_part_of_it() -> None:
    """The episode ends where the share turned, with the counts until then."""
    episode = opened()
    play(episode, [(40, 10, 6)] + [(50 + minute, 3, 0) for minute in range(10)])
    assert episode.turned == 50
    assert (episode.window.n, episode.window.negatives) == (30, 15)


def test_it_escalates_once() -> None:
    """When even the lower end of the interval is four times the expected odds, it is critical, and says so once."""
    episode = opened()
    worse = [(31 + minute, 10, 8) for minute in range(30)]
    assert play(episode, worse) == [Transition.ESCALATED]
    assert episode.severity == "critical"


def test_an_episode_at_the_usual_level_of_the_alarm_does_not_flap() -> None:
    """Between the expected and the raised share it neither recovers nor escalates within hours."""
    episode = opened()
    assert play(episode, [(31 + 5 * step, 9, 4) for step in range(40)]) == []


def test_it_ends_by_accepting_the_level() -> None:
    """A day after opening, a level that lasts is the new normal."""
    episode = opened()
    last = [(30 + CONFIG.max_minutes - 1, 2, 1), (30 + CONFIG.max_minutes, 2, 1)]
    assert play(episode, last) == [Transition.NEW_LEVEL]
