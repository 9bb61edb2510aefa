"""Parts of the rows that are evaluated on their own: by data set, product, language and length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from sentiment.language import SUPPORTED_LANGUAGES, detect_language
from training.data.examples import Example

# Characters of the redacted text. Below 20 there is little to judge by; 280 is a tweet; above 500 a text has several
# windows.
_LENGTH_BOUNDS = (20, 50, 100, 280, 500)
UNSURE_LANGUAGE = "unsure"


@dataclass(frozen=True, slots=True)
class Slice:
    """The row indices of one part. `n_merged` parts that were too small are merged in it; 0 for a part of its own."""

    name: str
    rows: NDArray[np.int64]
    n_merged: int = 0


def length_band(text: str) -> str:
    """The range of lengths that a text is in, in characters, such as ``21-50``."""
    low = 0
    for high in _LENGTH_BOUNDS:
        if len(text) <= high:
            return f"{low}-{high}"
        low = high + 1
    return f"{low}+"


def language_of(text: str) -> str:
    """The language if it is certain, otherwise ``unsure``: short English is often taken for another language."""
    language = detect_language(text)
    if language.unsupported or language.code in SUPPORTED_LANGUAGES:
        return language.code or UNSURE_LANGUAGE
    return UNSURE_LANGUAGE


SLICE_KINDS: Mapping[str, Callable[[Example], str]] = MappingProxyType(
    {
        "source": lambda example: example.source,
        "product": lambda example: example.product,
        "language": lambda example: language_of(example.text),
        "length": lambda example: length_band(example.text),
    }
)


def slice_rows(examples: Sequence[Example], kind: str, min_slice: int) -> tuple[Slice, ...]:
    """The parts of one kind of ``SLICE_KINDS``, largest first (lengths by length). Every row is in one of them.

    Parts with fewer than `min_slice` rows are merged into one, which comes last. There are no parts if no row has a
    value, for example if the data have no products.
    """
    names = np.array([SLICE_KINDS[kind](example) for example in examples], dtype=object)
    counts = Counter(names.tolist())
    if set(counts) <= {""}:
        return ()
    large = [name for name, count in counts.most_common() if count >= min_slice]
    small = [name for name in counts if counts[name] < min_slice]
    if kind == "length":
        large.sort(key=lambda band: int(band.rstrip("+").split("-")[0]))
    return tuple(_slices(names, large, small))


def _slices(names: NDArray[np.object_], large: Sequence[str], small: Sequence[str]) -> Iterator[Slice]:
    for name in large:
        yield Slice(name or "not given", np.flatnonzero(names == name))
    if len(small) == 1:
        yield Slice(small[0] or "not given", np.flatnonzero(names == small[0]))
    elif small:
        yield Slice("others", np.flatnonzero(np.isin(names, small)), n_merged=len(small))
