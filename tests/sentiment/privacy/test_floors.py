"""The lowest recall and precision that redaction may have."""

import ast
import csv
import gzip
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from stdnum import iban, luhn

from sentiment.privacy import redact
from tests.data import data_file
from tests.sentiment.privacy import samples

_RECALL = {"email": 0.98, "card": 0.98, "iban": 0.98, "ip": 0.98, "phone": 0.9, "id": 0.95}
_PRECISION = 0.95


def test_generated_values() -> None:
    """Recall on valid generated values and precision among decoys, for every kind."""
    rng = random.Random(20240915)
    present: Counter[str] = Counter()
    found: Counter[str] = Counter()
    claimed: Counter[str] = Counter()
    for kind, make in samples.KINDS.items():
        for _ in range(250):
            value = make(rng)
            redacted = redact(rng.choice(samples.SENTENCES).format(value))
            present[kind] += 1
            found[kind] += value not in redacted.text and redacted.counts.get(kind) == 1
            claimed.update(redacted.counts)
    for _ in range(1500):
        claimed.update(redact(rng.choice(samples.OTHER_SENTENCES).format(samples.decoy(rng))).counts)
    recall = {kind: found[kind] / present[kind] for kind in present}
    precision = {kind: found[kind] / claimed[kind] for kind in claimed}
    assert {kind: share for kind, share in recall.items() if share < _RECALL[kind]} == {}
    assert {kind: share for kind, share in precision.items() if share < _PRECISION} == {}


@pytest.mark.parametrize("country", samples.COUNTRIES)
def test_phones_of_ten_countries(country: str) -> None:
    """Valid numbers of each country, in international, plain and national form, with and without a word before them."""
    rng = random.Random(f"phones {country}")
    missed = []
    for layout in samples.PHONE_LAYOUTS:
        for sentence in samples.SENTENCES:
            for _ in range(4):
                number = samples.phone(rng, country, layout)
                if number in redact(sentence.format(number)).text:
                    missed.append((sentence, number))
    assert len(missed) <= (1 - _RECALL["phone"]) * 4 * len(samples.SENTENCES) * len(samples.PHONE_LAYOUTS), missed


_VALID_IN_TEXT: dict[str, tuple[str, Callable[[str], bool]]] = {
    "email": (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}", lambda _: True),
    "card": (r"(?<![\w-])\d(?:[ -]?\d){11,18}(?![\w-])", luhn.is_valid),
    "iban": (r"\b[A-Z]{2}\d{2}[A-Z0-9]{11,30}\b", iban.is_valid),
    "ip": (r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])", lambda _: True),
    "phone": (r"(?<!\d)\([2-9]\d\d\) [2-9]\d\d-\d{4}(?!\d)", lambda _: True),
}


def _collected_texts() -> Iterator[str]:
    with gzip.open(data_file("pii/canadian_pii.csv.gz"), "rt", encoding="utf-8") as file:
        yield from (row["text"] for row in csv.DictReader(file))
    with gzip.open(data_file("pii/generated_small.json.gz"), "rt", encoding="utf-8") as file:
        yield from (entry["full_text"] for entry in ast.literal_eval(file.read().replace("null", "None")))


def test_collected_values() -> None:
    """Enough of the valid values in the collected sentences are found."""
    present: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for text in _collected_texts():
        redacted = redact(text).text
        for kind, (pattern, is_valid) in _VALID_IN_TEXT.items():
            values = [match.group() for match in re.finditer(pattern, text) if is_valid(match.group())]
            present[kind] += len(values)
            found[kind] += sum(value not in redacted for value in values)
    assert present["email"] >= 50
    assert present["card"] >= 50
    assert {kind: (found[kind], present[kind]) for kind in present if found[kind] < _RECALL[kind] * present[kind]} == {}


_STREAMS = {"netflix_reviews": "content", "disney_hotstar_reviews": "content"}


@pytest.mark.parametrize(("stream", "field"), _STREAMS.items())
def test_reviews_keep_their_numbers(stream: str, field: str) -> None:
    """App reviews are full of versions, prices and years and nearly free of personal data: read by hand, one number in
    20,000 reviews is one, besides handles.
    """
    with gzip.open(data_file(f"streams/{stream}.csv.gz"), "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update(redact(row[field] or "").counts)
    assert counts.total() - counts["handle"] <= 1
    assert sum(redact(row["reviewId"]).text != row["reviewId"] for row in rows) == 0
