"""Names of people and street addresses: what has no shape of its own, and is found by a language model.

The model is a function that the process chooses once (`search_names`); this module prepares what it reads, bounds how
much that is, and decides which of its entities count. No model finds every name, and each takes some words for names.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sentiment.privacy.addresses import find_addresses
from sentiment.privacy.folding import View, fold
from sentiment.privacy.patterns import Finding
from sentiment.privacy.work import Work, WorkExceededError

PERSON, ADDRESS = "person", "address"
NAME_KINDS = (PERSON, ADDRESS)
"""The kinds that are found here."""

Entity = tuple[int, int, str]
"""Start and end in a piece of text, and a label such as PERSON."""
Recogniser = Callable[[Sequence[str]], Sequence[Sequence[Entity]]]
"""The entities of each piece, in order. Several threads may call it. With no pieces, it only gets ready."""
NamedSpan = tuple[int, int, str]
"""Start and end in a text, and one of `NAME_KINDS`."""

PIECE_CHARACTERS = 1_000
"""A longer text is read in pieces: tokenizers take a time that grows faster than the text where it has no spaces."""

_KIND_OF = {"PERSON": PERSON, "PER": PERSON, "ADDRESS": ADDRESS, "STREET_ADDRESS": ADDRESS}
_TOKEN_UNITS = 100
_TOKEN = re.compile(r"\w+|[^\w\s]")
_NO_PROSE = re.compile(r"</?[A-Za-z][^<>]{0,300}>|\bhttps?://[^\s<>]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_EDGE = ' \t\r\n.,;:!?()[]{}<>"“”„*_~|/\\-–—'
_POSSESSIVE = ("'s", "’s")
_MANY_WORDS = 6
"""More than a name has: the entity is a run of words, such as an enumeration without commas."""


@dataclass
class _Search:
    """What this process searches with."""

    recognise: Recogniser | None = None


_SEARCH = _Search()


def search_names(recognise: Recogniser | None) -> None:
    """Let every redaction of this process look for names and addresses from now on, with `recognise`; None: no more.

    The command line calls it once, before any text is read.
    """
    _SEARCH.recognise = recognise


def names_are_searched() -> bool:
    """Whether redaction looks for names and addresses."""
    return _SEARCH.recognise is not None


def get_ready_for_names() -> None:
    """Load what the search for names takes, so that the first text need not wait for it, and faults show now."""
    if _SEARCH.recognise is not None:
        _SEARCH.recognise([])


def find_names(
    texts: Sequence[str], works: Iterable[Work], placeholders: re.Pattern[str]
) -> list[list[NamedSpan] | None]:
    """The names and addresses in each text, in order and without overlaps. None: its `work` does not suffice.

    `placeholders` are what earlier finders left; no name begins or ends in one.
    """
    views = [_view(text, work, placeholders) for text, work in zip(texts, works, strict=True)]
    pieces = [text for view in views if view is not None for _, text in _pieces(view.text)]
    recognised = iter(_SEARCH.recognise(pieces) if _SEARCH.recognise is not None and pieces else [])
    return [None if view is None else list(_spans(view, recognised)) for view in views]


def _view(text: str, work: Work, placeholders: re.Pattern[str]) -> View | None:
    """What the model reads: folded, in Unicode, without tags, links and placeholders. None: more than `work` allows."""
    try:
        folded = fold(text, work)
        work.spend(_TOKEN_UNITS * len(_TOKEN.findall(folded.text)))
    except WorkExceededError:
        return None
    plain = _SURROGATE.sub("?", _NO_PROSE.sub(_blank, placeholders.sub(_blank, folded.text)))
    return View(plain, folded.starts, folded.ends)


def _blank(match: re.Match[str]) -> str:
    return " " * len(match.group())


def _pieces(view: str) -> Iterator[tuple[int, str]]:
    """The text in pieces that hold a word, and where each begins. It is cut at the end of a line or between words."""
    start = 0
    while start < len(view):
        end = start + PIECE_CHARACTERS
        if end < len(view):
            cuts = (view.rfind(mark, start + PIECE_CHARACTERS // 2, end) for mark in ("\n", ". ", " "))
            end = next((cut + 1 for cut in cuts if cut > 0), end)
        if _WORD.search(view, start, min(end, len(view))):
            yield start, view[start:end]
        start = end


def _spans(view: View, recognised: Iterator[Sequence[Entity]]) -> Iterator[NamedSpan]:
    """The spans of a text in its original. Takes the entities of its pieces from `recognised`."""
    found = [(start, end, ADDRESS) for start, end in find_addresses(view.text)]
    for offset, _ in _pieces(view.text):
        for start, end, label in next(recognised):
            kind = _KIND_OF.get(label)
            span = None if kind is None else _trimmed(view.text, offset + start, offset + end)
            if kind is not None and span is not None:
                found.append((*span, kind))
    for start, end, kind in _merged(found, view.text):
        yield (*view.original(start, end), kind)


def _trimmed(view: str, start: int, end: int) -> Finding | None:
    """The span without marks at its edges; None if what is left is no name: no word of letters, or too many."""
    name = view[start:end].rstrip(_EDGE).removesuffix(_POSSESSIVE[0]).removesuffix(_POSSESSIVE[1])
    start += len(name) - len(name.lstrip(_EDGE))
    name = name.strip(_EDGE)
    if not _WORD.search(name) or len(name.split()) > _MANY_WORDS:
        return None
    return start, start + len(name)


def _merged(found: list[NamedSpan], view: str) -> Iterator[NamedSpan]:
    """Spans in order. Those that overlap, and parts of one address, are one: an address if one of them is."""
    current: NamedSpan | None = None
    for start, end, kind in sorted(found):
        if current is None:
            current = (start, end, kind)
        elif start < current[1] or (kind == current[2] == ADDRESS and not view[current[1] : start].strip(" \n,")):
            current = (current[0], max(current[1], end), ADDRESS if ADDRESS in (kind, current[2]) else PERSON)
        else:
            yield current
            current = (start, end, kind)
    if current is not None:
        yield current
