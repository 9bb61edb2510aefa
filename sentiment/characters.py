"""Characters that change how a text looks and not what it says: one table for redaction and for the model."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

INVISIBLE = (
    # Controls but for tab, line feed and carriage return; NUL is in UTF-16 that was read as eight bits.
    "\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x84\\x86-\\x9f"
    # Soft hyphen, joiners, fillers, directions, zero widths, byte-order mark, annotations, variation selectors, tags.
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""A class of a regular expression, without its brackets."""

_INVISIBLE = re.compile(f"[{INVISIBLE}]")

# Mathematical alphabets, full width, circled, parenthesised and squared letters, superscripts and subscripts.
_STYLED_RANGES = ((0x1D400, 0x1D7FF), (0xFF01, 0xFF5E), (0x2460, 0x24FF), (0x1F100, 0x1F189), (0x1D2C, 0x1D6A))
_NAMED_RANGES = ((0x1D00, 0x1D25), (0x0250, 0x02AF), (0xA730, 0xA7FF), (0x1F150, 0x1F189))
_NAMED = re.compile(r"LATIN LETTER SMALL CAPITAL ([A-Z])|NEGATIVE (?:CIRCLED|SQUARED) LATIN CAPITAL LETTER ([A-Z])")


def _styled() -> Iterator[tuple[int, str]]:
    for low, high in _STYLED_RANGES:
        for code in range(low, high + 1):
            plain = unicodedata.normalize("NFKC", chr(code))
            if plain != chr(code) and plain.isascii():
                yield code, plain.strip("()") if len(plain) == 3 else plain
    for low, high in _NAMED_RANGES:
        for code in range(low, high + 1):
            named = _NAMED.fullmatch(unicodedata.name(chr(code), ""))
            if named is not None:
                yield code, named[1].lower() if named[1] else named[2]


_STYLED = dict(_styled())


def without_invisible(text: str) -> str:
    """`text` without characters that nobody sees."""
    return _INVISIBLE.sub("", text)


def unstyled(text: str) -> str:
    """`text` with letters and digits that are only styled (𝐛𝐨𝐥𝐝, ｗｉｄｅ, ⓡⓞⓤⓝⓓ, ꜱᴍᴀʟʟ) in their plain form."""
    return text if text.isascii() else text.translate(_STYLED)
