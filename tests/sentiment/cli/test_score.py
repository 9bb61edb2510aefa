"""`sentiment score`: one line out for each line in."""

from __future__ import annotations

import gzip
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sentiment.cli.main import run
from sentiment.events import MAX_TEXT_CHARS
from sentiment.model import loading
from tests.fakes import LexiconClassifier


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> LexiconClassifier:
    fake = LexiconClassifier()
    monkeypatch.setattr(loading, "load_configured", lambda _: fake)
    return fake


def score(capsys: pytest.CaptureFixture[str], arguments: Sequence[str]) -> list[dict[str, Any]]:
    assert run(["score", *arguments]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_each_text_gets_a_line(model: LexiconClassifier, capsys: pytest.CaptureFixture[str]) -> None:
    """Label, probabilities that sum to 1, score, language, and the model that answered."""
    great, awful = score(capsys, ["this is great", "this is awful"])
    assert (great["label"], awful["label"]) == ("positive", "negative")
    assert sum(great["probabilities"].values()) == pytest.approx(1.0)
    assert great["score"] == pytest.approx(great["probabilities"]["positive"] - great["probabilities"]["negative"])
    assert great["model"] == {"name": "lexicon", "version": "1"}
    assert (great["n_chunks"], great["truncated"], great["unsupported_language"]) == (1, False, False)


def test_texts_are_redacted_before_they_are_read(model: LexiconClassifier, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither the classifier nor the answer sees an address."""
    (answer,) = score(capsys, ["great, write to jane.doe@example.com"])
    assert "jane" not in json.dumps(answer) + "".join(model.seen)
    assert answer["redactions"] == {"email": 1}


def test_lines_that_cannot_be_scored_keep_their_place(
    model: LexiconClassifier, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A faulty JSONL line gets an answer in its place, with the reason and never the content."""
    secret = "hush"
    lines = [
        b'{"text": "great"}',
        b"",
        b'{"text": "hush',
        b'{"comment": "hush"}',
        b'["hush"]',
        b'{"text": 5}',
        b'{"text": "  "}',
        b'{"text": "hush \xff"}',
        json.dumps({"text": secret * MAX_TEXT_CHARS}).encode(),
        b'{"text": "awful"}',
    ]
    file = tmp_path / "texts.jsonl"
    file.write_bytes(b"\n".join(lines))
    answers = score(capsys, ["--file", str(file)])
    assert [answer["label"] for answer in answers] == ["positive", *[None] * 8, "negative"]
    assert all(set(answer) == {"label", "error"} for answer in answers[1:-1])
    assert secret not in json.dumps(answers)


def test_the_number_of_failures_is_said(
    model: LexiconClassifier, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """stderr has the count, stdout only the lines."""
    file = tmp_path / "texts.txt"
    file.write_bytes(b"great\n\xff\nawful\n")
    assert run(["score", "--file", str(file)]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 3
    assert captured.err.startswith("1 of the inputs could not be scored")


@pytest.mark.parametrize("name", ["texts.txt", "texts.txt.gz", "texts"])
def test_plain_lines_are_texts(
    model: LexiconClassifier, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """One text per line, gzipped or not, with Windows line ends, and only line feeds end a line."""
    content = "great\r\nso so\u2028indeed\nawful".encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert [answer["label"] for answer in score(capsys, ["--file", str(tmp_path / name)])] == [
        "positive",
        "neutral",
        "negative",
    ]


def test_jsonl_is_known_by_its_first_line(
    model: LexiconClassifier,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stdin has no name: it is JSONL if the first line is a JSON object, but not if it is an array."""
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b'{"text": "great"}\nawful')))
    assert [answer["label"] for answer in score(capsys, ["--file", "-"])] == ["positive", None]
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b'["great"]\nawful')))
    assert [answer["label"] for answer in score(capsys, ["--file", "-"])] == ["positive", "negative"]


def test_more_lines_than_are_read_at_once_keep_their_order(
    model: LexiconClassifier, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing shows where one group ends and the next begins."""
    file = tmp_path / "many.txt"
    file.write_text("\n".join("great" if n % 3 else f"number {n}" for n in range(1_100)))
    labels = [answer["label"] for answer in score(capsys, ["--file", str(file)])]
    assert labels == ["positive" if n % 3 else "neutral" for n in range(1_100)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "either texts or --file"),
        (["great", "--file", "x"], "either texts or --file"),
        (["--file", "no/such/file"], "no/such/file cannot be read"),
        (["great", "--model", "no/such/model/x"], "model no/such/model/x does not exist"),
    ],
)
def test_wrong_use_is_exit_code_2(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line says what is wrong, and stdout stays empty."""
    assert run(["score", *arguments]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_an_empty_file_has_no_answers(
    model: LexiconClassifier, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No line in, no line out, and no error."""
    (tmp_path / "empty.txt").touch()
    assert score(capsys, ["--file", str(tmp_path / "empty.txt")]) == []
