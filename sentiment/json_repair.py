"""JSON as some producers write it, with byte-order marks, NaN, halves of surrogate pairs: read where that is clear."""

from __future__ import annotations

import codecs
import re

from sentiment.errors import PoisonReason, PoisonRecord

_MARKS = (  # the mark of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SURROGATE = re.compile("[\ud800-\udfff]")
# A string, possibly without its end, or a number that JSON does not have. Possessive, so that it cannot take long.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|-?\b(?:NaN|Infinity)\b', re.DOTALL)
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)
_REPLACEMENT = r"\ufffd"


def repaired_json(value: bytes) -> bytes:
    """`value` in UTF-8 without a byte-order mark, NaN as null, and U+FFFD in place of half a surrogate pair.

    UTF-16 and UTF-32 are recognised by their mark. Everything else stays as it is.

    Raises:
        PoisonRecord: it is not text, or holds Infinity, for which JSON has no value.
    """
    return _TOKEN.sub(_repaired_token, _text(value)).encode()


def foreign_number(text: str) -> str | None:
    """The first of NaN, Infinity and -Infinity in what is otherwise JSON, or None. A string may hold them."""
    return next((found[0] for found in _TOKEN.finditer(text) if not found[0].startswith('"')), None)


def _text(value: bytes) -> str:
    encoding = next((name for mark, name in _MARKS if value.startswith(mark)), "utf-8")
    try:
        text = value.decode(encoding, "surrogatepass")
    except UnicodeDecodeError as error:
        name = encoding.removesuffix("-sig").upper()
        raise PoisonRecord(PoisonReason.NOT_UTF8, f"not {name} at byte {error.start}") from None
    if _SURROGATE.search(text):  # UTF-16 joins pairs that were encoded one by one
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _repaired_token(token: re.Match[str]) -> str:
    found = token[0]
    if found.startswith('"'):
        return _ESCAPE.sub(lambda escape: _REPLACEMENT if escape["half"] else escape[0], found)
    if found.endswith("Infinity"):
        raise PoisonRecord(PoisonReason.NOT_JSON, "Infinity is not a JSON value")
    return "null"
