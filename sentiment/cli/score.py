"""`sentiment score`: score texts from the command line or a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import click

from sentiment.cli.flags import json_option
from sentiment.cli.inputs import kind_option, reading_or_text_options, text_field_option
from sentiment.cli.options import common_options

if TYPE_CHECKING:
    from sentiment.cli.text_lines import Line
    from sentiment.mail import TextKind
    from sentiment.model.classifier import Classifier
    from sentiment.scoring import Answer
    from sentiment.settings import Settings
    from sentiment.sources import ReadingOptions

# Enough to sort by length, few enough that the first answers come soon.
_LINES_AT_ONCE = 512


@click.command(
    epilog="""\b
Example:
  sentiment score "The update made the app faster, great job!"
  sentiment score --file reviews.txt > scores.jsonl
  sentiment score --file reviews.csv --text-field content

In a text file, and on stdin unless --format says otherwise, every line is a text. What cannot be scored gets
`label: null` and `error`; stderr says how many there were. Exit code 1 if nothing was scored."""
)
@click.argument("texts", metavar="[TEXT]...", nargs=-1)
@click.option(
    "--file",
    metavar="FILE|-",
    help="Texts to score, or - for stdin: one text per line, CSV, JSONL or Parquet; may be packed.",
)
@text_field_option("Text column of a table.")
@reading_or_text_options
@kind_option
@json_option("Print JSON lines on a terminal, too.")
@common_options("model")
def score(
    settings: Settings,
    texts: tuple[str, ...],
    file: str | None,
    text_field: str,
    reading: ReadingOptions,
    kind: TextKind,
    as_text: bool,
    as_json: bool,
) -> None:
    """Score TEXTs, or the texts of FILE: a table on a terminal, else one JSON line for each, in order.

    Texts are redacted first, and the answers hold the redacted text.
    """
    from sentiment.cli.text_lines import line_of, read_lines
    from sentiment.errors import SentimentError, UsageError
    from sentiment.model.loading import load_configured
    from sentiment.sources import find_input

    if bool(texts) == (file is not None):
        raise UsageError("give either texts or --file", hint="see `sentiment score --help`")
    lines = (
        iter([line_of(text) for text in texts])
        if file is None
        else read_lines(find_input(file, reading), text_field, as_text=as_text)
    )
    show = _print_json if as_json or not sys.stdout.isatty() else _print_table
    # Read first: a file that cannot be read fails at once, not after the model was loaded.
    group = list(islice(lines, _LINES_AT_ONCE))
    if not group:
        raise SentimentError(f"there is nothing to score in {file}")
    classifier = load_configured(settings.model)
    n_lines = n_failed = 0
    while group:
        n_lines += len(group)
        n_failed += sum(line.text is None for line in group)
        show(list(_score(group, classifier, kind)))
        group = list(islice(lines, _LINES_AT_ONCE))
    if n_failed == n_lines:
        raise SentimentError(f"nothing could be scored; inputs: {n_lines:,}", hint="their lines say why")
    if n_failed:
        click.echo(f"{n_failed:,} of the inputs could not be scored; their lines say why", err=True)


def _score(lines: Sequence[Line], classifier: Classifier, kind: TextKind) -> Iterator[Answer | str]:
    """Yield the answer for each line, or the reason why there is none, in order."""
    from sentiment.mail import read_as
    from sentiment.scoring import score_texts

    texts = [read_as(kind, line.text) for line in lines if line.text is not None]
    answers = iter(score_texts(classifier, texts)[0])
    for line in lines:
        yield str(line.error) if line.text is None else next(answers)


def _print_json(answers: Sequence[Answer | str]) -> None:
    import msgspec

    documents = (
        {"label": None, "error": answer} if isinstance(answer, str) else msgspec.to_builtins(answer)
        for answer in answers
    )
    # ASCII only: some readers take U+2028 for the end of a line, and not every terminal shows the rest.
    click.echo("\n".join(map(json.dumps, documents)))


def _print_table(answers: Sequence[Answer | str]) -> None:
    from sentiment.cli.score_view import scores_table
    from sentiment.cli.tables import output

    output().print(scores_table(answers))
