"""Redaction: personal data is replaced with typed placeholders.

`redact` is pure and idempotent. It runs the finders of `patterns`, `identifiers` and `phones` in turn, the most certain
first; each searches what the earlier ones left. Names of people and street addresses are found last (`names`), and only
where the user switched that on: by a model, which may find more in what it has redacted itself.

The work is bounded (`work`): what costs more than its budget is not checked, and masked as a whole.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec

from sentiment.characters import without_invisible
from sentiment.privacy import identifiers, patterns
from sentiment.privacy.folding import fold
from sentiment.privacy.names import NAME_KINDS, NamedSpan, find_names, names_are_searched
from sentiment.privacy.phones import PHONE_FILLER, find_international_phones, find_phones
from sentiment.privacy.work import NAME_UNITS, Work, WorkExceededError, work_for_text

_Finder = Callable[[str, Work], Iterator[patterns.Finding]]

_STAGES: tuple[tuple[str, _Finder, bool], ...] = (
    # kind, finder, whether it needs six digits or more close together
    ("url", patterns.find_secret_urls, False),
    ("email", patterns.find_emails, False),
    ("email", patterns.find_spelled_emails, False),
    ("phone", find_international_phones, True),
    ("iban", identifiers.find_ibans, True),
    ("card", identifiers.find_cards, True),
    ("id", identifiers.find_national_ids, True),
    ("id", identifiers.find_bare_national_ids, True),
    ("ip", patterns.find_ipv6, False),
    ("ip", patterns.find_ipv4, False),
    ("phone", find_phones, True),
    ("handle", patterns.find_handles, False),
)
KINDS = tuple(dict.fromkeys(kind for kind, _, _ in _STAGES))
"""Every kind that is found by its shape: with `NAME_KINDS` and `UNCHECKED`, the possible keys of `Redacted.counts`."""
UNCHECKED = "unchecked"
"""The kind of what was masked as a whole, because to check it would have cost too much."""


def placeholder(kind: str) -> str:
    """What replaces a value of `kind` in a text, such as `[EMAIL]`."""
    return f"[{kind.upper()}]"


PLACEHOLDER = re.compile("|".join(re.escape(placeholder(kind)) for kind in (*KINDS, *NAME_KINDS, UNCHECKED)))
"""Any placeholder."""

_UUID = r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Fa-f])"
_NOTHING_INSIDE = re.compile(rf"{PLACEHOLDER.pattern}|{_UUID}")
_FILLER = "\ue000"
_SUSPICIOUS = re.compile(
    r"[@\d\uff20\ufe6b\u00b2\u00b3\u00b9\u2070-\u2089\u2460-\u2468]|://|&commat;|[ (\[{<]at[ )\]}>]|u/", re.IGNORECASE
)
_MANY_DIGITS = re.compile(r"\d(?:[^\d]{0,6}\d){5}")
MAX_PASSES = 8
_DENSE_WORD = re.compile(rf"{PLACEHOLDER.pattern}|[^\s\[\]]+")
_DIGIT_OR_AT = re.compile(r"[@\d]")
_DIGITS = re.compile(r"\d+")

_TEXT_UNITS = 3
_CHARACTERS_PER_UNIT = 32  # of the look whether there is anything to search for
_PASS_UNITS = 15
_SEARCHED_CHARACTERS_PER_UNIT = 10
_NUMBER_UNITS = 2


class Redacted(msgspec.Struct, frozen=True):
    """A text without personal data, and how many values of each kind (`email`, `phone`, …) were replaced."""

    text: str
    counts: dict[str, int]


def redact(text: str, *, max_passes: int = MAX_PASSES) -> Redacted:
    """Replace personal data with `[EMAIL] [PHONE] [CARD] [IBAN] [ID] [IP] [URL] [HANDLE]`; the rest stays unchanged.

    A replacement can expose its neighbour (`4111…1111john@example.com`), so the text is searched again until nothing is
    found. After `max_passes`, more than any honest text needs, every word with a digit is replaced. A text that takes
    more than `work.TEXT_UNITS` becomes `[UNCHECKED]`.

    With `names.search_names`, names and addresses become `[PERSON]` and `[ADDRESS]`, too. That is quicker for many
    texts at once: see `redact_all`.
    """
    return redact_all([text], max_passes=max_passes)[0]


def redact_all(texts: Sequence[str], *, max_passes: int = MAX_PASSES) -> list[Redacted]:
    """What `redact` makes of each of the texts, in order."""
    redacted = [redact_shapes(text, "", work_for_text(text), max_passes) for text in texts]
    if not names_are_searched():
        return redacted
    found = find_names([each.text for each in redacted], [Work(NAME_UNITS) for _ in redacted], PLACEHOLDER)
    return [without_names(each, names) for each, names in zip(redacted, found, strict=True)]


def without_names(redacted: Redacted, names: Sequence[NamedSpan] | None) -> Redacted:
    """`redacted` with placeholders for `names`; masked as a whole if they are None, because nobody looked for them."""
    if names is None:
        return Redacted(placeholder(UNCHECKED), {UNCHECKED: 1})
    if not names:
        return redacted
    text = _replace(redacted.text, names)
    exposed = redact_shapes(text, "", work_for_text(text))
    counts = Counter(redacted.counts) + Counter(kind for _, _, kind in names) + Counter(exposed.counts)
    return Redacted(exposed.text, dict(counts))


def contains_personal_data(text: str) -> bool:
    """Whether there is personal data in the text that has a shape. Names and addresses are not looked for."""
    return may_contain_personal_data(text, work_for_text(text))


def may_contain_personal_data(text: str, work: Work) -> bool:
    """Whether there are findings in the text, or `work` does not suffice to say."""
    try:
        return bool(_search(text, "", work))
    except WorkExceededError:
        return True


def redact_shapes(text: str, context: str, work: Work, max_passes: int = MAX_PASSES) -> Redacted:
    """What has a shape is replaced, within `work`. `context` is read as if it came before the text."""
    try:
        return _redact_within(text, context, work, max_passes)
    except WorkExceededError:
        return Redacted(placeholder(UNCHECKED), {UNCHECKED: 1})


def _redact_within(text: str, context: str, work: Work, max_passes: int) -> Redacted:
    counts: dict[str, int] = {}
    passes = 0
    while findings := _search(text, context, work):
        passes += 1
        if passes > max_passes:
            findings = _all_words_with_digits(text) or findings
        text = _replace(text, findings)
        for _, _, kind in findings:
            counts[kind] = counts.get(kind, 0) + 1
    return Redacted(text, counts)


def _search(text: str, context: str, work: Work) -> list[tuple[int, int, str]]:
    """The findings of one pass over the text: (start, end, kind) in order, without overlaps.

    `context` is read as if it came before the text. Raises WorkExceededError if the pass costs too much.
    """
    work.spend(_TEXT_UNITS + len(text) // _CHARACTERS_PER_UNIT)
    if _SUSPICIOUS.search(text) is None and without_invisible(text) == text:
        return []
    work.spend(_PASS_UNITS + len(text) // _SEARCHED_CHARACTERS_PER_UNIT)
    folded = fold(text, work)
    view = context + _NOTHING_INSIDE.sub(_hide, folded.text)
    many_digits = _MANY_DIGITS.search(view) is not None
    if many_digits:
        work.spend(_NUMBER_UNITS * len(_DIGITS.findall(view)))
    findings: list[tuple[int, int, str]] = []
    for kind, find, needs_digits in _STAGES:
        if needs_digits and not many_digits:
            continue
        spans = [span for span in find(view, work) if span[0] >= len(context)]
        if spans:
            view = _mask(view, spans, _filler(kind))
            findings.extend((*folded.original(start - len(context), end - len(context)), kind) for start, end in spans)
    return sorted(findings)


def _all_words_with_digits(text: str) -> list[tuple[int, int, str]]:
    words = (match for match in _DENSE_WORD.finditer(text) if _DIGIT_OR_AT.search(match.group()))
    return [(*match.span(), "id") for match in words]


def _filler(kind: str) -> str:
    return PHONE_FILLER if kind == "phone" else _FILLER


def _hide(match: re.Match[str]) -> str:
    return _filler(match.group()[1:-1].lower()) * len(match.group())


def _mask(view: str, spans: list[patterns.Finding], filler: str) -> str:
    """The view with the spans overwritten, its length unchanged, so that later kinds cannot match in them."""
    pieces: list[str] = []
    position = 0
    for start, end in spans:
        pieces += view[position:start], filler * (end - start)
        position = end
    pieces.append(view[position:])
    return "".join(pieces)


def _replace(text: str, findings: Sequence[tuple[int, int, str]]) -> str:
    pieces: list[str] = []
    position = 0
    for start, end, kind in findings:
        pieces += text[position:start], placeholder(kind)
        position = end
    pieces.append(text[position:])
    return "".join(pieces)
