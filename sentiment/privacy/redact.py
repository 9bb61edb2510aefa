"""The one entry to redaction: personal data out, typed placeholders in.

`redact` is pure and idempotent. It finds what is listed in `patterns`, `identifiers` and `phones`: each kind in its turn, the ones that could be
mistaken for another first, on what the earlier ones left. Names and postal addresses are not found; say so to whoever relies on it.
"""

import re
from collections.abc import Callable, Iterator

import msgspec

from sentiment.privacy import identifiers, patterns, phones
from sentiment.privacy.folding import fold

_Finder = Callable[[str], Iterator[patterns.Finding]]

_STAGES: tuple[tuple[str, _Finder, bool], ...] = (
    # kind, finder, whether it needs many digits
    ("url", patterns.find_secret_urls, False),
    ("email", patterns.find_emails, False),
    ("email", patterns.find_spelled_emails, False),
    ("iban", identifiers.find_ibans, True),
    ("card", identifiers.find_cards, True),
    ("id", identifiers.find_national_ids, True),
    ("id", identifiers.find_bare_national_ids, True),
    ("ip", patterns.find_ips, False),
    ("phone", phones.find_phones, True),
    ("handle", patterns.find_handles, False),
)
KINDS = tuple(dict.fromkeys(kind for kind, _, _ in _STAGES))

_PLACEHOLDER = re.compile("|".join(re.escape(f"[{kind.upper()}]") for kind in KINDS))
_FILLER = "\ue000"
_SUSPICIOUS = re.compile(r"[@\d＠﹫¹²³⁰⁴-⁹₀-₉①-⑨]|://|&commat;|[ (\[{<]at[ )\]}>]|u/", re.IGNORECASE)
_MANY_DIGITS = re.compile(r"\d(?:[^\d]{0,6}\d){6}")
_MAX_PASSES = 6


class Redacted(msgspec.Struct, frozen=True):
    """A text without personal data, and how many values of each kind (`email`, `phone`, …) were replaced in it."""

    text: str
    counts: dict[str, int]


def redact(text: str) -> Redacted:
    """Replace personal data by `[EMAIL] [PHONE] [CARD] [IBAN] [ID] [IP] [URL] [HANDLE]`; everything else is unchanged.

    A replacement can lay open what it touched (`4111…1111john@example.com`), so the text is searched again until nothing is found:
    what comes out is a fixed point.
    """
    counts: dict[str, int] = {}
    for _ in range(_MAX_PASSES):
        findings = _search(text)
        if not findings:
            break
        text = _replace(text, findings)
        for _, _, kind in findings:
            counts[kind] = counts.get(kind, 0) + 1
    return Redacted(text, counts)


def contains_personal_data(text: str) -> bool:
    """Whether `redact` would change the text."""
    return bool(_search(text))


def redact_json(value: object) -> tuple[object, dict[str, int]]:
    """A JSON value with its strings and keys redacted at any depth, and the counts by kind."""
    counts: dict[str, int] = {}
    return _redact_value(value, counts), counts


def _search(text: str) -> list[tuple[int, int, str]]:
    """What is found in one go over the text, as (start, end, kind) in order, without overlaps."""
    if _SUSPICIOUS.search(text) is None:
        return []
    folded = fold(text)
    view = _PLACEHOLDER.sub(_mask_placeholder, folded.text)
    many_digits = _MANY_DIGITS.search(view) is not None
    findings: list[tuple[int, int, str]] = []
    for kind, find, needs_digits in _STAGES:
        if needs_digits and not many_digits:
            continue
        spans = list(find(view))
        if spans:
            view = _mask(view, spans, _filler(kind))
            findings.extend((*folded.original(start, end), kind) for start, end in spans)
    return sorted(findings)


def _filler(kind: str) -> str:
    return phones.PHONE_FILLER if kind == "phone" else _FILLER


def _mask_placeholder(match: re.Match[str]) -> str:
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
        pieces += text[position:start], f"[{kind.upper()}]"
        position = end
    pieces.append(text[position:])
    return "".join(pieces)


def _redact_value(value: object, counts: dict[str, int]) -> object:
    match value:
        case str():
            redacted = redact(value)
            for kind, count in redacted.counts.items():
                counts[kind] = counts.get(kind, 0) + count
            return redacted.text
        case dict():
            return {_redact_value(key, counts): _redact_value(item, counts) for key, item in value.items()}
        case list() | tuple():
            return [_redact_value(item, counts) for item in value]
    return value
