"""The scoring worker, `sentiment score` and `sentiment rescore` give one text one answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from consumers.cluster.records import Record, RecordBatch, TopicPartition
from consumers.runtime.metrics import Metrics
from consumers.scoring.breaker import Breaker
from consumers.scoring.dead_letters import Parking
from consumers.scoring.handler import ScoringHandler
from consumers.scoring.results import ResultWriter
from consumers.scoring.serving import ServingModel
from sentiment.cli.main import run
from sentiment.events import ScoredFeedback, decode_scored
from sentiment.model import loading
from sentiment.model.classifier import Classifier
from tests.consumers.rescore.support import rescore

TEXTS = [
    "The update made the app faster, great job!",
    "it&amp;#39;s &amp;amp;amp;lt;broken&amp;amp;amp;gt; again, mail jane.roe@example.com or @support",
    "Die App stürzt seit dem letzten Update ständig ab, sehr ärgerlich!!!!!!!",
    "word " * 600,
]
LIMIT = 1_000_000


def by_the_worker(classifier: Classifier) -> list[ScoredFeedback]:
    metrics, partition = Metrics(), TopicPartition("feedback", 0)
    handler = ScoringHandler(
        ServingModel(classifier, metrics),
        ResultWriter("sentiment", b"0123456789abcdef", True, LIMIT),
        Parking("dead", "raw", LIMIT),
        Breaker(200, 0.5),
        metrics,
    )
    records = tuple(
        Record("feedback", 0, place, 1_750_000_000_000, None, json.dumps({"text": text}).encode())
        for place, text in enumerate(TEXTS)
    )
    result = handler.handle(RecordBatch({partition: records}), datetime(2026, 3, 1, tzinfo=UTC))
    return [decode_scored(record.value) for record in result.outputs[partition]]


def test_three_ways_one_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the shipped model, for escaped, redacted, foreign and very long texts: the figures are equal, bit for bit."""
    classifier = loading.load_model(threads=1)
    monkeypatch.setattr(loading, "load_configured", lambda _: classifier)
    results = by_the_worker(classifier)

    assert run(["score", *TEXTS]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    named = ("label", "score", "text", "language", "unsupported_language", "n_chunks", "truncated", "redactions")
    assert [{name: line[name] for name in named} for line in lines] == [
        {name: getattr(result, name) for name in named} for result in results
    ]
    assert [line["probabilities"] for line in lines] == [msgspec.to_builtins(each.probabilities) for each in results]

    source = tmp_path / "x.jsonl"
    source.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    rescore(source, tmp_path / "y.jsonl", classifier)
    rows = [json.loads(line) for line in (tmp_path / "y.jsonl").read_text().splitlines()]
    assert [(row["label"], row["score"], row["p_negative"]) for row in rows] == [
        (result.label, result.score, result.probabilities.negative) for result in results
    ]
