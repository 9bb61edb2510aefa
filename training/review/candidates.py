"""Candidates for labelling: texts with the model's predictions, from pipeline results or from a rescored file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sentiment.errors import InputError
from sentiment.events import MAX_TEXT_CHARS, ScoredFeedback, SourcePosition
from sentiment.privacy import redact
from sentiment.results import read_results
from training.data.examples import canonical
from training.data.rows import format_of, read_rows

PROBABILITY_COLUMNS = ("p_negative", "p_neutral", "p_positive")
_RESULT_COLUMNS = {"event_id", "position", "probabilities"}
_ID_HEX_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Candidate:
    """A redacted text and the model's `probabilities` of (negative, neutral, positive).

    `event_id` and `position` are None if the text comes from a file without them. `given` is the label that the text
    already has, if labels are being checked. `row` counts the rows of a file from 1; 0 if there is none.
    """

    item: str
    text: str
    product: str
    probabilities: tuple[float, float, float]
    model_version: str = "unknown"
    event_id: str | None = None
    position: SourcePosition | None = None
    given: str | None = None
    row: int = 0


def item_id(text: str) -> str:
    """The id of a redacted text: the same for texts that differ only in letter case and outer punctuation.

    It starts with a letter that is not a hexadecimal digit, because spreadsheets turn `12e4…` into a number.
    """
    return "t" + hashlib.sha256(canonical(text).encode("utf-8", "replace")).hexdigest()[:_ID_HEX_CHARACTERS]


def read_candidates(path: Path, text_field: str = "text") -> list[Candidate]:
    """The candidates in a file: JSONL of results, or the output of `sentiment rescore` (CSV, JSONL or Parquet).

    Rows without a text or a prediction are left out, and so are duplicate texts.

    Raises:
        InputError: it is neither, or cannot be read.
    """
    if format_of(path) == "jsonl" and _holds_results(path):
        return without_doubles(from_results(read_results(path)))
    frame = read_rows(path, (text_field, *PROBABILITY_COLUMNS))
    return without_doubles(from_rescored(frame, text_field))


def from_results(results: Iterable[ScoredFeedback]) -> Iterator[Candidate]:
    """A candidate for each result that has its text and is in the model's language."""
    for result in results:
        if result.text is not None and result.text.strip() and not result.unsupported_language:
            answers = result.probabilities
            yield Candidate(
                item=item_id(result.text),
                text=result.text,
                product=result.product,
                probabilities=(answers.negative, answers.neutral, answers.positive),
                model_version=result.model.version,
                event_id=result.event_id,
                position=result.position,
            )


def from_rescored(frame: pd.DataFrame, text_field: str, label_field: str | None = None) -> Iterator[Candidate]:
    """A candidate for each row of a rescored file that has a text and a prediction. Texts are redacted here."""
    answers = frame[list(PROBABILITY_COLUMNS)].apply(pd.to_numeric, errors="coerce")
    for number, (row, answer) in enumerate(
        zip(frame.to_dict("records"), answers.itertuples(index=False), strict=True), 1
    ):
        text = row[text_field]
        if isinstance(text, str) and text.strip() and not any(map(pd.isna, answer)):
            redacted = redact(text[:MAX_TEXT_CHARS]).text
            negative, neutral, positive = map(float, answer)
            yield Candidate(
                item=item_id(redacted),
                text=redacted,
                product=_text_or(row.get("product"), "unknown"),
                probabilities=(negative, neutral, positive),
                model_version=_text_or(row.get("model_version"), "unknown"),
                given=None if label_field is None else _text_or(row.get(label_field), ""),
                row=number,
            )


def without_doubles(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The first candidate of every item."""
    kept: dict[str, Candidate] = {}
    for candidate in candidates:
        kept.setdefault(candidate.item, candidate)
    return list(kept.values())


def _holds_results(path: Path) -> bool:
    columns = set(read_rows(path, ()).columns)
    if columns >= _RESULT_COLUMNS:
        return True
    if not set(PROBABILITY_COLUMNS) <= columns:
        raise InputError(
            f"{path} has neither results nor rescored rows",
            hint="write results with `sentiment tail sentiment --from-beginning --json`, rows with `sentiment rescore`",
        )
    return False


def _text_or(value: Any, default: str) -> str:
    return value.strip() or default if isinstance(value, str) else default
