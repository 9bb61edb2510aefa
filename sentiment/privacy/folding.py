"""A plain view of a text for the patterns to search, with a map back to the original.

People read `john&#64;example.com`, an address in full-width letters or `4111<zero-width space>1111…` as personal data,
so these must be found. But a text without findings must come out unchanged. So the patterns search a folded view, and
the spans are mapped back.
"""

import functools
import html
import re
import unicodedata

import msgspec

from sentiment.characters import INVISIBLE
from sentiment.privacy.work import Work

# Marks above, below and around a character: they hide it from a pattern, and not from a reader.
_MARKS = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_SPACES = "\u00a0\u2000-\u200a\u202f\u205f\u3000"
_DASHES = "\u2010-\u2015\u2043\u2212\ufe58\ufe63\uff0d"
_DOTS = "\u2024\u3002\uff0e\uff61\ufe52"
_DIGIT_SYMBOLS = "\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468"
_COMPATIBLE = "\ufe64-\ufe6b\uff01-\uff5e\U0001d400-\U0001d7ff\u24b6-\u24e9\U0001f100-\U0001f149"

_FOLDABLE = re.compile(
    r"(?P<entity>&(?:amp;){0,3}(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|commat|period|nbsp|lowbar|plus|hyphen|colon|sol|shy);)"
    r"|(?P<percent>%(?:20|2[BDEbde]|3[AaDd]|40))"
    rf"|(?P<invisible>[{INVISIBLE}{_MARKS}]+)"
    rf"|(?P<space>[{_SPACES}])|(?P<dash>[{_DASHES}])|(?P<dot>[{_DOTS}])"
    rf"|(?P<compatible>[{_DIGIT_SYMBOLS}{_COMPATIBLE}]|(?![0-9])\d)"
)

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class View(msgspec.Struct, frozen=True):
    """`text` is searched. `starts` and `ends` hold each character's place in the original; None: the same places."""

    text: str
    starts: list[int] | None
    ends: list[int] | None

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original that a non-empty span of the view came from."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


def fold(text: str, work: Work) -> View:
    """Fold a text. If nothing in it needs folding, the view is the text itself, without a map.

    Each piece that is folded costs a unit of `work`.
    """
    if text.isascii() and "&" not in text and "%" not in text and not _CONTROL.search(text):
        return View(text, None, None)
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    position = 0
    for match in _FOLDABLE.finditer(text):
        work.spend(1)
        start, end = match.span()
        pieces.append(text[position:start])
        starts.extend(range(position, start))
        ends.extend(range(position + 1, start + 1))
        plain = _plain(match)
        pieces.append(plain)
        starts.extend([start] * len(plain))
        ends.extend([end] * len(plain))
        position = end
    if position == 0:
        return View(text, None, None)
    pieces.append(text[position:])
    starts.extend(range(position, len(text)))
    ends.extend(range(position + 1, len(text) + 1))
    return View("".join(pieces), starts, ends)


def _plain(match: re.Match[str]) -> str:
    found = match.group()
    match match.lastgroup:
        case "invisible":
            return ""
        case "space":
            return " "
        case "dash":
            return "-"
        case "dot":
            return "."
        case "entity":
            return _plain_characters(html.unescape("&" + found.rsplit("amp;", 1)[-1].removeprefix("&")))
        case "percent":
            return chr(int(found[1:], 16))
    return _plain_characters(found)


def _plain_characters(characters: str) -> str:
    return "".join(_plain_character(character) for character in characters)


@functools.cache  # few characters get here: those of the classes above
def _plain_character(character: str) -> str:
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    if character == "\u00a0":
        return " "
    return unicodedata.normalize("NFKC", character)
