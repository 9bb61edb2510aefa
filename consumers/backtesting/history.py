"""Reads labelled or scored rows as the results that detection would have seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from consumers.ingest.date_order import with_order_ahead
from sentiment.errors import InputError
from sentiment.events import LABELS, ModelRef
from sentiment.privacy import redact
from sentiment.progress import Progress
from sentiment.scoring import Answer
from sentiment.sources import BadRow, FileFormat, InputFile, Row, open_rows
from sentiment.sources.times import TimeNotation, UnreadableTimeError, parse_time
from sentiment.spikes.duplicates import event_key
from sentiment.spikes.parts import Kinds, parts_of
from sentiment.spikes.replay import FEED
from sentiment.spikes.segment import SpikeObservation
from sentiment.text import text_fault

_ROWS_AT_ONCE = 512
_NEGATIVE_FROM = 0.5
_MODEL = ModelRef(name="history", version="history")

_Dated = tuple[Row | BadRow, TimeNotation]
"""A row, and how its time is written."""

Scorer = Callable[[Sequence[str]], Sequence[Answer]]
"""Scores texts, one answer for each."""


@dataclass(frozen=True, slots=True)
class HistoryFields:
    """Which column holds what. A file must have those that the user `named`. `all_of` is the product of all rows."""

    time: str = "created_at"
    product: str = "product"
    label: str = "label"
    p_negative: str = "p_negative"
    text: str = "text"
    id: str = "id"
    author: str = "author_id"
    all_of: str | None = None
    named: frozenset[str] = frozenset()
    times: TimeNotation = field(default_factory=TimeNotation)
    kinds: Kinds = ()
    """The parts of a product that are watched, by columns."""


@dataclass(frozen=True, slots=True)
class History:
    """The results by segment, each in order of time, and why other rows were left out."""

    segments: dict[str, list[SpikeObservation]]
    left_out: Counter[str]

    @property
    def n(self) -> int:
        """All results."""
        return sum(map(len, self.segments.values()))


def read_history(
    given: InputFile,
    file_format: FileFormat,
    fields: HistoryFields,
    progress: Progress,
    *,
    scorer: Scorer | None = None,
    without_product: str = "unknown",
) -> History:
    """Read all rows. Rows that cannot be used are counted by reason, and never quoted.

    Args:
        given: the file.
        file_format: its format.
        fields: its columns.
        progress: told how many rows are read.
        scorer: scores the texts; without it, rows need a label or a probability.
        without_product: the segment of rows that name none.

    Raises:
        InputError: the file cannot be read, or none of its rows can be used.
    """
    left_out: Counter[str] = Counter()
    segments: dict[str, list[SpikeObservation]] = {}
    missing = set(fields.named)
    progress.begin("reading", None)
    with open_rows(given, file_format) as opened:
        dated = with_order_ahead(opened.rows, fields.time, fields.times, given.name, progress.say)
        for number, group in enumerate(_groups(dated)):
            progress.at(number * _ROWS_AT_ONCE + len(group))
            for row, _ in group if missing else ():
                missing -= row.values.keys() if isinstance(row, Row) else set()
            for seen in _observations(group, fields, left_out, scorer, without_product):
                segments.setdefault(seen.segment, []).append(seen)
    if missing:
        raise InputError(f"{given.name} has no column {min(missing)!r}", hint="check the names of its columns")
    if not segments:
        reason, n = left_out.most_common(1)[0] if left_out else ("the file is empty", 0)
        raise InputError(
            f"{given.name} has no row that can be used: {reason}" + (f" ({n:,} rows)" if n else ""),
            hint=f"rows need {fields.time!r}, and {fields.label!r} or {fields.p_negative!r}; "
            "--score scores their texts first",
        )
    for name in segments:
        segments[name].sort(key=lambda seen: seen.event_ms)
    return History(dict(sorted(segments.items())), left_out)


def _groups(rows: Iterable[_Dated]) -> Iterator[list[_Dated]]:
    group: list[_Dated] = []
    for row in rows:
        group.append(row)
        if len(group) == _ROWS_AT_ONCE:
            yield group
            group = []
    if group:
        yield group


@dataclass(frozen=True, slots=True)
class _Judged:
    negative: bool
    p_negative: float
    left_out: bool = False


def _observations(
    group: Sequence[_Dated],
    fields: HistoryFields,
    left_out: Counter[str],
    scorer: Scorer | None,
    without_product: str,
) -> Iterator[SpikeObservation]:
    usable: list[tuple[Row, int]] = []
    for row, times in group:
        if isinstance(row, BadRow):
            left_out[row.message] += 1
            continue
        try:
            at = parse_time(row.values.get(fields.time), times)
        except UnreadableTimeError as error:
            left_out[str(error)] += 1
            continue
        usable.append((row, round(at.timestamp() * 1000)))
    judged = [_labelled(row, fields) for row, _ in usable] if scorer is None else _scored(usable, fields, scorer)
    for (row, event_ms), judgement in zip(usable, judged, strict=True):
        if isinstance(judgement, str):
            left_out[judgement] += 1
        else:
            yield _observation(row, event_ms, judgement, fields, without_product)


def _observation(
    row: Row, event_ms: int, judged: _Judged, fields: HistoryFields, without_product: str
) -> SpikeObservation:
    product = fields.all_of or _name(row.values.get(fields.product)) or without_product
    own_id, text = _name(row.values.get(fields.id)), row.values.get(fields.text)
    told = isinstance(text, str) and judged.negative and text_fault(text) is None
    return SpikeObservation(
        key=str(row.number),
        segment=product,
        feed=FEED,
        event_ms=event_ms,
        scored_ms=event_ms,
        negative=judged.negative,
        p_negative=judged.p_negative,
        text=redact(text).text if told and isinstance(text, str) else None,
        author=_name(row.values.get(fields.author)),
        model=_MODEL,
        parts=parts_of(product, fields.kinds, row.values.get),
        event=None if own_id is None else event_key(product, own_id, ""),
        left_out=judged.left_out,
    )


def _labelled(row: Row, fields: HistoryFields) -> _Judged | str:
    """What the row says of itself, or why it says nothing."""
    label, probability = row.values.get(fields.label), row.values.get(fields.p_negative)
    p_negative = _probability(probability)
    if isinstance(label, str) and label in LABELS:
        negative = label == "negative"
    elif isinstance(label, bool):
        negative = label
    elif label in (None, "") and p_negative is not None:
        negative = p_negative >= _NEGATIVE_FROM
    else:
        return "there is no label" if label in (None, "") else f"the label is none of {', '.join(LABELS)}"
    return _Judged(negative, float(negative) if p_negative is None else p_negative)


def _scored(usable: Sequence[tuple[Row, int]], fields: HistoryFields, scorer: Scorer) -> list[_Judged | str]:
    texts = [row.values.get(fields.text) for row, _ in usable]
    fit = [text for text in texts if isinstance(text, str) and text_fault(text) is None]
    answers = iter(scorer(fit) if fit else ())
    judged: list[_Judged | str] = []
    for text in texts:
        if not isinstance(text, str) or text_fault(text) is not None:
            judged.append("there is no text")
            continue
        answer = next(answers)
        judged.append(
            _Judged(
                answer.label == "negative",
                answer.probabilities.negative,
                left_out=answer.no_evidence or answer.unsupported_language,
            )
        )
    return judged


def _probability(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0.0 <= number <= 1.0 else None


def _name(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)
