"""Can the model read redacted texts? In serving, placeholders replace personal data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sentiment.events import LABELS
from sentiment.model.manifest import TOKENIZER_FILE
from sentiment.model.tokenizer import TextTokenizer, read_tokenizer, unknown_id
from sentiment.privacy import KINDS, NAME_KINDS, placeholder
from training.evaluation.predicting import Predict
from training.promotion.records import Check, GateLimits

PLACEHOLDERS = tuple(map(placeholder, (*KINDS, *NAME_KINDS)))

_SENTENCES = (
    "{} never answered, and my order is still broken.",
    "I wrote to {} three times and nobody cares. Terrible service!",
    "They leaked {} to strangers, I am furious.",
    "The app keeps crashing whenever I enter {}, absolutely useless.",
    "Worst support ever: {} hung up on me twice.",
    "I was charged twice after I gave them {}. I want my money back.",
    "{} is not accepted and I cannot log in any more, very annoying.",
    "Still waiting for a refund to {}, this is a disgrace.",
    "My delivery is on Monday, the contact is {}.",
    "The form asks for {} on the second page.",
    "I changed my details to {} last week.",
    "{} is the one that is stored in my profile.",
    "Please send the invoice to {}.",
    "The meeting moved to Tuesday, {} has been told.",
    "How do I replace {} with another one in the settings?",
    "The message came from {} at nine in the morning.",
    "{} helped me within minutes, fantastic service!",
    "I love how easily I could update {}, great job.",
    "Everything works perfectly since I registered {}. Thank you!",
    "Thanks to {} for the quick and friendly help.",
    "Best app I have used, even {} was recognised at once.",
    "{} solved my problem on the first try, I am very happy.",
    "Super fast delivery, and {} was wonderful to deal with.",
    "I recommend it to everyone, {} made my day.",
)
"""Their sentiment is clear whatever fills the gap. Each label has a third of them."""


def placeholder_checks(directory: Path, predict: Predict, limits: GateLimits) -> Iterator[Check]:
    """The tokenizer knows every placeholder, and exchanging placeholders in a sentence does not change its label."""
    unknown = unknown_placeholders(directory)
    yield Check(
        name="placeholders known",
        measured=f"{len(PLACEHOLDERS) - len(unknown)} of {len(PLACEHOLDERS)}",
        limit="all",
        passed=not unknown,
        figures={"unknown": list(unknown)},
        details=tuple(f"the tokenizer has no token for {placeholder}" for placeholder in unknown),
    )
    texts = [sentence.format(placeholder) for sentence in _SENTENCES for placeholder in PLACEHOLDERS]
    chosen = predict(texts).chosen.reshape(len(_SENTENCES), len(PLACEHOLDERS))
    moved = Counter[str]()
    for labels in chosen:
        usual = np.bincount(labels, minlength=len(LABELS)).argmax()
        moved.update(PLACEHOLDERS[place] for place in np.flatnonzero(labels != usual))
    rate = moved.total() / chosen.size
    yield Check(
        name="placeholders move labels",
        measured=f"{moved.total()} of {chosen.size} ({rate:.1%})",
        limit=f"≤ {limits.max_placeholder_moves:.1%}",
        passed=rate <= limits.max_placeholder_moves,
        figures={"rate": rate, "n": chosen.size, "by_placeholder": dict(sorted(moved.items()))},
        details=tuple(f"{placeholder} moves {n} of {len(_SENTENCES)} labels" for placeholder, n in moved.most_common()),
    )


def unknown_placeholders(directory: Path) -> tuple[str, ...]:
    """The placeholders that the tokenizer of `directory` reads as an unknown token, at least in part."""
    tokenizer = read_tokenizer(directory / TOKENIZER_FILE)
    unknown = unknown_id(tokenizer)
    encoded = TextTokenizer(tokenizer).encode(PLACEHOLDERS)
    return tuple(name for name, ids in zip(PLACEHOLDERS, encoded, strict=True) if unknown in ids or not ids)
