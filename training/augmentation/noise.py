"""Changes that do not affect the sentiment of a text: letter case, typos, handles and links, gender, and emoji that
match it.
"""

from __future__ import annotations

import random
import re
from functools import cache

from sentiment.events import LABELS
from training.augmentation.templates import identity_pairs, table

_WORD = re.compile(r"[A-Za-z]{4,}")
_ANY_WORD = re.compile(r"\bmrs?\.|[a-z]+", re.IGNORECASE)
_HEADS = ("@user ", "@user @user ", "RT @user: ", "hi @user ", "#feedback ", "re: ")
_TAILS = (" http", " @user", " #feedback", " http http", " cc @user", " ...", " (order 48213)", " thx", " via http")


def change_case(text: str, draw: random.Random) -> str:
    """All lower case, all upper case, or title case."""
    return draw.choice((str.lower, str.upper, str.title, str.lower))(text)


def mistype(text: str, draw: random.Random) -> str:
    """One or two typos in words of four or more letters: swapped, doubled or missing letters."""
    for _ in range(draw.randint(1, 2)):
        words = list(_WORD.finditer(text))
        if not words:
            return text
        word = draw.choice(words)
        place = draw.randrange(word.start() + 1, word.end() - 1)
        left, here, right = text[:place], text[place], text[place + 1 :]
        slip = draw.randrange(3)
        if slip == 0:
            text = left + right
        elif slip == 1:
            text = left + here + here + right
        else:
            text = left + right[:1] + here + right[1:]
    return text


def add_marks(text: str, draw: random.Random) -> str:
    """Handles, links, hashtags and numbers around a text."""
    head = draw.choice(_HEADS) if draw.random() < 0.6 else ""
    tail = draw.choice(_TAILS) if draw.random() < 0.6 or not head else ""
    return head + text + tail


def swap_gender(text: str, draw: random.Random) -> str:
    """Every gendered word replaced by its counterpart. A text without one stays the same."""
    swaps = _swaps()
    return _ANY_WORD.sub(lambda word: _like(word[0], swaps.get(word[0].lower(), word[0])), text)


def add_emoji(text: str, label: int, draw: random.Random) -> str:
    """The text with an emoji or emoticon that matches `label`, up to three times, with or without a space before it."""
    mark = draw.choice(_marks(label))
    return text + draw.choice(("", " ", " ")) + mark * draw.choice((1, 1, 2, 3))


def emoji_alone(draw: random.Random) -> tuple[str, int]:
    """One to three emoji without any text, and their label."""
    label = draw.randrange(len(LABELS))
    marks = _marks(label)
    return "".join(draw.choice(marks) + draw.choice(("", " ")) for _ in range(draw.randint(1, 3))).strip(), label


def _marks(label: int) -> list[str]:
    """Emoji that match a label. For neutral they are things and signs rather than faces."""
    return table("emoji")[LABELS[label]]


@cache
def _swaps() -> dict[str, str]:
    return dict(identity_pairs())


def _like(model: str, word: str) -> str:
    if model == word or not model[:1].isupper():
        return word
    return word.upper() if model.isupper() and len(model) > 1 else word[:1].upper() + word[1:]
