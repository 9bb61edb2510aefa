"""Labelled examples: reading, checking, weighting, and the fingerprint that a manifest carries.

Files are CSV, JSONL or Parquet (`.gz` too) with the columns `text` and `label`; `source` and `kind` are optional.
Texts go through the same redaction and normalisation as in serving, so that there is no skew.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sentiment.errors import InputError
from sentiment.events import LABELS
from sentiment.privacy import redact
from sentiment.text import normalise

_SHOWN_ROWS = 5


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled text, redacted and normalised. `label` indexes `LABELS`; `kind` is "human" or "stars"."""

    text: str
    label: int
    source: str
    kind: str


@dataclass(frozen=True, slots=True)
class Weighting:
    """How much an example counts in the loss: its class × its source × the discount of a weak neutral.

    Three stars are a weak hint of a neutral text, so such an example counts `weak_neutral`.
    """

    classes: tuple[float, float, float] = (1.0, 1.0, 1.0)
    sources: Mapping[str, float] | None = None
    weak_neutral: float = 0.5

    def of(self, example: Example) -> float:
        """The weight of one example, ≥ 0."""
        weight = self.classes[example.label] * (self.sources or {}).get(example.source, 1.0)
        weak = example.kind == "stars" and LABELS[example.label] == "neutral"
        return weight * self.weak_neutral if weak else weight


def read_examples(path: Path) -> list[Example]:
    """All examples of a file.

    Raises:
        InputError: the file cannot be read, a column is missing, or rows are bad: with their row numbers (1 is the
            first row of data), never their texts.
    """
    frame = _read(path)
    for column in ("text", "label"):
        if column not in frame.columns:
            there = ", ".join(map(str, frame.columns[:20]))
            raise InputError(f"{path} has no column {column!r}", hint=f"its columns: {there}")
    if frame.empty:
        raise InputError(f"{path} has no rows")
    # Checked before the costly redaction, so that a mistake shows at once.
    _check(path, "an unknown label", ~frame["label"].isin(LABELS), f"labels are {', '.join(LABELS)}")
    _check(
        path, "no text", frame["text"].isna() | ~frame["text"].astype(str).str.strip().astype(bool), "leave them out"
    )
    index = {label: position for position, label in enumerate(LABELS)}
    sources = frame["source"].fillna("unknown") if "source" in frame.columns else pd.Series("unknown", frame.index)
    kinds = frame["kind"].fillna("human") if "kind" in frame.columns else pd.Series("human", frame.index)
    rows = zip(frame["text"], frame["label"], sources, kinds, strict=True)
    return [
        Example(text=normalise(redact(str(text)).text), label=index[label], source=str(source), kind=str(kind))
        for text, label, source, kind in rows
    ]


def without_leakage(train: Sequence[Example], held_out: Iterable[Example]) -> tuple[list[Example], int]:
    """`train` without the texts that `held_out` holds too (letter case and outer punctuation apart), and how
    many were left out.
    """
    seen = {_canonical(example.text) for example in held_out}
    kept = [example for example in train if _canonical(example.text) not in seen]
    return kept, len(train) - len(kept)


def fingerprint(examples: Iterable[Example]) -> str:
    """SHA-256 over the texts and labels in their order: the same data give the same fingerprint on any machine."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(f"{example.label}\t{example.source}\t{example.kind}\t{example.text}\n".encode())
    return digest.hexdigest()


def describe(examples: Sequence[Example]) -> dict[str, Any]:
    """Counts by label and source, for the manifest."""
    return {
        "rows": len(examples),
        "fingerprint": fingerprint(examples),
        "labels": {LABELS[label]: count for label, count in sorted(Counter(e.label for e in examples).items())},
        "sources": dict(sorted(Counter(example.source for example in examples).items())),
    }


def _canonical(text: str) -> str:
    return text.casefold().strip(" .!?\"'")


def _read(path: Path) -> pd.DataFrame:
    name = path.name.removesuffix(".gz")
    try:
        if name.endswith(".csv"):
            return pd.read_csv(path, keep_default_na=False, dtype=str)
        if name.endswith((".jsonl", ".ndjson")):
            return pd.read_json(path, lines=True, dtype=False)
        if name.endswith(".parquet"):
            return pd.read_parquet(path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or 'not a readable file'}") from None
    except (ValueError, EOFError) as error:
        raise InputError(f"{path} is damaged or not what its name says ({type(error).__name__})") from None
    raise InputError(f"{path} has no known format", hint="names end with .csv, .jsonl or .parquet, and .gz after these")


def _check(path: Path, fault: str, bad: pd.Series, hint: str) -> None:
    rows = [int(row) + 1 for row in bad.to_numpy().nonzero()[0]]
    if rows:
        shown = ", ".join(map(str, rows[:_SHOWN_ROWS])) + (", …" if len(rows) > _SHOWN_ROWS else "")
        raise InputError(f"{path}: {len(rows)} rows with {fault} (rows {shown})", hint=hint)
