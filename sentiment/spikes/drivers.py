"""What an incident is about: the terms that distinguish its texts, and a few of the texts. Redacted text only.

Terms are words and pairs of neighbouring words, counted once per text. They are ranked by the log-odds ratio with an
informative Dirichlet prior, in standard deviations (Monroe, Colaresi & Quinn 2008, "Fightin' Words"). The negative
texts of the episode are compared with the segment's earlier negative texts; the prior is the frequency in both. A term
must occur in at least two texts of the episode.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import log, sqrt

import msgspec

from sentiment.terminal import printable

MAX_SAMPLES = 256
MAX_SNIPPET_CHARS = 240
MAX_TERMS = 512
MAX_TERM_CHARS = 48
MAX_DRIVERS = 5
MAX_EXEMPLARS = 3
_PRIOR_STRENGTH = 10.0
_MIN_DEVIATIONS = 1.0
_FEWEST_FOR_CAUTION = 5
_CAUTION_SHARE = 0.5

_WORD = re.compile(r"\[[A-Z_]+\]|@\w+|https?\S*|[^\W\d_]+(?:['’][^\W\d_]+)?")
_STOPWORDS = frozenset(
    re.findall(
        r"\S+",
        """a about after again all also am an and any are as at be because been before being but by can can't could did
        didn't do does doesn't doing don't down even ever every for from get gets getting go going got had has have
        haven't having he her here him his how i i'm i've if in into is isn't it it's its just like me more most much my
        no nor not now of off on once one only or other our out over own really same she should so some still such than
        that that's the their them then there these they they're this those through to too up us very was wasn't we
        we're were what when where which while who why will with won't would you you're your""",
    )
)


class SampledText(msgspec.Struct, frozen=True, order=True, array_like=True):
    """A negative text of one segment. `rank` gives samples a random order that is the same in every process."""

    rank: str
    minute: int
    negative: float
    text: str
    author: str | None = None


class Texts(msgspec.Struct):
    """A bounded memory of negative texts: a uniform sample of recent ones, and term counts of earlier ones."""

    samples: list[SampledText] = []
    terms: dict[str, int] = {}
    n_texts: int = 0

    def add(self, key: str, minute: int, negative: float, text: str, author: str | None) -> None:
        """Keep a text; if there are too many, drop the one with the highest rank. `key` identifies the event."""
        rank = _digest(key)
        self.samples.append(SampledText(rank, minute, round(negative, 4), snippet(text), author and _digest(author)))
        if len(self.samples) > MAX_SAMPLES:
            self.samples.remove(max(self.samples))

    def between(self, first_minute: int, last_minute: int) -> list[SampledText]:
        """The samples from `first_minute` to `last_minute`, both included, by rank."""
        return sorted(sample for sample in self.samples if first_minute <= sample.minute <= last_minute)

    def settle(self, before_minute: int) -> None:
        """Texts before `before_minute` were normal: keep only their terms."""
        self._learn(sample for sample in self.samples if sample.minute < before_minute)
        self.samples = [sample for sample in self.samples if sample.minute >= before_minute]

    def forget(self, first_minute: int, last_minute: int) -> None:
        """Drop the texts of an episode, so that they do not count as normal later."""
        self.samples = [sample for sample in self.samples if not first_minute <= sample.minute <= last_minute]

    def _learn(self, samples: Iterable[SampledText]) -> None:
        settled = sorted(samples)
        if not settled:
            return
        counts = Counter(self.terms)
        for sample in settled:
            counts.update(terms_of(sample.text))
        self.n_texts += len(settled)
        if len(counts) > MAX_TERMS:
            kept = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MAX_TERMS]
            counts = Counter(dict(kept))
        self.terms = dict(counts)


@dataclass(frozen=True, slots=True)
class Account:
    """What an alert says about its texts. `caution` warns if one author or one copied text makes the spike."""

    drivers: tuple[str, ...]
    exemplars: tuple[str, ...]
    caution: str | None


def account(samples: Sequence[SampledText], texts: Texts) -> Account:
    """Describe the negative texts of an episode, compared with the normal texts before it."""
    return Account(
        drivers=tuple(contrast(samples, texts.terms, texts.n_texts, MAX_DRIVERS)),
        exemplars=tuple(_exemplars(samples)),
        caution=_caution(samples),
    )


def contrast(samples: Sequence[SampledText], background: Mapping[str, int], n_background: int, limit: int) -> list[str]:
    """The terms that stand out most in `samples`, strongest first. A pair of words replaces its parts."""
    counts = Counter(term for sample in samples for term in terms_of(sample.text))
    scored = [
        (log_odds(count, len(samples), background.get(term, 0), n_background), term)
        for term, count in counts.items()
        if count >= 2
    ]
    ranked = [term for score, term in sorted(scored, key=lambda x: (-x[0], x[1])) if score >= _MIN_DEVIATIONS]
    chosen: list[str] = []
    taken: set[str] = set()
    for term in ranked:
        if taken.isdisjoint(term.split()):
            told = next(
                (pair for pair in ranked if _tells_more(pair, term, counts) and taken.isdisjoint(pair.split())), term
            )
            chosen.append(told)
            taken.update(told.split())
    return chosen[:limit]


def _tells_more(pair: str, word: str, counts: Mapping[str, int]) -> bool:
    """Whether at least half of the texts with `word` have it in `pair`."""
    return " " in pair and word in pair.split() and 2 * counts[pair] >= counts[word]


def log_odds(count: int, n: int, background: int, n_background: int) -> float:
    """Log-odds ratio of a term in standard deviations: in `count` of `n` ≥ 1 texts, against the background."""
    prior = _PRIOR_STRENGTH * (count + background) / (n + n_background)
    rest = _PRIOR_STRENGTH - prior + 1e-9  # not zero for a term that is in every text
    here = log((count + prior) / (n - count + rest))
    there = log((background + prior) / (n_background - background + rest))
    return (here - there) / sqrt(1.0 / (count + prior) + 1.0 / (background + prior))


def terms_of(text: str) -> set[str]:
    """Meaningful words, and pairs of them side by side. Placeholders, handles and addresses are left out."""
    terms: set[str] = set()
    previous: str | None = None
    for token in _WORD.findall(text):
        word = token.lower().replace("’", "'")
        if token[0] in "[@" or word.startswith("http") or len(word) < 3 or word in _STOPWORDS:
            previous = None
            continue
        terms.add(word[:MAX_TERM_CHARS])
        if previous is not None and len(previous) + len(word) < MAX_TERM_CHARS:
            terms.add(f"{previous} {word}")
        previous = word
    return terms


def snippet(text: str) -> str:
    """The text as one line of printable characters, cut at a word if longer than `MAX_SNIPPET_CHARS`."""
    line = " ".join(printable(text).split())
    if len(line) <= MAX_SNIPPET_CHARS:
        return line
    cut = line[: MAX_SNIPPET_CHARS - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut else cut) + "…"


def _digest(name: str) -> str:
    return blake2b(name.encode(), digest_size=6).hexdigest()


def _exemplars(samples: Sequence[SampledText]) -> list[str]:
    """The texts with the highest probability of being negative, each once."""
    surest: dict[str, str] = {}
    for sample in sorted(samples, key=lambda each: (-each.negative, each.rank)):
        surest.setdefault(sample.text.casefold(), sample.text)
    return list(surest.values())[:MAX_EXEMPLARS]


def _caution(samples: Sequence[SampledText]) -> str | None:
    if len(samples) < _FEWEST_FOR_CAUTION:
        return None
    authors = Counter(sample.author for sample in samples if sample.author is not None)
    copies = Counter(sample.text.casefold() for sample in samples)
    for counts, what in ((authors, "come from one author"), (copies, "are copies of one text")):
        most = max(counts.values(), default=0)
        if most > _CAUTION_SHARE * len(samples):
            return f"{most} of {len(samples)} negative texts {what}"
    return None
