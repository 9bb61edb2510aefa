"""What people read of a text that is HTML: feedback from mail, help desks and web forms often is.

Only tags that HTML has are markup, so that "<3", "a < b" and "<name>" stay. A tag is markup if it can be told from one
that is talked about ("the <b> tag"): it is closed, has attributes, needs no end, or begins the text. Every step is
linear in the text.
"""

from __future__ import annotations

import re

_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "br",
        "caption",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "html",
        "legend",
        "li",
        "main",
        "nav",
        "ol",
        "option",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
    ]
)
_INLINE = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "b",
        "bdi",
        "bdo",
        "big",
        "button",
        "cite",
        "code",
        "data",
        "del",
        "dfn",
        "em",
        "font",
        "i",
        "img",
        "input",
        "ins",
        "kbd",
        "label",
        "link",
        "mark",
        "meta",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "svg",
        "path",
        "time",
        "tt",
        "u",
        "var",
        "wbr",
        "center",
        "col",
        "colgroup",
        "picture",
        "source",
        "video",
        "audio",
        "iframe",
        "object",
        "embed",
        "map",
        "area",
        "base",
        "select",
        "textarea",
        "o:p",
    ]
)
_SILENT = ("script", "style", "head", "title", "template", "noscript", "xml")
_VOID = frozenset(["br", "hr", "img", "input", "link", "meta", "wbr", "col", "base", "area", "source", "embed"])

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:]{0,15})((?:\s[^<>]{0,4000})?)(/?)>")
_DECLARATION = re.compile(r"<(?:!DOCTYPE|\?xml|!\[)[^<>]{0,400}>", re.IGNORECASE)
_ALT = re.compile(r"""\salt\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_LONGEST_ALT = 32
"""Emoji are sent as pictures with the sign as their text. Longer texts describe a picture, and are nobody's words."""


def without_markup(text: str) -> str:
    """`text` without tags, comments, styles and scripts. The end of a block becomes a space."""
    if "<" not in text:
        return text
    text = _cut(text, "<!--", "-->")
    text = _DECLARATION.sub(" ", text)
    tags = [tag for tag in _TAG.finditer(text) if _kind(tag) is not None or tag[2].lower() in _SILENT]
    if not tags:
        return text
    closed = {tag[2].lower() for tag in tags if tag[1]}
    for name in _SILENT:
        if name in closed:
            text = _cut(text, f"<{name}", f"</{name}>")
    begin = len(text) - len(text.lstrip())
    return _TAG.sub(lambda tag: _read(tag, closed, begin), text)


def _read(tag: re.Match[str], closed: set[str], begin: int) -> str:
    """What stands for one tag: nothing, a space, or the tag itself if it is not markup."""
    name, kind = tag[2].lower(), _kind(tag)
    if kind is None:
        return " " if name in _SILENT else tag[0]
    is_markup = tag[1] or tag[3].strip() or name in closed or name in _VOID or tag.start() == begin
    if not is_markup:
        return tag[0]
    if name == "img":
        alt = _ALT.search(tag[3])
        words = next((part for part in alt.groups() if part), "") if alt else ""
        return f" {words} " if len(words) <= _LONGEST_ALT else " "
    return kind


def _kind(tag: re.Match[str]) -> str | None:
    """A space for a block, nothing for a tag inside a line; None if HTML has no such tag."""
    name = tag[2].lower()
    return " " if name in _BLOCKS else "" if name in _INLINE else None


def _cut(text: str, start: str, end: str) -> str:
    """`text` with every stretch from `start` to `end` replaced by a space. One without an end stays."""
    lowered = text.lower()
    if len(lowered) != len(text) or start not in lowered:  # some letters have a longer lower case
        return text
    pieces: list[str] = []
    position = 0
    while (begin := lowered.find(start, position)) >= 0:
        stop = lowered.find(end, begin + len(start))
        if stop < 0:
            break
        pieces += text[position:begin], " "
        position = stop + len(end)
    pieces.append(text[position:])
    return "".join(pieces)
