"""`sentiment score`: score texts from the command line or a file, one JSON line each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentiment.cli.flags import FILE
from sentiment.cli.options import common_options

if TYPE_CHECKING:
    from sentiment.cli.text_lines import Line
    from sentiment.model.classifier import Classifier
    from sentiment.settings import Settings

# Enough to sort by length, few enough that the first answers come soon.
_LINES_AT_ONCE = 512


@click.command(
    epilog="""\b
Example:
  sentiment score "The update made the app faster, great job!"
  sentiment score --file reviews.txt > scores.jsonl"""
)
@click.argument("texts", metavar="[TEXT]...", nargs=-1)
@click.option(
    "--file",
    metavar="FILE|-",
    type=FILE,
    help="Texts to score, or - for stdin: JSONL with `text`, or one text per line; may be packed.",
)
@common_options("model")
def score(settings: Settings, texts: tuple[str, ...], file: Path | None) -> None:
    """Score TEXTs, or the lines of FILE, and print one JSON line for each, in order.

    A line that cannot be scored gets `label: null` and `error`; stderr says how many there were. Texts are redacted
    first, and the answers hold the redacted text.
    """
    from sentiment.cli.text_lines import line_of, read_lines
    from sentiment.errors import UsageError
    from sentiment.model.loading import load_configured

    if bool(texts) == (file is not None):
        raise UsageError("give either texts or --file", hint="see `sentiment score --help`")
    lines = iter([line_of(text) for text in texts]) if file is None else read_lines(file)
    # Read first: a file that cannot be read fails at once, not after the model was loaded.
    group = list(islice(lines, _LINES_AT_ONCE))
    classifier = load_configured(settings.model)
    n_failed = 0
    while group:
        n_failed += sum(line.text is None for line in group)
        # ASCII only: some readers take U+2028 for the end of a line, and not every terminal shows the rest.
        click.echo("\n".join(json.dumps(answer) for answer in _score(group, classifier)))
        group = list(islice(lines, _LINES_AT_ONCE))
    if n_failed:
        click.echo(f"{n_failed} of the inputs could not be scored; their lines say why", err=True)


def _score(lines: Sequence[Line], classifier: Classifier) -> Iterator[dict[str, Any]]:
    """Yield one answer for each line, in order."""
    answers = iter(_answers([line.text for line in lines if line.text is not None], classifier))
    for line in lines:
        yield {"label": None, "error": line.error} if line.text is None else next(answers)


def _answers(texts: Sequence[str], classifier: Classifier) -> list[dict[str, Any]]:
    import msgspec

    from sentiment.scoring import score_texts

    answers, _ = score_texts(classifier, texts)
    return [msgspec.to_builtins(answer) for answer in answers]
