"""Make text from outside safe to print: nothing in it may steer a terminal or break a line."""

from __future__ import annotations

import re

# Emoji sequences and scripts such as Persian need these two. They neither move the cursor nor reorder text.
_JOINERS = frozenset("\u200c\u200d")
# Delete, the C1 controls, the bidirectional controls, and the separators of lines and paragraphs.
_CONTROLS = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Return `text` as one line that a terminal prints and never obeys. The length stays the same.

    White space, including line ends, becomes spaces. Every other character that Unicode calls unprintable becomes
    U+FFFD: C0 and C1 controls, bidirectional controls, private and unassigned characters. Joiners of emoji stay.
    """
    if text.isprintable():
        return text
    return "".join(map(_shown, text))


def escape_controls(document: str) -> str:
    """Return the same JSON `document` with control characters escaped, as JSON writers do below U+0020 only.

    Readers get equal values. Terminals get no controls, and programs that split lines at U+2028 find whole documents.
    """
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def _shown(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    return " " if character.isspace() else "\ufffd"
