"""Redaction: personal data is replaced with typed placeholders.

`redact` is pure and idempotent. It runs the finders of `patterns`, `identifiers` and `phones` in turn, the most certain
first; each searches what the earlier ones left. Names and postal addresses are not found.
"""

import re
from collections.abc import Callable, Iterator

import msgspec

from sentiment.privacy import identifiers, patterns
from sentiment.privacy.folding import fold
from sentiment.privacy.phones import PHONE_FILLER, find_international_phones, find_phones

_Finder = Callable[[str], Iterator[patterns.Finding]]

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
"""Every kind of personal data that can be found: the possible keys of `Redacted.counts`."""


def placeholder(kind: str) -> str:
    """What replaces a value of `kind` in a text, such as `[EMAIL]`."""
    return f"[{kind.upper()}]"


PLACEHOLDER = re.compile("|".join(re.escape(placeholder(kind)) for kind in KINDS))
"""Any placeholder."""

_UUID = r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Fa-f])"
_NOTHING_INSIDE = re.compile(rf"{PLACEHOLDER.pattern}|{_UUID}")
_FILLER = "\ue000"
_SUSPICIOUS = re.compile(
    r"[@\d\uff20\ufe6b\u00b2\u00b3\u00b9\u2070-\u2089\u2460-\u2468]|://|&commat;|[ (\[{<]at[ )\]}>]|u/", re.IGNORECASE
)
_MANY_DIGITS = re.compile(r"\d(?:[^\d]{0,6}\d){5}")
MAX_PASSES = 8
_SMALLEST_IDENTIFIER = 10**6
_WORD_BREAKS = re.compile(r"[\W_]+|(?<=[a-z])(?=[A-Z])")
_DENSE_WORD = re.compile(rf"{PLACEHOLDER.pattern}|[^\s\[\]]+")
_DIGIT_OR_AT = re.compile(r"[@\d]")


class Redacted(msgspec.Struct, frozen=True):
    """A text without personal data, and how many values of each kind (`email`, `phone`, …) were replaced."""

    text: str
    counts: dict[str, int]


def redact(text: str, *, max_passes: int = MAX_PASSES) -> Redacted:
    """Replace personal data with `[EMAIL] [PHONE] [CARD] [IBAN] [ID] [IP] [URL] [HANDLE]`; the rest stays unchanged.

    A replacement can expose its neighbour (`4111…1111john@example.com`), so the text is searched again until nothing is
    found. After `max_passes`, more than any honest text needs, every word with a digit is replaced.
    """
    return _redact(text, "", max_passes)


def contains_personal_data(text: str) -> bool:
    """Whether `redact` would change the text."""
    return bool(_search(text, ""))


def redact_json(value: object) -> tuple[object, dict[str, int]]:
    """Redact the strings and keys of a JSON value at any depth: the new value, and the counts by kind.

    A key is context for its value: `{"phone": "9876543210"}`. An integer that is personal data becomes a placeholder,
    which is a string. Keys that become equal get a number, so that no value is lost.
    """
    counts: dict[str, int] = {}
    return _redact_value(value, "", counts), counts


def _redact(text: str, context: str, max_passes: int = MAX_PASSES) -> Redacted:
    counts: dict[str, int] = {}
    passes = 0
    while findings := _search(text, context):
        passes += 1
        if passes > max_passes:
            findings = _all_words_with_digits(text) or findings
        text = _replace(text, findings)
        for _, _, kind in findings:
            counts[kind] = counts.get(kind, 0) + 1
    return Redacted(text, counts)


def _search(text: str, context: str) -> list[tuple[int, int, str]]:
    """The findings of one pass over the text: (start, end, kind) in order, without overlaps.

    `context` is read as if it came before the text.
    """
    if _SUSPICIOUS.search(text) is None:
        return []
    folded = fold(text)
    view = context + _NOTHING_INSIDE.sub(_hide, folded.text)
    many_digits = _MANY_DIGITS.search(view) is not None
    findings: list[tuple[int, int, str]] = []
    for kind, find, needs_digits in _STAGES:
        if needs_digits and not many_digits:
            continue
        spans = [span for span in find(view) if span[0] >= len(context)]
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


def _replace(text: str, findings: list[tuple[int, int, str]]) -> str:
    pieces: list[str] = []
    position = 0
    for start, end, kind in findings:
        pieces += text[position:start], placeholder(kind)
        position = end
    pieces.append(text[position:])
    return "".join(pieces)


def _redact_value(value: object, context: str, counts: dict[str, int]) -> object:
    match value:
        case str():
            return _counted(value, context, counts)
        case int() if abs(value) >= _SMALLEST_IDENTIFIER:
            text = _counted(str(value), context, counts)
            return value if text == str(value) else text
        case dict():
            return _redact_object(value, counts)
        case list() | tuple():
            return [_redact_value(item, context, counts) for item in value]
    return value


def _redact_object(value: dict[object, object], counts: dict[str, int]) -> dict[object, object]:
    redacted: dict[object, object] = {}
    for key, item in value.items():
        safe_key = _counted(key, "", counts) if isinstance(key, str) else key
        context = _WORD_BREAKS.sub(" ", safe_key) + ": " if isinstance(safe_key, str) else ""
        unique_key, number = safe_key, 1
        while unique_key in redacted:
            number += 1
            unique_key = f"{safe_key} {number}"
        redacted[unique_key] = _redact_value(item, context, counts)
    return redacted


def _counted(text: str, context: str, counts: dict[str, int]) -> str:
    redacted = _redact(text, context)
    for kind, count in redacted.counts.items():
        counts[kind] = counts.get(kind, 0) + count
    return redacted.text
