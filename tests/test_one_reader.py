"""All commands take the same files in the same way, and refuse what cannot be read with its line and exit code 2."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumers.ingest import FieldFlags
from consumers.ingest.checking import Plan, read_publishable
from consumers.ingest.fields import resolve_fields
from sentiment.cli.main import run
from sentiment.model import loading
from sentiment.sources import columns_of, detect_format, find_input
from tests.brokers import DevBroker
from tests.consumers.rescore.support import rescore
from tests.fakes import LexiconClassifier
from tests.training import tiny
from training.data.examples import read_examples
from training.data.rows import read_rows
from training.review.sheets import read_sheet

TEXTS = ["great; really, “great”", 'he said "awful"', "two\nlines, 7", "1.10"]
ROWS = [
    {"text": text, "label": label, "item": f"t{number}"}
    for number, (text, label) in enumerate(zip(TEXTS, ["positive", "negative", "neutral", "neutral"], strict=True))
]


def csv_text(delimiter: str = ",", end: str = "\n") -> str:
    """The rows, every value in quotes."""
    lines = [list(ROWS[0]), *(list(row.values()) for row in ROWS)]
    return "".join(delimiter.join('"' + value.replace('"', '""') + '"' for value in line) + end for line in lines)


CSV = csv_text().encode()
JSONL = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS).encode()
FILES: dict[str, bytes] = {
    "rows.csv": CSV,
    "ROWS.CSV": CSV,
    "marked.csv": b"\xef\xbb\xbf" + CSV,
    "excel.csv": csv_text(";", "\r\n").encode("utf-16"),
    "rows.csv.gz": gzip.compress(CSV, mtime=0),
    "packed.csv": gzip.compress(CSV, mtime=0),
    "rows.jsonl": JSONL,
    "ROWS.NDJSON": b"\xef\xbb\xbf" + JSONL,
    "rows.jsonl.gz": gzip.compress(JSONL, mtime=0),
    "rows.json": json.dumps(ROWS, indent=2).encode(),
    "rows.parquet": b"",
    "ROWS.PQ": b"",
}


def write(folder: Path, name: str) -> Path:
    """The rows in this shape."""
    path = folder / name
    if FILES[name]:
        path.write_bytes(FILES[name])
    else:
        table = pa.Table.from_pylist(ROWS)
        # As Spark and pandas may write them: no plain strings.
        coded = table["label"].dictionary_encode()
        pq.write_table(
            table.set_column(1, "label", coded).cast(
                pa.schema([("text", pa.large_string()), ("label", coded.type), ("item", pa.string())])
            ),
            path,
        )
    return path


def by_ingest(path: Path, folder: Path) -> list[str]:
    """The texts that would be published."""
    given = find_input(str(path))
    file_format = detect_format(given)
    fields = resolve_fields(FieldFlags(), columns_of(given, file_format), given.name)
    plan = Plan(given, file_format, fields, "feedback", False)
    rejects: list[object] = []
    texts = [row.event.text for row in read_publishable(plan, "row", rejects.append)]
    assert rejects == []
    return texts


def by_rescore(path: Path, folder: Path) -> list[str]:
    """The texts beside which the results stand."""
    rescore(path, folder / "out.jsonl")
    return [msgspec.json.decode(line)["text"] for line in (folder / "out.jsonl").read_bytes().splitlines()]


def by_score(path: Path, folder: Path) -> list[str]:
    """The texts that the answers are of."""
    from sentiment.cli.text_lines import read_lines

    return [line.text or f"error: {line.error}" for line in read_lines(find_input(str(path)))]


def by_training(path: Path, folder: Path) -> list[str]:
    """The texts that train, evaluate, compare, calibrate and the other commands on labelled rows read."""
    assert [example.label for example in read_examples(path)] == [2, 0, 1, 1]
    return list(read_rows(path, ("text", "label"))["text"])


def by_review(path: Path, folder: Path) -> list[str]:
    """The texts whose labels a sheet has."""
    sheet = read_sheet(path, {row["item"]: None for row in ROWS})  # type: ignore[misc]
    return [row["text"] for row in ROWS if sheet.labels[row["item"]] == row["label"]]


@pytest.mark.parametrize("read", [by_ingest, by_rescore, by_score, by_training, by_review])
@pytest.mark.parametrize("name", FILES)
def test_every_command_reads_the_same_rows(tmp_path: Path, name: str, read: Callable[[Path, Path], list[str]]) -> None:
    """Whatever shape the file has: marked, in capitals, packed, in UTF-16, an array, Parquet."""
    assert read(write(tmp_path, name), tmp_path) == TEXTS


def _repeated(path: Path) -> None:
    names = ["text", "text", "label", "item"]
    pq.write_table(pa.Table.from_arrays([pa.array(["a"])] * 4, names=names), path)


UNREADABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "absent.csv": (lambda path: None, "there is no file"),
    "open.csv": (lambda path: path.write_text('text,label,item\na,neutral,t0\n"b,neutral,t1\n'), "starts at line 3"),
    "cut.json": (
        lambda path: path.write_text('[\n{"text": "a", "label": "neutral"},\n{"text": "b'),
        "begins in line 1",
    ),
    "cut.csv.gz": (lambda path: path.write_bytes(gzip.compress(CSV * 9)[:-30]), "cut off"),
    "binary.csv": (lambda path: path.write_bytes(bytes(99)), "is a binary file"),
    "junk.parquet": (lambda path: path.write_bytes(b"PAR1junk"), "is not a readable Parquet file"),
    "twice.parquet": (_repeated, "several columns with the same name: 'text'"),
    "empty.jsonl": (lambda path: path.touch(), "is empty"),
}


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network to train."""
    path = tmp_path_factory.mktemp("backbone")
    tiny.save_backbone(path)
    return path


@pytest.mark.parametrize("name", UNREADABLE)
def test_every_command_refuses_what_cannot_be_read(
    tmp_path: Path,
    backbone: Path,
    dev_broker: DevBroker,
    name: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit code 2, the file and what is wrong with it, the line if there is one, and nothing is left behind."""
    monkeypatch.setattr(loading, "load_configured", lambda _: LexiconClassifier())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SENTIMENT_KAFKA__BOOTSTRAP_SERVERS", dev_broker.bootstrap)
    path, items = tmp_path / name, tmp_path / "items.jsonl"
    make, says = UNREADABLE[name]
    make(path)
    items.touch()
    before = sorted(tmp_path.iterdir())
    file = str(path)
    for command in (
        ["ingest", file],
        ["rescore", file, "--output", "out.csv"],
        ["score", "--file", file],
        ["train", file, "--validation", file, "--backbone", str(backbone), "--output", "model", "--max-length", "32"],
        ["evaluate", file],
        ["compare", file, "--lexicon"],
        ["calibrate", file],
        ["review", "import", file, "--items", str(items), "--dataset", "set"],
        ["review", "suspects", file, "--output", "sheet.csv"],
        ["review", "export", file, "--output", "sheet.csv"],
        ["demo", "--input", file],
    ):
        assert run(command) == 2, command
        captured = capsys.readouterr()
        assert name in captured.err, command
        assert says in captured.err, command
        assert captured.out == "", command
        assert sorted(tmp_path.iterdir()) == before, command


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("wide.csv", b"text,label,item\na,neutral,t0\nb,neutral,t1,more\n", "line 3: 4 fields"),
        ("latin.csv", b"text,label,item\na,neutral,t0\ncaf\xe9,neutral,t1\n", "line 3: not UTF-8"),
        ("bad.jsonl", b'{"text":"a","label":"neutral"}\nb\n', "line 2: not a JSON object"),
    ],
)
def test_a_row_that_cannot_be_read_is_never_scored(
    tmp_path: Path,
    name: str,
    content: bytes,
    line: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Commands that need every row refuse the file, with the line. `score` answers in the row's place, with it."""
    classifier = LexiconClassifier()
    monkeypatch.setattr(loading, "load_configured", lambda _: classifier)
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(content)
    for command in (
        ["rescore", name, "--output", "out.csv"],
        ["evaluate", name],
        ["compare", name, "--lexicon"],
        ["calibrate", name],
        ["review", "suspects", name, "--output", "sheet.csv"],
    ):
        assert run(command) == 2, command
        assert f"{name}, {line}" in capsys.readouterr().err, command
    assert run(["score", "--file", name]) == 0
    good, bad = map(json.loads, capsys.readouterr().out.splitlines())
    assert good["label"] is not None
    assert bad["error"].startswith(line)
    assert classifier.seen == ["a"]
