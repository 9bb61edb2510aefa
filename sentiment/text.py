"""The text that the tokenizer gets: one normalisation for training and serving, so that there is no skew.

The input is redacted text (`sentiment.privacy`). Every placeholder becomes a word that models know: handles become
`@user` and links `http`, as in TweetEval (Barbieri et al. 2020), and the others the name of their kind.
"""

from __future__ import annotations

import html
import re
import unicodedata

from sentiment.characters import unstyled, without_invisible
from sentiment.events import MAX_TEXT_CHARS
from sentiment.markup import without_markup
from sentiment.privacy import PLACEHOLDER, placeholder

_HANDLE = re.compile(rf"{re.escape(placeholder('handle'))}|(?<![\w@])@\w{{2,}}")
_LINK = re.compile(rf"{re.escape(placeholder('url'))}|(?:https?://|www\.)\S+", re.IGNORECASE)
_ESCAPED_COMMA = re.compile(r"\\u002c", re.IGNORECASE)
_REPEATED = re.compile(r"(\S)\1{3,}")
_SPACE = re.compile(r"\s+")
_QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'})


def text_fault(value: object) -> str | None:
    """Why `value` is not a text that the pipeline scores, without quoting it; None if it is one."""
    if not isinstance(value, str):
        return "there is no text"
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return "the text is not UTF-8"
    if not without_invisible(value).strip():
        return "the text is empty"
    if len(value) > MAX_TEXT_CHARS:
        return f"the text has {len(value)} characters; at most {MAX_TEXT_CHARS} are read"
    return None


def normalise(text: str) -> str:
    """`text` in Unicode NFC with one spelling for handles, links, placeholders, quotes, long repeats and white space.

    Markup is removed (`sentiment.markup`). HTML entities are unescaped at most twice, because crawled text is often
    escaped twice. Letters that are only styled become plain. The result is empty if nothing visible is left. Halves of
    surrogate pairs, which JSON can contain and tokenizers refuse, become "?".
    """
    if "&" in text:
        text = html.unescape(html.unescape(text))
    text = unstyled(without_markup(without_invisible(text)))
    text = unicodedata.normalize("NFC", text).translate(_QUOTES)
    text = _ESCAPED_COMMA.sub(",", text)
    text = _LINK.sub("http", text)
    text = _HANDLE.sub("@user", text)
    text = PLACEHOLDER.sub(lambda found: found[0][1:-1].lower(), text)
    text = _REPEATED.sub(r"\1\1\1", text)
    text = _SPACE.sub(" ", text).strip()
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


class NormalisedText(str):
    """A text that went through `normalise`: the tokenizer takes it as it is.

    Use it between `sentiment.scoring` and the tokenizer only: msgspec does not encode subclasses of str.
    """

    __slots__ = ()

    @classmethod
    def of(cls, text: str) -> NormalisedText:
        """`text`, normalised."""
        return cls(normalise(text))
