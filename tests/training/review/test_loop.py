"""Sheets, versions and the commands around them."""

from __future__ import annotations

import codecs
import csv
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from sentiment.cli.main import run
from sentiment.errors import InputError
from sentiment.events import LABELS, encode
from sentiment.outputs import find_output
from tests.consumers.results import START, scored
from tests.processes import run_python
from tests.training import tiny
from training.data.examples import read_examples
from training.review.candidates import Candidate, item_id
from training.review.dataset import LabelledRow, append_version, read_version
from training.review.sampling import choose
from training.review.sheets import FilledSheet, Item, SheetFiles, item_of, items_path, read_items, read_sheet

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_sheet_survives_its_way_and_hides_the_answers(tmp_path: Path, suffix: str) -> None:
    """Ids, texts and final labels come back; a sheet has no formulas and nothing from the model."""
    pool = [
        Candidate(item_id(t), t, "app", (0.5, 0.3, 0.2)) for t in ("=1+1", 'a "quoted", text\nof two lines', "fine")
    ]
    items = [item_of(each) for each in choose(pool, n_uncertain=1, n_random=2, seed=1)]
    path = tmp_path / f"june.{suffix}"
    SheetFiles.beside(find_output(path)).write(items)
    content = path.read_text()
    assert "0.5" not in content
    assert "uncertain" not in content
    assert "\n=1+1" not in content
    assert ",=1+1" not in content
    known = read_items(items_path(path))
    assert [known[item.item] for item in items] == items
    assert read_sheet(path, known) == FilledSheet("june", {}, {})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "mac_roman"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
@pytest.mark.parametrize("separator_line", [True, False])
def test_a_sheet_survives_spreadsheets(tmp_path: Path, encoding: str, delimiter: str, separator_line: bool) -> None:
    """Whatever delimiter and encoding one saves it with, the labels come back; it opens without broken characters."""
    texts = ["Größe passt; à la carte, naïve\tcafé", "“quoted”, – dash\nsecond line", "=1+1", "plain", "emoji 😀"]
    items = [
        Item(item=item_id(text), text=text, product="ä,b;c", probabilities=(1, 0, 0), model_version="1", part="random")
        for text in texts
    ]
    path = tmp_path / "anna.csv"
    SheetFiles.beside(find_output(path)).write(items)
    assert path.read_bytes().startswith(codecs.BOM_UTF8)
    rows = list(csv.DictReader(path.open(encoding="utf-8-sig", newline="")))
    assert [row["text"].lstrip("'") for row in rows] == texts
    labels = dict(zip([row["item"] for row in rows], ["negative", "Neutral ", "POSITIVE", "skip", ""], strict=True))
    with path.open("w", encoding=encoding, errors="replace", newline="") as file:
        if separator_line:
            file.write(f"sep={delimiter}\r\n")
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows({**row, "label": labels[row["item"]]} for row in rows)
        file.write(delimiter * (len(rows[0]) - 1) + "\r\n")
    known = {item.item: item for item in items}
    wanted = {item: label.strip().lower() for item, label in labels.items() if label}
    assert read_sheet(path, known) == FilledSheet("anna", wanted, {})


def test_a_workbook_is_not_taken_for_a_sheet(tmp_path: Path) -> None:
    """It is said how to save it."""
    (tmp_path / "anna.xlsx").write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match=r"the format of .* is unknown") as caught:
        read_sheet(tmp_path / "anna.xlsx", {})
    assert "CSV" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("nobody,app,x,neutral,,", "not in the items file"),
        ("{0},app,x,angry,,", "unknown label"),
        ("{0},a,x,,bad,", "final"),
    ],
)
def test_faults_in_a_sheet_are_said_with_their_rows(tmp_path: Path, row: str, fault: str) -> None:
    """The message has row numbers, never texts."""
    item = Item(item="t1", text="x", product="a", probabilities=(1, 0, 0), model_version="1", part="random")
    path = tmp_path / "anna.csv"
    path.write_text("item,product,text,label,final,note\nt2,app,x,neutral,,\n" + row.format("t1") + "\n")
    with pytest.raises(InputError, match=fault) as caught:
        read_sheet(path, {"t1": item, "t2": item})
    assert "rows 2" in caught.value.message


def row(text: str, label: str) -> LabelledRow:
    """A labelled row."""
    return LabelledRow(text=text, label=label, source="review", kind="human", id=item_id(text), product="app")


def test_versions_add_up_and_are_never_changed(tmp_path: Path) -> None:
    """A new version holds the old rows; a relabelled text has its new label; nothing new makes no version."""
    source = tmp_path / "anna.csv"
    source.write_text("x")
    made = append_version(tmp_path / "set", [row("a", "neutral"), row("b", "positive")], [source], {}, now=NOW)
    assert made is not None
    first, lineage = made
    assert (first.name, lineage.parent, lineage.added) == ("v0001", None, 2)
    assert lineage.files[0].sha256 == hashlib.sha256(b"x").hexdigest()
    before = (first / "data.jsonl").read_bytes()
    made = append_version(tmp_path / "set", [row("B!", "negative"), row("c", "neutral")], [], {}, now=NOW)
    assert made is not None
    second, lineage = made
    assert (lineage.added, lineage.relabelled, lineage.rows) == (1, 1, 3)
    assert lineage.parent is not None
    assert lineage.parent.data_sha256 == hashlib.sha256(before).hexdigest()
    assert (first / "data.jsonl").read_bytes() == before
    assert [(e.text, LABELS[e.label]) for e in read_examples(second / "data.jsonl")] == [
        ("a", "neutral"), ("B!", "negative"), ("c", "neutral"),
    ]  # fmt: skip
    assert append_version(tmp_path / "set", [row("c", "neutral")], [], {}, now=NOW) is None
    (second / "data.jsonl").write_bytes(before)
    with pytest.raises(InputError, match="lineage"):
        read_version(second)


def fill(sheet_file: Path, copy: Path, label_of: dict[str, str]) -> None:
    """Fill in a copy of a sheet, item by item."""
    with sheet_file.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with copy.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows({**each, "label": label_of.get(each["item"], "")} for each in rows)


def test_the_whole_loop_from_results_to_a_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Export, two annotators, an open item that is settled later, and estimates for all texts of the export."""
    results = [scored(n, START, LABELS[n % 3], product="ab"[n % 2], text=f"text number {n}") for n in range(120)]
    file = tmp_path / "results.jsonl"
    file.write_bytes(b"".join(encode(each) + b"\n" for each in results))
    sheet_file, items_file = tmp_path / "june.csv", tmp_path / "june.items.jsonl"
    export = ["review", "export", str(file), "--output", str(sheet_file), "--uncertain", "10", "--random", "60"]
    assert run([*export, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["random"] == 60
    assert run(export) == 2
    items = read_items(items_file)
    truth = {key: LABELS[int(item.text.split()[-1]) % 3] for key, item in items.items()}
    wrong = sorted(items)[:7]
    first = {**truth, **dict.fromkeys(wrong, "positive"), wrong[0]: "neutral"}
    second = {**first, wrong[0]: "negative"}
    fill(sheet_file, tmp_path / "anna.csv", first)
    fill(sheet_file, tmp_path / "ben.csv", second)
    sheets = [str(tmp_path / "anna.csv"), str(tmp_path / "ben.csv")]
    common = ["--items", str(items_file), "--dataset", str(tmp_path / "set")]
    open_file = tmp_path / "open.csv"
    assert run(["review", "import", *sheets, *common, "--unsettled", str(open_file), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    report, version = document["review"], document["version"]
    assert report["unsettled"] == [wrong[0]]
    assert report["quality"] is None
    assert set(report["suspected"]) <= set(wrong)
    assert version["rows"] == 69
    assert len(read_examples(tmp_path / "set" / "v0001" / "data.jsonl")) == 69
    open_rows = open_file.read_text().replace(",,,", ",,neutral,")
    (tmp_path / "carla.csv").write_text(open_rows)
    assert run(["review", "import", *sheets, str(tmp_path / "carla.csv"), *common]) == 0
    shown = capsys.readouterr().out
    assert "1 final" in shown
    assert "accuracy 0.9" in shown
    assert "70 rows (1 added, 0 relabelled, 69 known)" in shown
    assert run(["review", "import", *sheets, *common]) == 0
    assert "stays as it is" in capsys.readouterr().out
    assert run(["review", "import", *sheets, *common, "--publish"]) == 2
    assert "not settled" in capsys.readouterr().err


def test_the_loop_runs_on_a_base_install() -> None:
    """Neither torch nor scikit-learn nor scipy is loaded."""
    code = "import sys, sentiment.cli.review, training.review.importing, training.review.checking; print(*sys.modules)"
    loaded = {name.split(".")[0] for name in run_python(code).stdout.split()}
    assert "pandas" in loaded
    assert not loaded & {"torch", "transformers", "sklearn", "scipy", "datasets"}


def test_a_rescored_labelled_file_is_searched_for_wrong_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the predictions in the file; the sheet shows neither the given label nor the prediction."""
    rng = np.random.default_rng(9)
    lines = ["text,input_label,label,p_negative,p_neutral,p_positive"]
    for number in range(150):
        truth = number % 3
        p = np.full(3, 0.05)
        p[truth] = 0.9
        p = p * rng.uniform(0.9, 1.1, 3)
        p /= p.sum()
        label = LABELS[(truth + 1) % 3] if number in (4, 50, 99) else LABELS[truth]
        lines.append(f"words {number},{label},{LABELS[truth]},{p[0]},{p[1]},{p[2]}")
    file = tmp_path / "labelled.csv"
    file.write_text("\n".join(lines) + "\n")
    assert run(["review", "suspects", str(file), "--output", str(tmp_path / "doubt.csv"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["suspects"] == 3
    scores = found["scores"]
    assert [each["row"] for each in scores] == list(range(1, 151))
    assert [each["row"] for each in scores if each["suspect"]] == [5, 51, 100]
    assert all((each["score"] < 0.1) == each["suspect"] == (each["label"] != each["likeliest"]) for each in scores)
    items = read_items(tmp_path / "doubt.items.jsonl").values()
    assert {item.text for item in items} == {"words 4", "words 50", "words 99"}
    assert "neutral" not in (tmp_path / "doubt.csv").read_text()


@pytest.mark.slow
def test_labels_are_cross_validated_on_features(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Labels that contradict all others like them are suspected, though the heads are trained on such rows."""
    rows = tiny.rows(90, seed=4)
    wrong = {5: "negative", 40: "positive"}
    for number, label in wrong.items():
        rows[number] = {
            "text": "love it, thanks, great" if label == "negative" else "broken, awful crash",
            "label": label,
        }
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    command = ["review", "suspects", str(file), "--output", str(tmp_path / "doubt.csv"), "--cross-validate", "--json"]
    assert run(command) == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    assert len(scores) == 90
    assert all(scores[number]["suspect"] for number in wrong)
    file.write_text("\n".join(json.dumps(row) for row in rows[:9]))
    assert run([*command, "--force"]) == 2
    assert "too few to cross-validate" in capsys.readouterr().err
