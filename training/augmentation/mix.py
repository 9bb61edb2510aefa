"""The mix of augmentations: one seeded draw over the kinds."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from sentiment.text import normalise
from training.augmentation.noise import add_emoji, add_marks, change_case, emoji_alone, mistype, swap_gender
from training.augmentation.templates import behaviour, saying_in_dialect, statement_about_somebody
from training.data.examples import Example

AUGMENTED_SOURCE = "augmented"

_Maker = Callable[[random.Random], tuple[str, int]]
# What is made and how often. The rest is noise on labelled texts, which keeps the proportions of the data.
_MAKERS: tuple[tuple[_Maker, float], ...] = (
    (behaviour, 0.30),
    (statement_about_somebody, 0.28),
    (saying_in_dialect, 0.02),
    (emoji_alone, 0.02),
)
_SHARE_NOISY = 0.3


def augment(examples: Sequence[Example], count: int, *, seed: int) -> list[Example]:
    """`count` examples of the data set ``augmented``. Some are changed copies of `examples`.

    Copies keep the kind of their example, so that a weak label stays weak. The same seed gives the same examples.
    """
    draw = random.Random(seed)  # noqa: S311 no secret depends on it
    return [_one(examples, draw) for _ in range(count)]


def _one(examples: Sequence[Example], draw: random.Random) -> Example:
    make = _maker(draw.random())
    if make is None:
        example = draw.choice(examples)
        text, label, kind = _noisy(example.text, example.label, draw), example.label, example.kind
    else:
        (text, label), kind = make(draw), "human"
        if draw.random() < _SHARE_NOISY:
            text = _noisy(text, label, draw)
    return Example(text=normalise(text), label=label, source=AUGMENTED_SOURCE, kind=kind)


def _maker(place: float) -> _Maker | None:
    for make, share in _MAKERS:
        if place < share:
            return make
        place -= share
    return None


def _noisy(text: str, label: int, draw: random.Random) -> str:
    swapped = swap_gender(text, draw)
    if swapped != text:
        return swapped
    if draw.random() < 0.25:
        return add_emoji(text, label, draw)
    return draw.choice((change_case, mistype, mistype, add_marks))(text, draw)
