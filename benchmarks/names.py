"""What the search for names and addresses finds, costs and changes: `python -m benchmarks.names PIPELINE`.

Recall is measured on made-up sentences (`pii/` of the data folder), cost and the effect on labels on labelled rows that
are held out (`dev.jsonl.gz`), and false alarms on app reviews, in which hardly anybody is named.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np

from sentiment.events import LABELS
from sentiment.model.loading import load_model
from sentiment.privacy import NAME_KINDS, Redacted, redact_all, search_names
from sentiment.scoring import score_texts
from sentiment.spacy_names import SpacyNames
from sentiment.statistics import macro_f1

_PERSON, _ADDRESS = NAME_KINDS
_KINDS = {"PERSON": _PERSON, "ADDRESS": _ADDRESS, "STREET_ADDRESS": _ADDRESS}
_WORD = re.compile(r"\w{2,}")
_NAME = re.compile(r"[A-Z][^\W\d]+(?:[ .'’-]+[^\W\d]+)+")
_HOUSE = re.compile(r"\d+ .*[A-Za-z]{3}.*")


@click.command()
@click.argument("pipeline")
@click.option("--data", envvar="SENTIMENT_DATA", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--texts", type=click.IntRange(100), default=2_000, show_default=True, help="Held-out rows and reviews.")
def main(pipeline: str, data: Path, texts: int) -> None:
    """Measure redaction with the spaCy pipeline PIPELINE (a package or a folder), and without."""
    search_names(SpacyNames(pipeline))
    for name, sentences in (("generated", _generated(data)), ("canadian", _canadian(data))):
        _tell_recall(name, list(sentences))
    _tell_false_alarms(_reviews(data, texts))
    rows = _spaced([json.loads(line) for line in _read(data / "dev.jsonl.gz").splitlines()], texts)
    _tell_cost_and_labels(pipeline, [row["text"] for row in rows], [LABELS.index(row["label"]) for row in rows])


def _tell_recall(name: str, sentences: list[tuple[str, list[tuple[str, str]]]]) -> None:
    """`sentences`: a text and what is in it as (kind, value). A value is hidden if none of its words is left."""
    redacted = redact_all([text for text, _ in sentences])
    for kind in NAME_KINDS:
        asked = [
            _is_hidden(value, found)
            for (_, values), found in zip(sentences, redacted, strict=True)
            for each, value in values
            if each == kind
        ]
        click.echo(f"{name}: {kind}: {sum(asked)} of {len(asked)} hidden ({sum(asked) / len(asked):.1%})")


def _is_hidden(value: str, found: Redacted) -> bool:
    return not set(_WORD.findall(value)) & set(_WORD.findall(found.text))


def _tell_false_alarms(reviews: list[str]) -> None:
    redacted = redact_all(reviews)
    for kind in NAME_KINDS:
        n = sum(kind in each.counts for each in redacted)
        click.echo(f"app reviews: {kind}: in {n} of {len(reviews):,} ({n / len(reviews):.2%})")


def _tell_cost_and_labels(pipeline: str, texts: list[str], labels: list[int]) -> None:
    classifier = load_model()
    chosen, took_s = [], []
    for recognise in (None, SpacyNames(pipeline)):
        search_names(recognise)
        score_texts(classifier, texts[:10], languages=False)
        started = time.perf_counter()
        answers, _ = score_texts(classifier, texts, languages=False)
        took_s.append(time.perf_counter() - started)
        chosen.append([LABELS.index(answer.label) for answer in answers])
        n_masked = sum(not answer.redactions.keys().isdisjoint(NAME_KINDS) for answer in answers)
        quality = macro_f1(np.array(labels), np.array(chosen[-1]))
        click.echo(
            f"{'with' if recognise else 'without'} names: {1e3 * took_s[-1] / len(texts):.1f} ms to score a text, "
            f"{n_masked:,} of {len(texts):,} texts masked, macro-F1 {quality:.3f}"
        )
    moved = sum(before != after for before, after in zip(*chosen, strict=True))
    click.echo(f"scoring takes {took_s[1] / took_s[0]:.1f} times as long")
    click.echo(f"labels that differ: {moved} of {len(texts):,} ({moved / len(texts):.1%})")


def _generated(data: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    for entry in json.loads(_read(data / "pii" / "generated_small.json.gz")):
        spans = [(span["entity_type"], span["entity_value"]) for span in entry["spans"]]
        yield entry["full_text"], [(_KINDS[kind], value) for kind, value in spans if kind in _KINDS]


def _canadian(data: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Types and values are in different orders there, so a value is told by its form."""
    for row in csv.DictReader(io.StringIO(_read(data / "pii" / "canadian_pii.csv.gz"), newline="")):
        values = row["pii_values"].split(", ")
        names = [value for value in values if "'name'" in row["pii_types"] and _NAME.fullmatch(value)]
        homes = [value for value in values if "'street_address'" in row["pii_types"] and _HOUSE.fullmatch(value)]
        yield row["text"], [*((_PERSON, name) for name in names), *((_ADDRESS, home) for home in homes)]


def _reviews(data: Path, n: int) -> list[str]:
    rows = csv.DictReader(io.StringIO(_read(data / "streams" / "netflix_reviews.csv.gz"), newline=""))
    return _spaced([row["content"] for row in rows if row["content"]], n)


def _read(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode("utf-8")


def _spaced(items: list[Any], n: int) -> list[Any]:
    return items[:: max(1, len(items) // n)][:n]


if __name__ == "__main__":
    main()
