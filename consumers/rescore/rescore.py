"""Re-score a file: survey the input, score it part by part, and put the output in place."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from consumers.rescore.formats import Writer, make_writer
from consumers.rescore.inputs import PART_ROWS, Part, Survey, read_parts, survey
from consumers.rescore.partial import Checkpoint, Job, PartialWork
from sentiment.columns import RESULT_COLUMNS, UNSCORED, Columns, Result, plan_columns, results_of
from sentiment.errors import InputError, UsageError
from sentiment.mail import TextKind, read_as
from sentiment.model.classifier import Classifier
from sentiment.outputs import Output, refuse_clashes
from sentiment.packed import PACKED_SUFFIXES
from sentiment.progress import Progress
from sentiment.scoring import score_texts
from sentiment.settings import ModelSettings
from sentiment.sources import FileFormat, InputFile, ReadingOptions, Row, detect_format, find_input, open_rows
from sentiment.sources.options import DEFAULT_READING
from sentiment.sources.rows import SUFFIXES, padded_rows

_NOT_WRITTEN = {".json", ".tsv", ".tab"}
"""Endings that promise what is only read: one document, or tabs."""


@dataclass(frozen=True, slots=True)
class RescoreRequest:
    """What to score and where to write it. `resume` and `force` say what to do with earlier work.

    `names` is the pipeline with which redaction searches for names in this process; empty if it does not.
    """

    argument: str
    output: Output
    text_field: str = "text"
    reading: ReadingOptions = DEFAULT_READING
    kind: TextKind = "text"
    resume: bool = False
    force: bool = False
    names: str = ""


@dataclass(frozen=True, slots=True)
class RescoreReport:
    """What was done. `already_complete`: an earlier run had finished, so nothing was."""

    n_rows: int
    n_unscored: int
    renamed: dict[str, str]
    already_complete: bool = False


def run_rescore(
    request: RescoreRequest, model: ModelSettings, load: Callable[[], Classifier], progress: Progress
) -> RescoreReport:
    """Score every row of a file. Blocks until the output exists; an interruption leaves `FILE.partial/`.

    Nothing is left if the output is no regular file: the rows go there once all are scored.

    `load` is called after input and output were checked.

    Raises:
        UsageError: the request contradicts itself, or earlier work would be lost.
        InputError: the input cannot be read in full, or the output cannot be written.
        ModelError: from `load`.
    """
    given = find_input(request.argument, request.reading)
    input_format = detect_format(given)
    output_format, packed = _output_format(request.output, input_format)
    partial = PartialWork(request.output)
    _check_output(request, output_format)
    _check_earlier_work(request, partial)
    progress.begin("checking", None)
    found = survey(given, input_format, request.text_field, progress.at)
    columns = plan_columns(found.columns)
    _tell(found, columns, progress)
    classifier = load()
    if request.resume and not partial.exists() and request.output.exists:
        _require_result(request.output, output_format, columns, classifier.model.version)
        return RescoreReport(found.n_rows, 0, columns.renamed, already_complete=True)
    job = _describe(request, found, input_format, output_format, classifier, model)
    writer = make_writer(output_format, columns, found.kinds)
    with partial.locked():
        saved = partial.resume(job) if request.resume and partial.exists() else partial.begin(job)
        progress.begin("scoring", found.n_rows, saved.n_rows)
        for part in read_parts(given, input_format, saved.n_parts):
            saved = _add_part(saved, part, _score(classifier, part, found.text_field, request.kind), writer, partial)
            progress.at(saved.n_rows)
        if saved.n_rows != found.n_rows:
            raise InputError(f"{given.name} changed while it was read", hint="--force starts again")
        partial.finish(saved, lambda parts, path: writer.join(parts, path, packed=packed))
    return RescoreReport(saved.n_rows, saved.n_unscored, columns.renamed)


def _tell(found: Survey, columns: Columns, progress: Progress) -> None:
    for before, after in columns.renamed.items():
        progress.say(f"the input's column {before!r} is kept as {after!r}: {before!r} is the result's")
    if found.n_padded:
        progress.say(padded_rows(found.n_padded))


def _score(classifier: Classifier, part: Part, text_field: str, kind: TextKind) -> list[Result]:
    values = [row.values.get(text_field) for row in part.rows]
    return results_of(
        values, lambda texts: score_texts(classifier, [read_as(kind, text) for text in texts], languages=False)[0]
    )


def _add_part(
    saved: Checkpoint, part: Part, results: Sequence[Result], writer: Writer, partial: PartialWork
) -> Checkpoint:
    """Write a part with its results; the checkpoint that includes it."""
    reached = Checkpoint(
        n_parts=saved.n_parts + 1,
        n_rows=saved.n_rows + len(results),
        n_unscored=saved.n_unscored + sum(result is UNSCORED for result in results),
    )
    partial.add(reached, functools.partial(writer.write_part, part=part, results=results))
    return reached


def _check_output(request: RescoreRequest, output_format: FileFormat) -> None:
    """Refuse an output that is the input, and what only works with a regular file."""
    refuse_clashes([request.output], [Path(request.argument)])
    if request.resume and request.force:
        raise UsageError("--resume and --force exclude each other")
    if request.output.regular:
        return
    if request.resume:
        raise UsageError(f"work for {request.output.name} cannot be resumed", hint="leave --resume out, or name a file")
    if output_format == "parquet":
        raise UsageError(f"Parquet cannot be written to {request.output.name}", hint="name a file")


def _check_earlier_work(request: RescoreRequest, partial: PartialWork) -> None:
    """Refuse to overwrite anything unless the request says so."""
    if request.resume or request.force:
        return
    if partial.exists():
        raise InputError(
            f"{partial.folder} holds the work of a run that was interrupted",
            hint="--resume continues it, --force starts again",
        )
    if request.output.exists:
        raise InputError(f"{request.output.name} exists", hint="--force replaces it once the new one is complete")


def _output_format(output: Output, input_format: FileFormat) -> tuple[FileFormat, bool]:
    """The format of the output by its name, or that of the input if the name has no ending; and whether it is packed.

    Raises:
        UsageError: the ending is that of another format, or Parquet would be packed.
    """
    name = Path(output.name)
    packed = name.suffix.lower() == ".gz"
    if not packed and name.suffix.lower() in PACKED_SUFFIXES:
        raise UsageError(f"{output.name} would have to be packed, which is only done with gzip", hint="name it .gz")
    ending = (name.with_suffix("") if packed else name).suffix.lower()
    if (ending and ending not in SUFFIXES) or ending in _NOT_WRITTEN:
        raise UsageError(
            f"{output.name} is not a name for results", hint="it must end with .csv or .jsonl (also .gz), or .parquet"
        )
    chosen = SUFFIXES[ending] if ending else input_format
    if packed and chosen == "parquet":
        raise UsageError("Parquet is compressed already", hint=f"name the output {name.with_suffix('')}")
    return chosen, packed


def _describe(
    request: RescoreRequest,
    found: Survey,
    input_format: FileFormat,
    output_format: FileFormat,
    classifier: Classifier,
    model: ModelSettings,
) -> Job:
    return Job(
        input_sha256=found.sha256,
        input_format=input_format,
        text_field=found.text_field,
        delimiter=request.reading.delimiter,
        encoding=request.reading.encoding,
        skip_rows=request.reading.skip_rows,
        kind=request.kind,
        names=request.names,
        columns=list(found.columns),
        output_format=output_format,
        part_rows=PART_ROWS,
        model_name=classifier.model.name,
        model_version=classifier.model.version,
        backend=classifier.backend,
        max_batch_tokens=model.max_batch_tokens,
        max_batch_items=model.max_batch_items,
    )


def _require_result(output: Output, output_format: FileFormat, columns: Columns, model_version: str) -> None:
    """Check that a finished output can be the result of this request: its columns, and its first model version.

    Raises:
        InputError: it is something else.
    """
    expected = set(RESULT_COLUMNS if output_format == "jsonl" else columns.outputs)
    first: Row | None = None
    same = False
    written = ReadingOptions(delimiter="," if output_format == "csv" else None)
    with open_rows(InputFile(output.path, written), output_format) as source:
        for row in source.rows:
            if not isinstance(row, Row):
                continue
            same = expected <= set(source.columns or row.values)
            if not same or row.values.get("label"):
                first = row
                break
    if not same or (first is not None and first.values.get("model_version") != model_version):
        raise InputError(
            f"{output.name} exists, and is not the result of this input and model", hint="--force replaces it"
        )
