"""`sentiment evaluate` on a tiny model reproduces the figures of its manifest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import pytest

from sentiment.cli.main import run
from sentiment.model.manifest import load_manifest, write_manifest
from tests.sentiment.model.models import save_classifier
from tests.training import tiny
from training.data.examples import describe, read_examples
from training.evaluation.as_served import measure_as_served
from training.evaluation.judgement import Judgement
from training.exporting.export import ExportPlan, Provenance, export_model

pytestmark = pytest.mark.slow
PERSON = "the app was slow, write to jane.doe@example.com"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`model` with the manifest that training writes, and the `dev.jsonl` that it was measured on."""
    place = tmp_path_factory.mktemp("evaluate")
    rows = [*tiny.rows(150, seed=6), {"text": PERSON, "label": "positive", "source": "mail", "kind": "human"}]
    (place / "dev.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    texts = [row["text"] for row in rows]
    export_model(
        save_classifier(place / "checkpoint"),
        place / "model",
        ExportPlan(texts[:20], max_length=32),
        Provenance("tiny", "tiny"),
    )
    examples = read_examples(place / "dev.jsonl")
    manifest = msgspec.structs.replace(
        load_manifest(place / "model"),
        metrics={"validation": measure_as_served(place / "model", examples)},
        data={"validation": describe(examples)},
    )
    write_manifest(place / "model", manifest)
    return place


def evaluate(folder: Path, *flags: str) -> int:
    model = ["--model", str(folder / "model"), "--threads", "1", "--resamples", "100"]
    return run(["evaluate", str(folder / "dev.jsonl"), *model, *flags])


def test_rows_of_any_columns_and_labels_give_the_same_evaluation(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its columns named and its labels mapped, a foreign file is evaluated like ours."""
    rows = map(json.loads, (folder / "dev.jsonl").read_text().splitlines())
    numbers = {"negative": 0, "neutral": 1, "positive": 2}
    foreign = [{**row, "body": row.pop("text"), "stars": numbers[row.pop("label")]} for row in rows]
    (tmp_path / "foreign.jsonl").write_text("\n".join(map(json.dumps, foreign)))
    assert evaluate(folder, "--json") == 0
    expected = msgspec.json.decode(capsys.readouterr().out, type=Judgement)
    command = ["evaluate", str(tmp_path / "foreign.jsonl"), "--model", str(folder / "model"), "--threads", "1"]
    command += ["--resamples", "100", "--text-field", "body", "--label-field", "stars", "--json"]
    assert run([*command, "--label-map", "0=negative,1=neutral,2=positive"]) == 0
    found = msgspec.json.decode(capsys.readouterr().out, type=Judgement)
    assert found.evaluation == expected.evaluation
    assert run([*command, "--label-map", "0=negative,2=positive"]) == 2
    assert "unknown label: '1'" in capsys.readouterr().err


def test_an_evaluation_against_itself_has_no_difference(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The document that --json prints is what --against reads."""
    assert evaluate(folder, "--json") == 0
    (tmp_path / "before.json").write_text(capsys.readouterr().out)
    assert evaluate(folder, "--against", str(tmp_path / "before.json"), "--json") == 0
    against = msgspec.json.decode(capsys.readouterr().out, type=Judgement).against
    assert against is not None
    assert (against.file, against.same_rows) == ("before.json", True)
    assert {each.difference.value for each in against.figures} == {0.0}


@pytest.mark.parametrize(("backend", "form"), [("openvino", "int8"), ("torch", "fp32")])
def test_an_evaluation_finds_the_figures_of_the_manifest(
    folder: Path, backend: str, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """For each form of the weights, all recorded figures are reproduced exactly, also by data set."""
    assert evaluate(folder, "--backend", backend, "--min-slice", "1", "--json") == 0
    judgement = msgspec.json.decode(capsys.readouterr().out, type=Judgement)
    assert judgement.reproduction is not None
    assert judgement.reproduction.form == form
    assert set(judgement.reproduction.figures) >= {"macro_f1", "macro_recall", "f1.neutral", "ece", "brier"}
    assert judgement.reproduction.largest_difference < 1e-9
    if form == "int8":
        recorded = load_manifest(folder / "model").metrics["validation"]["int8_macro_f1_by_source"]
        found = {piece.name: piece.macro_f1.value for piece in judgement.evaluation.slices["source"]}
        assert found == pytest.approx(recorded)


@pytest.mark.parametrize(
    ("backend", "shift", "agrees"),
    [("openvino", 0.003, True), ("openvino", 0.007, False), ("torch", 0.0005, True), ("torch", 0.003, False)],
)
def test_int8_may_differ_more_from_processor_to_processor(
    folder: Path, tmp_path: Path, backend: str, shift: float, agrees: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Recorded figures that are a little off still agree: a thousandth in fp32, half a point in int8."""
    model = shutil.copytree(folder / "model", tmp_path / "model")
    manifest = load_manifest(model)
    recorded = manifest.metrics["validation"]["int8" if backend == "openvino" else "fp32"]
    recorded["macro_f1"] += shift
    write_manifest(model, manifest)
    shutil.copy(folder / "dev.jsonl", tmp_path)
    assert evaluate(tmp_path, "--backend", backend, "--json") == 0
    judgement = msgspec.json.decode(capsys.readouterr().out, type=Judgement)
    assert judgement.reproduction is not None
    assert judgement.reproduction.agrees == agrees


def test_other_rows_are_not_compared(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sample has other figures, so those of the manifest are not compared. The same seed gives the same sample."""
    assert evaluate(folder, "--max-rows", "60", "--json", "--seed", "4") == 0
    first = msgspec.json.decode(capsys.readouterr().out, type=Judgement)
    assert (first.reproduction, first.evaluation.n, first.data.n_in_file) == (None, 60, 151)
    assert evaluate(folder, "--max-rows", "60", "--json", "--seed", "4") == 0
    again = msgspec.json.decode(capsys.readouterr().out, type=Judgement)
    assert (again.evaluation, again.errors) == (first.evaluation, first.errors)


def test_texts_are_shown_redacted_and_only_where_asked(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tables show errors with --errors only; neither they nor the report hold an address."""
    report = tmp_path / "report.html"
    assert evaluate(folder, "--errors", "200", "--report", str(report)) == 0
    shown = capsys.readouterr()
    assert "reproduced" in shown.out
    assert "texts/s" in shown.err
    assert "surest errors" in shown.out
    for content in (shown.out, shown.err, report.read_text()):
        assert "jane.doe" not in content
    assert evaluate(folder) == 0
    assert "surest errors" not in capsys.readouterr().out


def test_wrong_use_is_said(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown slice, a missing file and an existing report are exit code 2, before a model is loaded."""
    (tmp_path / "report.html").write_text("mine")
    for flags, said in (
        (["--slices", "colour"], "colour"),
        (["--report", str(tmp_path / "report.html")], "--force"),
    ):
        assert evaluate(folder, *flags) == 2
        assert said in capsys.readouterr().err
    assert (tmp_path / "report.html").read_text() == "mine"
    assert run(["evaluate", str(tmp_path / "none.jsonl")]) == 2
    assert "there is no file" in capsys.readouterr().err
