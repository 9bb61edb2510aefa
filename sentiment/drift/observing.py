"""From a result to the features that are watched."""

from __future__ import annotations

from collections.abc import Callable

from sentiment.drift.features import DriftObservation
from sentiment.events import ScoredFeedback

TokenFacts = Callable[[str], tuple[float, float]]
"""A redacted text → (share of unknown tokens, tokens per word)."""


def observe(result: ScoredFeedback, token_facts: TokenFacts | None) -> DriftObservation:
    """The watched features of a result."""
    shares = result.probabilities
    unknown_share = pieces = None
    if result.text is not None and token_facts is not None:
        unknown_share, pieces = token_facts(result.text)
    return DriftObservation(
        at_ms=int(result.created_at.timestamp() * 1000),
        segment=result.product,
        model_version=result.model.version,
        label=result.label,
        confidence=getattr(shares, result.label),
        language=result.language,
        n_chars=None if result.text is None else len(result.text),
        unknown_share=unknown_share,
        pieces_per_word=pieces,
    )
