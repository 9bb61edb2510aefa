"""The texts of the results topic, as candidates for review."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentiment.events import ScoredFeedback
    from sentiment.settings import Settings
    from training.review.candidates import Candidate


def read_topic(settings: Settings) -> list[Candidate]:
    """Return the texts of all results, each once. Records that are not results are skipped."""
    from consumers.cluster.connection import check_connection
    from consumers.cluster.topics import ensure_topics
    from training.review.candidates import from_results, without_doubles

    check_connection(settings)
    ensure_topics(settings, [settings.topics.sentiment])
    return without_doubles(from_results(_results(settings)))


def _results(settings: Settings) -> Iterator[ScoredFeedback]:
    from consumers.cluster.reader import read_to_end
    from sentiment.errors import PoisonRecord
    from sentiment.events import decode_scored

    for record in read_to_end(settings, settings.topics.sentiment):
        try:
            yield decode_scored(record.value)
        except PoisonRecord:
            continue
