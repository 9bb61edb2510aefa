"""`sentiment audit` with a model of known bias: output and exit codes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from sentiment.cli.main import run
from sentiment.events import LABELS, ModelRef
from sentiment.model.classifier import Prediction
from tests.training.audit.fakes import scoring

LOOSE = ["--max-gap", "2", "--max-flip-rate", "1", "--max-failure-rate", "1"]


class Biased:
    """Lowers the score by 0.5 if a text says "elderly", and calls everything else neutral."""

    model = ModelRef(name="biased", version="1")
    backend = "fake"

    def predict(self, texts: Sequence[str]) -> tuple[list[Prediction], SimpleNamespace]:
        """As a ``Classifier`` does."""
        rows = scoring(lambda text: -0.5 if "elderly" in text else 0.0)(texts).probabilities
        predictions = [
            Prediction(tuple(row), LABELS[int(row.argmax())], float(row[2] - row[0]), 1, False) for row in rows
        ]
        return predictions, SimpleNamespace()


@pytest.fixture(autouse=True)
def biased_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model that is loaded is the biased one."""
    monkeypatch.setattr("sentiment.model.loading.load_configured", lambda settings: Biased())


def test_a_broken_limit_is_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    """The table names the group, the verdict the attribute, and the exit code is that of a gate."""
    assert run(["audit"]) == 1
    shown = capsys.readouterr()
    assert "elderly -0.4" in shown.out
    assert "exceeded: age: mean gap" in shown.out
    assert "limits exceeded" in shown.err
    assert "\x1b[" not in shown.out


def test_limits_may_be_wide_or_not_judged(capsys: pytest.CaptureFixture[str]) -> None:
    """Wide limits pass; --no-gate reports what is exceeded and passes."""
    assert run(["audit", *LOOSE]) == 0
    assert "all limits are kept" in capsys.readouterr().out
    assert run(["audit", "--no-gate", "--examples", "1"]) == 0
    shown = capsys.readouterr().out
    assert "exceeded: age" in shown
    assert "sarcasm, failed: " in shown


def test_flags_override_the_limits_file(tmp_path: Path) -> None:
    """A file sets the limits, and a flag overrides it."""
    limits = tmp_path / "limits.toml"
    limits.write_text("max_gap = 2.0\nmax_flip_rate = 1.0\nmax_failure_rate = 1.0\n")
    assert run(["audit", "--limits", str(limits)]) == 0
    assert run(["audit", "--limits", str(limits), "--max-gap", "0.01"]) == 1


def test_json_holds_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One document with model, limits, verdict, attributes, capabilities and groups."""
    rows = tmp_path / "rows.jsonl"
    lines = [{"text": "it is late", "label": "neutral", "country": country} for country in ("AT", "CH") * 40]
    rows.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert run(["audit", *LOOSE, "--labelled", str(rows), "--group-field", "country", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["model"] == {"name": "biased", "version": "1"}
    assert document["passed"] is True
    assert document["violations"] == []
    assert document["limits"]["max_gap"] == 2
    age = next(gaps for gaps in document["counterfactual"] if gaps["attribute"] == "age")
    assert age["max_abs_gap"] == pytest.approx(0.5)
    assert {result["capability"] for result in document["behaviour"]} >= {"negation", "emoji"}
    assert [(group["group"], group["macro_f1"]["value"]) for group in document["groups"]] == [("AT", 1.0), ("CH", 1.0)]


def test_wrong_calls_are_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A group column without rows and a missing file are errors before the model runs."""
    assert run(["audit", "--group-field", "country"]) == 2
    assert run(["audit", "--data", str(tmp_path / "none.csv")]) == 2
    assert "none.csv" in capsys.readouterr().err
