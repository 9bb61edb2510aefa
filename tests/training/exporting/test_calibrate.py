"""Temperatures are refitted on some rows, measured on others, and written as another version."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import recall_score

from sentiment.calibration import apply_temperature
from sentiment.cli.main import run
from sentiment.decision import MOST_LIKELY, Decision
from sentiment.events import LABELS
from sentiment.model.loading import BackendChoice, load_model
from sentiment.model.manifest import load_manifest, verify_files, write_manifest
from tests.sentiment.model.models import save_classifier
from tests.training import tiny
from training.cards.card import card
from training.evaluation.metrics import expected_calibration_error
from training.evaluation.predicting import answers_of
from training.exporting.calibrate import N_FOLDS, cross_fitted, refit_temperature
from training.exporting.decisions import fit_decision
from training.exporting.export import ExportPlan, Provenance, export_model
from training.exporting.temperatures import fit_temperature

ROWS = tiny.rows(120, seed=6)
BACKENDS: tuple[BackendChoice, ...] = ("openvino", "torch")


def overconfident(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits of a model that is right as often as it says once they are divided by 3."""
    draw = np.random.default_rng(seed)
    honest = draw.normal(scale=1.5, size=(n, 3))
    labels = np.array([draw.choice(3, p=row) for row in apply_temperature(honest, 1.0)])
    return honest * 3.0, labels


def test_an_overconfident_model_is_mended() -> None:
    """The temperature is found, and the error falls to that of chance, also on held-out rows."""
    logits, labels = overconfident(3_000, seed=1)
    found = refit_temperature("int8", logits, labels, before=1.0, seed=2)
    assert found.temperature_after == pytest.approx(3.0, rel=0.08)
    assert found.before.ece > 0.1
    assert found.after.ece < 0.03
    assert found.cross_fitted.ece < 0.03
    assert found.cross_fitted.ece < 2.5 * found.ece_by_chance
    assert found.after.nll <= found.cross_fitted.nll < found.before.nll
    assert found.after.brier < found.before.brier


@given(st.integers(0, 1_000))
@settings(deadline=None, max_examples=10)
def test_no_row_is_judged_by_a_temperature_that_has_seen_it(seed: int) -> None:
    """Changing one row's label leaves its own cross-fitted probabilities as they were."""
    logits, labels = overconfident(60, seed=3)
    row = seed % 60
    changed = labels.copy()
    changed[row] = (labels[row] + 1) % 3
    before, after = (cross_fitted(logits, truth, seed=seed) for truth in (labels, changed))
    assert np.array_equal(before[row], after[row])
    assert not np.array_equal(before, after)


def test_folds_are_those_of_the_seed() -> None:
    """Every row has a probability vector, of one of as many temperatures as there are folds; the seed decides."""
    logits, labels = overconfident(60, seed=3)
    found = cross_fitted(logits, labels, seed=4)
    assert np.allclose(found.sum(axis=1), 1.0)
    # log(p_i / p_j) = (z_i − z_j) / T
    temperatures = (logits[:, 0] - logits[:, 1]) / np.log(found[:, 0] / found[:, 1])
    assert len(set(np.round(temperatures, 6))) == N_FOLDS
    assert np.array_equal(found, cross_fitted(logits, labels, seed=4))
    assert not np.array_equal(found, cross_fitted(logits, labels, seed=5))


def unbalanced(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated probabilities of a model that rarely finds a label that is rare."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(loc=[-1.0, 0.8, 0.2], scale=1.2, size=(n, 3))
    probabilities = apply_temperature(logits, 1.0)
    return probabilities, np.array([draw.choice(3, p=row) for row in probabilities])


def test_offsets_balance_rare_and_common_labels() -> None:
    """The rarest label gets the highest offset, and macro-recall rises on rows that were not fitted on as well."""
    probabilities, labels = unbalanced(3_000, seed=1)
    found = fit_decision("int8", probabilities, labels, folds=np.array_split(np.arange(3_000), 5))
    assert found.offsets[0] > found.offsets[2] > found.offsets[1]
    assert found.fitted >= found.cross_fitted > found.most_likely + 0.02
    others, truth = unbalanced(3_000, seed=2)
    recalls = [
        recall_score(truth, decision.choose(others), average="macro")
        for decision in (MOST_LIKELY, Decision(offsets=found.offsets))
    ]
    assert recalls[1] > recalls[0] + 0.02


def test_offsets_that_gain_nothing_are_not_kept() -> None:
    """Labels that chance drew have nothing to balance: in sample there is a gain, on other rows there is none."""
    draw = np.random.default_rng(5)
    probabilities = draw.dirichlet([9.0, 9.0, 9.0], size=100)
    labels = draw.integers(0, 3, 100)
    found = fit_decision("int8", probabilities, labels, folds=np.array_split(np.arange(100), 5))
    assert found.fitted > found.most_likely
    assert found.cross_fitted <= found.most_likely
    assert found.offsets == (0.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibrate")
    export_model(
        save_classifier(folder / "checkpoint"),
        folder / "model",
        ExportPlan([row["text"] for row in ROWS[:20]], max_length=32),
        Provenance("tiny", "tiny"),
    )
    manifest = load_manifest(folder / "model")
    manifest.metrics["validation"] = {form: {"macro_f1": 0.5, "ece": 0.4, "n": 9} for form in ("fp32", "int8")}
    write_manifest(folder / "model", manifest)
    (folder / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in ROWS))
    return folder / "model"


def test_a_calibrated_copy_is_another_version_with_honest_figures(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The copy serves the fitted temperatures under a new version; figures of the old ones are gone from its manifest;
    the source is untouched, and an existing output is kept.
    """
    source = (model / "manifest.json").read_bytes()
    output, plot = tmp_path / "new", tmp_path / "plot.svg"
    call = ["calibrate", str(model.parent / "rows.jsonl"), "--model", str(model), "--output", str(output)]
    assert run([*call, "--plot", str(plot), "--json", "--threads", "1"]) == 0
    document = json.loads(capsys.readouterr().out)
    old, new = load_manifest(model), load_manifest(output)
    assert (model / "manifest.json").read_bytes() == source
    assert document["version"] == new.version != old.version
    assert new.files == old.files
    verify_files(output, new, new.files)
    texts, truth = [row["text"] for row in ROWS], [LABELS.index(row["label"]) for row in ROWS]  # type: ignore[arg-type]
    served = load_model(output, threads=1)
    assert new.calibration.temperature_int8 == pytest.approx(fit_temperature(served.logits(texts), truth), rel=1e-3)
    probabilities = np.array([prediction.probabilities for prediction in served.predict(texts)[0]])
    of_int8 = next(part for part in document["forms"] if part["form"] == "int8")
    assert of_int8["after"]["ece"] == pytest.approx(
        expected_calibration_error(np.array(probabilities), np.array(truth)), abs=1e-6
    )
    assert new.metrics["validation"]["int8"] == {"macro_f1": 0.5, "n": 9}
    assert new.metrics["calibration"]["fingerprint"] == document["fingerprint"]
    assert "<svg" in plot.read_text()
    assert run(call) == 2
    assert "exists" in capsys.readouterr().err


def test_a_decision_moves_labels_and_no_probability(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every backend applies the fitted offsets to the label alone; a later calibration keeps the rule or takes it back.

    The labels of the rows are those of another rule than the model's, so there is something to find.
    """
    texts = [row["text"] for row in ROWS]
    before = {backend: answers_of(load_model(model, backend=backend, threads=1), texts) for backend in BACKENDS}
    truth = Decision(offsets=(1.0, 0.0, -1.0)).choose(before["openvino"].probabilities)
    truth[::4] = np.arange(len(truth[::4])) % 3  # otherwise the temperature would make the model certain
    rows = [{"text": text, "label": LABELS[label]} for text, label in zip(texts, truth, strict=True)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    call = ["calibrate", str(tmp_path / "rows.jsonl"), "--threads", "1"]
    copy = ["--model", str(tmp_path / "new"), "--in-place"]
    assert run([*call, "--model", str(model), "--output", str(tmp_path / "new"), "--decide", "macro-recall"]) == 0
    assert "cross-fitted" in capsys.readouterr().out
    decided = load_manifest(tmp_path / "new")
    assert decided.decision != MOST_LIKELY
    assert "validation" not in decided.metrics
    for backend in BACKENDS:
        served = answers_of(load_model(tmp_path / "new", backend=backend, threads=1), texts)
        assert np.array_equal(served.chosen, decided.decision.choose(served.probabilities))
        assert (served.chosen != served.probabilities.argmax(axis=1)).any()
        found = (served.chosen == truth).mean()
        assert found > (before[backend].chosen == truth).mean()
    assert run([*call, *copy]) == 0
    again = load_manifest(tmp_path / "new")
    assert (again.version, again.decision) == (decided.version, decided.decision)
    assert "log-probability plus offset" in card(again)
    assert run([*call, *copy, "--decide", "argmax"]) == 0
    plain = load_manifest(tmp_path / "new")
    assert plain.decision == MOST_LIKELY
    assert plain.calibration == decided.calibration
    assert plain.version != decided.version


def test_without_a_place_to_write_nothing_is_written(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --output or --in-place the figures are shown and no file changes."""
    before = {path: path.read_bytes() for path in sorted(model.rglob("*")) if path.is_file()}
    call = ["calibrate", str(model.parent / "rows.jsonl"), "--model", str(model), "--form", "int8", "--threads", "1"]
    assert run(call) == 0
    shown = capsys.readouterr()
    assert "cross-fitted" in shown.out
    assert "fp32" not in shown.out
    assert "no model written" in shown.err
    assert {path: path.read_bytes() for path in sorted(model.rglob("*")) if path.is_file()} == before


def test_a_model_that_stays_badly_calibrated_fails_the_gate(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Above --max-ece the exit code is 1, and no model is written."""
    call = ["calibrate", str(model.parent / "rows.jsonl"), "--model", str(model), "--form", "int8", "--threads", "1"]
    assert run([*call, "--output", str(tmp_path / "new"), "--max-ece", "0.0"]) == 1
    assert "above 0" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_in_place_changes_the_form_that_was_asked_for(model: Path, tmp_path: Path) -> None:
    """With --form int8 --in-place the manifest gets a new version and temperature, and fp32 keeps its own."""
    copy = tmp_path / "copy"
    call = ["calibrate", str(model.parent / "rows.jsonl"), "--threads", "1", "--form", "int8"]
    assert run([*call, "--model", str(model), "--output", str(copy)]) == 0
    first = load_manifest(copy)
    again = [*call, "--model", str(copy), "--in-place", "--seed", "1"]
    (copy / "manifest.json").write_bytes((model / "manifest.json").read_bytes())
    assert run(again) == 0
    assert load_manifest(copy).version == first.version != load_manifest(model).version
    assert first.calibration.temperature_fp32 == load_manifest(model).calibration.temperature_fp32
    assert first.metrics["validation"]["fp32"]["ece"] == 0.4


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--in-place"], "needs --model to be a model directory"),
        (["--model", "{model}", "--in-place", "--output", "x"], "either"),
        (["--model", "{model}", "--output", "{model}/inside"], "--output is the model directory"),
        (["--model", "{model}", "--output", "{model}/..", "--force"], "--output is the model directory"),
        (["--model", "{model}", "--output", "{tmp}", "--force"], "is not a model directory"),
        (["--model", "{checkpoint}"], "manifest"),
    ],
)
def test_wrong_use_is_said(
    model: Path, tmp_path: Path, flags: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No output, two outputs, and a copy into or over the source or something else are exit code 2."""
    places = {"model": model, "checkpoint": model.parent / "checkpoint", "tmp": tmp_path}
    call = ["calibrate", str(model.parent / "rows.jsonl"), *(flag.format(**places) for flag in flags)]
    assert run(call) == 2
    assert said in capsys.readouterr().err
    assert (model / "manifest.json").is_file()
