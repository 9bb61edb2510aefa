"""`sentiment score`: one line out for each line in."""

from __future__ import annotations

import gzip
import io
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pyarrow as pa
import pyarrow.parquet as pq
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


def test_of_mail_only_the_own_words_are_read(model: LexiconClassifier, capsys: pytest.CaptureFixture[str]) -> None:
    """With --kind mail neither the quoted message nor the signature changes the answer; without it both are text."""
    mail = "this is great\n\n> this is awful, awful\n-- \nJane"
    (own,) = score(capsys, ["--kind", "mail", mail])
    assert (own["label"], own["text"]) == ("positive", "this is great")
    (whole,) = score(capsys, [mail])
    assert whole["text"] == mail


def test_lines_that_cannot_be_scored_keep_their_place(
    model: LexiconClassifier, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A faulty JSONL line gets an answer in its place, with the reason and never the content."""
    secret = "hush"
    lines = [
        b'{"text": "great"}',
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
    assert [answer["label"] for answer in answers] == ["positive", *[None] * 7, "negative"]
    assert all(set(answer) == {"label", "error"} for answer in answers[1:-1])
    assert all(answer["error"].startswith(f"line {n}: ") for n, answer in enumerate(answers[1:-1], start=2))
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


def stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(content))))  # type: ignore[arg-type]


def test_json_on_stdin_is_told_from_text_by_a_flag(
    model: LexiconClassifier, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never by what comes first. Without the flag JSON is not scored as if it were text, wherever it stands."""
    mixed = b'great\n{"text": "awful"}\n["great"]\n{great}'
    for content, flags, labels in [
        (mixed, [], ["positive", None, "positive", "positive"]),
        (mixed, ["--format", "text"], ["positive", "negative", "positive", "positive"]),
        (mixed, ["--format", "jsonl"], [None, "negative", None, None]),
        (b'{"text": "great"}\nawful', ["--format", "jsonl"], ["positive", None]),
        (b"text\ngreat\n", ["--format", "csv"], ["positive"]),
    ]:
        stdin(monkeypatch, content)
        assert [answer["label"] for answer in score(capsys, ["--file", "-", *flags])] == labels
    stdin(monkeypatch, b'{"text": "great"}\nawful')
    assert run(["score", "--file", "-"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "begins with a JSON object" in captured.err
    assert "--format jsonl" in captured.err


@pytest.mark.parametrize(
    ("name", "content", "flags"),
    [
        ("x.csv", b"id;comment\r\n1;great\r\n2;\r\n3;awful\r\n", []),
        ("x.CSV.gz", gzip.compress(b"id,comment\n1,great\n2\n3,awful\n", mtime=0), []),
        ("x.json", b'[{"comment": "great"}, {"comment": 2}, {"comment": "awful"}]', []),
        ("x.ndjson", b'{"comment": "great"}\n{}\n{"comment": "awful"}\n', []),
        ("x.txt", b"comment\tid\ngreat\t1\n\t2\nawful\t3\n", ["--format", "csv", "--delimiter", "tab"]),
        ("x.csv", "id,comment\n1,great é\n2,\n3,awful é\n".encode("cp1252"), ["--encoding", "cp1252"]),
    ],
)
def test_tables_are_read_as_by_other_commands(
    model: LexiconClassifier,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes,
    flags: list[str],
) -> None:
    """A row without a text keeps its place."""
    (tmp_path / name).write_bytes(content)
    answers = score(capsys, ["--file", str(tmp_path / name), "--text-field", "comment", *flags])
    assert [answer["label"] for answer in answers] == ["positive", None, "negative"]


def test_parquet_is_read(model: LexiconClassifier, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the name of its column."""
    pq.write_table(pa.table({"text": ["great", None, "awful"]}), tmp_path / "x.parquet")
    answers = score(capsys, ["--file", str(tmp_path / "x.parquet")])
    assert [answer["label"] for answer in answers] == ["positive", None, "negative"]


@pytest.mark.parametrize(
    ("name", "content", "flags", "said"),
    [
        ("x.xlsx", b"PK", [], "cannot tell the format of"),
        ("x.html", b"a b", [], "cannot tell the format of"),
        ("x.csv", b"a,b\n1,2\n", [], "has no column 'text'"),
        ("x.parquet", b"text", [], "Parquet"),
        ("x.txt", b"PAR1", [], "is a Parquet file"),
        ("x.txt", b"a", ["--delimiter", ";"], "--delimiter and --skip-rows are for CSV"),
        ("x.txt", b"a", ["--encoding", "klingon"], "no encoding 'klingon'"),
    ],
)
def test_what_cannot_be_read_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes, flags: list[str], said: str
) -> None:
    """Never scored as if it were text; before the model is loaded."""
    (tmp_path / name).write_bytes(content)
    assert run(["score", "--file", str(tmp_path / name), *flags]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err


def test_on_a_terminal_answers_are_a_table(
    model: LexiconClassifier, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the redacted text, and the reason where there is no answer; --json prints lines there, too."""
    texts = ["great, write to jane.doe@example.com", " ", "\x1b[2J awful"]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run(["score", "--", *texts]) == 0
    shown = capsys.readouterr().out
    assert "\x1b[2J" not in shown
    rows = [row for row in click.unstyle(shown).splitlines() if row.strip()]
    assert re.match(r" label +score +sure +text", rows[0])
    assert re.match(r" positive +\+0\.\d{3} +\d+% +great, write to \[EMAIL\]", rows[2])
    assert "not scored: " in rows[3]
    assert re.match(r" negative +-0\.\d{3} +\d+%", rows[4])
    assert [answer["label"] for answer in score(capsys, ["--json", "--", *texts])] == ["positive", None, "negative"]


def test_nothing_scored_is_exit_code_1(
    model: LexiconClassifier, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether there was nothing, or nothing that can be scored. The answers say why all the same."""
    (tmp_path / "x.txt").touch()
    assert run(["score", "--file", str(tmp_path / "x.txt")]) == 1
    assert "there is nothing to score" in capsys.readouterr().err
    assert run(["score", "", " "]) == 1
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 2
    assert "nothing could be scored" in captured.err


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
        (["--file", "no/such/file"], "there is no file no/such/file"),
        (["great", "--model", "no/such/model/x"], "model no/such/model/x does not exist"),
    ],
)
def test_wrong_use_is_exit_code_2(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line says what is wrong, and stdout stays empty."""
    assert run(["score", *arguments]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""
