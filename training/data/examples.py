"""Labelled examples: reading, checking, weighting, and the fingerprint in a manifest.

A file has the columns `text` and `label`, or those of a ``RowLayout``. The columns `source` (the data set that a row
came from), `kind` ("human" or "stars"), `product` and `id` are optional. Texts are redacted and normalised as in
serving, so that there is no skew.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from sentiment.events import LABELS
from sentiment.privacy import redact_all
from sentiment.progress import Progress, Silent
from sentiment.sources import ReadingOptions
from sentiment.sources.options import DEFAULT_READING
from sentiment.text import normalise
from training.data.rows import read_rows, refuse_rows

_SHOWN_EVERY = 1_000
_TEXTS_AT_ONCE = 512
# A column of texts, named by mistake, has more different values, or longer ones.
_MOST_LABELS = 12
_LONGEST_LABEL = 24
_WHOLE = re.compile(r"(?<=^\d)\.0+$")


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled text, redacted and normalised. `label` is an index of `LABELS`; `source` names its data set.

    `kind` is "human" or "stars". `product` and `id` are empty if the data do not give them.
    """

    text: str
    label: int
    source: str
    kind: str
    product: str = ""
    id: str = ""

    @property
    def weak(self) -> bool:
        """Whether the label is neutral because of three stars, which is only a weak hint."""
        return self.kind == "stars" and LABELS[self.label] == "neutral"


@dataclass(frozen=True, slots=True)
class RowLayout:
    """Which columns of a data set are what. `labels` says what foreign labels mean: "0" → "negative".

    `reading` holds for files; data sets of the hub have one form.
    """

    text: str = "text"
    label: str = "label"
    labels: Mapping[str, str] = field(default_factory=dict)
    reading: ReadingOptions = DEFAULT_READING


@dataclass(frozen=True, slots=True)
class Weighting:
    """The weight of an example in the loss: that of its class × that of its data set × a discount for weak neutrals.

    Three stars are only a weak hint at a neutral text, so such an example is multiplied by `weak_neutral`.
    """

    classes: tuple[float, float, float] = (1.0, 1.0, 1.0)
    sources: Mapping[str, float] | None = None
    weak_neutral: float = 0.5

    def of(self, example: Example) -> float:
        """The weight of one example, ≥ 0."""
        weight = self.classes[example.label] * (self.sources or {}).get(example.source, 1.0)
        return weight * self.weak_neutral if example.weak else weight


USUAL_LAYOUT = RowLayout()


def read_examples(
    source: str | Path,
    layout: RowLayout = USUAL_LAYOUT,
    *,
    most: int | None = None,
    progress: Progress | None = None,
) -> list[Example]:
    """The examples of a file or a hub data set (`training.data.rows`), in order: all, or `most` of them evenly spaced.

    Raises:
        InputError: it cannot be read, a column is missing, or rows are bad. The message has their row numbers (1 is the
            first row of data), never their texts.
    """
    frame = read_rows(source, (layout.text, layout.label), layout.reading)
    # Checked before the slow redaction, so that a mistake shows at once.
    labels = _our_labels(source, frame[layout.label], layout)
    refuse_rows(source, "a text that is not a string", _is_foreign(frame[layout.text]))
    refuse_rows(source, "no text", _is_blank(frame[layout.text]), hint="leave them out")
    ids = _column(frame, "id", "")
    refuse_rows(
        source, "an id that another row has", ids.duplicated(keep=False) & (ids != ""), hint="ids must be unique"
    )
    index = {label: position for position, label in enumerate(LABELS)}
    columns = (
        frame[layout.text],
        labels,
        _column(frame, "source", "unknown"),
        _column(frame, "kind", "human"),
        _column(frame, "product", ""),
        ids,
    )
    rows = zip(*(_spaced(column, most) for column in columns), strict=True)
    shown, examples = progress or Silent(), list[Example]()
    shown.begin(f"reading and redacting {Path(source).name}", len(columns[0]) if most is None else most)
    texts = prepared_all(_spaced(columns[0], most))
    for text, (_, label, origin, kind, product, key) in zip(texts, rows, strict=True):
        examples.append(Example(text=text, label=index[label], source=origin, kind=kind, product=product, id=key))
        if len(examples) % _SHOWN_EVERY == 0:
            shown.at(len(examples))
    return examples


def read_texts(
    source: str | Path, column: str = "text", *, most: int | None = None, reading: ReadingOptions = DEFAULT_READING
) -> list[str]:
    """The texts of `column`, redacted and normalised: all, or `most` of them evenly spaced.

    Empty texts and duplicates are left out. Raises ``InputError`` like ``read_examples``.
    """
    texts = read_rows(source, (column,), reading)[column]
    refuse_rows(source, "a text that is not a string", _is_foreign(texts))
    kept = dict.fromkeys(prepared_all(_spaced(texts[~_is_blank(texts)], most)))
    kept.pop("", None)
    return list(kept)


def prepared_all(texts: Iterable[Any]) -> Iterator[str]:
    """Each of the texts as a model sees it, in order: redacted, then normalised, as in serving."""
    rest = iter(texts)
    while some := [str(text) for text in islice(rest, _TEXTS_AT_ONCE)]:
        yield from (normalise(redacted.text) for redacted in redact_all(some))


def without_leakage(train: Sequence[Example], held_out: Iterable[Example]) -> tuple[list[Example], int]:
    """`train` without the texts that are also in `held_out`, and how many were left out.

    Letter case and outer punctuation are ignored. `training.data.leakage` also finds texts that are nearly the same.
    """
    seen = {canonical(example.text) for example in held_out}
    kept = [example for example in train if canonical(example.text) not in seen]
    return kept, len(train) - len(kept)


def canonical(text: str) -> str:
    """`text` without letter case and outer punctuation, for comparison."""
    return text.casefold().strip(" .!?\"'")


def fingerprint(examples: Iterable[Example]) -> str:
    """SHA-256 of the rows in their order. The same data have the same fingerprint on any machine."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(f"{example.label}\t{example.source}\t{example.kind}\t{example.text}\n".encode())
    return digest.hexdigest()


def describe(examples: Sequence[Example]) -> dict[str, Any]:
    """Counts by label and data set, for the manifest."""
    return {
        "rows": len(examples),
        "fingerprint": fingerprint(examples),
        "labels": {LABELS[label]: count for label, count in sorted(Counter(e.label for e in examples).items())},
        "sources": dict(sorted(Counter(example.source for example in examples).items())),
    }


def _our_labels(source: str | Path, given: pd.Series, layout: RowLayout) -> pd.Series:
    """The labels in our words. Raises ``InputError``, which names those that are unknown, if there are any."""
    meaning = {key.strip().lower(): ours for key, ours in layout.labels.items()}
    words = given.map(_word_of)
    labels = words.map(lambda word: meaning.get(word, word))
    unknown = ~labels.isin(LABELS)
    names = sorted(set(words[unknown]))
    refuse_rows(
        source,
        f"an unknown label: {_shown_labels(names)}",
        unknown,
        hint=f"labels are {', '.join(LABELS)}; say what others mean, such as --label-map "
        f"{names[0] if names and names[0] and _are_labels(names) else 0}=negative",
    )
    return labels


def _word_of(label: Any) -> str:
    """A label as a word. A column of whole numbers with gaps is often one of floats: 1.0 is the label 1."""
    return "" if pd.isna(label) else _WHOLE.sub("", str(label).strip().lower())


def _shown_labels(names: Sequence[str]) -> str:
    """The unknown labels for a message, unless they look like texts, which are never shown."""
    if not _are_labels(names):
        return f"{len(names):,} different values, too many or too long for labels"
    return ", ".join(repr(name) if name else "none" for name in names)


def _are_labels(names: Sequence[str]) -> bool:
    return len(names) <= _MOST_LABELS and all(len(name) <= _LONGEST_LABEL for name in names)


def _column(frame: pd.DataFrame, name: str, default: str) -> pd.Series:
    """A column as strings, with `default` if the column or a value is missing."""
    if name not in frame.columns:
        return pd.Series(default, frame.index)
    return frame[name].where(frame[name].notna(), default).astype(str)


def _spaced(rows: pd.Series, most: int | None) -> pd.Series:
    """At most `most` rows, evenly spaced, so that every part of a sorted file is included."""
    return rows if most is None else rows.iloc[:: max(1, len(rows) // most)].iloc[:most]


def _is_foreign(texts: pd.Series) -> pd.Series:
    """Whether each is neither a string nor missing."""
    return texts.notna() & ~texts.map(lambda text: isinstance(text, str)).astype(bool)


def _is_blank(texts: pd.Series) -> pd.Series:
    return texts.isna() | ~texts.astype(str).str.strip().astype(bool)
