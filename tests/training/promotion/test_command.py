"""`sentiment models` as a whole, on tiny models with random weights: the gate, the switch, and the way back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from sentiment.cli.main import run
from sentiment.model.loading import load_model, locate
from tests.processes import run_python
from tests.sentiment.model.models import save_classifier
from tests.training import tiny
from training.exporting.export import ExportPlan, Provenance, export_model

pytestmark = pytest.mark.slow

TEXTS = [row["text"] for row in tiny.rows(60, seed=5)]
# What random weights cannot keep.
LENIENT = ["--audit", "off", "--max-ece", "1", "--max-placeholder-moves", "1", "--max-latency-ratio", "100"]


def exported(folder: Path, name: str, *, other_weights: bool) -> Path:
    """A tiny model whose tokenizer knows the signs of all placeholders."""
    checkpoint = save_classifier(folder / f"{name}-checkpoint")
    tokenizer = json.loads((checkpoint / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    for known, missing in (("q", "@"), ("##1", "##m"), ("##2", "##b")):
        vocabulary[missing] = vocabulary.pop(known)
    (checkpoint / "tokenizer.json").write_text(json.dumps(tokenizer))
    if other_weights:
        model = AutoModelForSequenceClassification.from_pretrained(checkpoint)
        with torch.no_grad():
            model.classifier.weight.neg_()
        model.save_pretrained(checkpoint)
    export_model(checkpoint, folder / name, ExportPlan(TEXTS, max_length=32), Provenance(name, "tiny"))
    return folder / name


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models that contradict each other, and rows on which the first is always right."""
    folder = tmp_path_factory.mktemp("promotion")
    good = exported(folder, "good", other_weights=False)
    exported(folder, "bad", other_weights=True)
    predictions, _ = load_model(good, threads=1).predict(TEXTS)
    rows = [{"text": text, "label": each.label} for text, each in zip(TEXTS, predictions, strict=True)]
    (folder / "dev.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return folder


def promote(
    capsys: pytest.CaptureFixture[str], data: Path, root: Path, candidate: Path, *flags: str, code: int
) -> dict[str, Any]:
    given = ["--data", str(data / "dev.jsonl"), "--threads", "1", "--min-macro-f1", "0", "--json", *flags]
    assert run(["models", "promote", str(root), str(candidate), *given]) == code
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def failed(verdict: dict[str, Any]) -> list[str]:
    return [check["name"] for check in verdict["checks"] if not check["passed"]]


def models(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run(["models", *arguments, "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_the_gate_lets_the_good_one_in_and_keeps_the_bad_one_out(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first candidate has absolute checks only; one that is worse than it is refused, serves by force, and goes
    again with a rollback. The history tells all of it. A registry can be the candidate of another one.
    """
    root = tmp_path / "models"
    first = promote(capsys, folder, root, folder / "good", *LENIENT, code=0)
    assert (first["action"], first["current"]) == ("promoted", None)
    assert not [check["name"] for check in first["checks"] if "current" in check["name"]]
    assert {"files", "macro-F1", "int8 like fp32", "placeholders known", "latency p50"} <= {
        check["name"] for check in first["checks"]
    }
    refused = promote(capsys, folder, root, folder / "bad", *LENIENT, code=1)
    assert refused["action"] == "rejected"
    assert "macro-F1 against current" in failed(refused)
    assert locate(root).ref.name == "good"
    assert [one["name"] for one in models(capsys, "list", str(root))["versions"]] == ["good"]
    forced = promote(capsys, folder, root, folder / "bad", *LENIENT, "--force", code=0)
    assert (forced["action"], forced["passed"]) == ("forced", False)
    assert locate(root).ref.name == "bad"
    assert models(capsys, "rollback", str(root)) == {"current": first["version"], "earlier": []}
    history = models(capsys, "list", str(root))["history"]
    assert [event["action"] for event in history] == ["promoted", "rejected", "forced", "rolled_back"]
    assert failed(history[2]["verdict"]) == failed(forced)
    again = promote(capsys, folder, root, folder / "good", *LENIENT, code=0)
    assert (again["action"], again["serving"]) == ("promoted", first["version"])
    elsewhere = promote(capsys, folder, tmp_path / "production", root, *LENIENT, code=0)
    assert (elsewhere["version"], elsewhere["current"]) == (first["version"], None)


def test_the_audit_is_part_of_the_gate(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Random weights treat people unequally: the audit refuses them and names the limits."""
    flags = [*LENIENT[2:], "--audit", "absolute"]
    verdict = promote(capsys, folder, tmp_path / "models", folder / "good", *flags, code=1)
    assert failed(verdict) == ["audit"]
    (audit,) = [check for check in verdict["checks"] if check["name"] == "audit"]
    assert any(line.startswith("gender: mean gap") for line in audit["details"])
    assert models(capsys, "list", str(tmp_path / "models"))["current"] is None


def test_a_refused_first_model_is_told_the_way_in(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """If only the audit refuses the first model, the hint is --audit off; what comes in by it is marked as such."""
    root, given = str(tmp_path / "models"), ["--data", str(folder / "dev.jsonl"), "--threads", "1", *LENIENT[2:]]
    assert run(["models", "promote", root, str(folder / "good"), *given]) == 1
    assert "--audit off" in capsys.readouterr().err
    assert run(["models", "promote", root, str(folder / "good"), *given, "--audit", "off"]) == 0
    assert "promoted with own limits" in capsys.readouterr().out
    history = models(capsys, "list", root)["history"]
    assert "--audit off" not in history[0]["verdict"]["own_limits"]
    assert {"--audit off", "--max-ece 1"} <= set(history[1]["verdict"]["own_limits"])
    assert run(["models", "list", root]) == 0
    assert "own limits" in capsys.readouterr().out


def test_a_version_that_is_there_serves_without_data(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its id is enough; a model that is not there yet needs rows to be judged on."""
    root = tmp_path / "models"
    first = promote(capsys, folder, root, folder / "good", *LENIENT, code=0)["version"]
    second = promote(capsys, folder, root, folder / "bad", *LENIENT, "--force", code=0)["version"]
    assert models(capsys, "promote", str(root), first) == {"current": first, "earlier": [first, second]}
    assert run(["models", "promote", str(root), str(folder / "bad")]) == 2
    assert "--data FILE" in capsys.readouterr().err


def test_people_get_a_table(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json the verdict and the versions are tables, and a refusal is one line on stderr."""
    root, data = tmp_path / "models", ["--data", str(folder / "dev.jsonl"), "--threads", "1"]
    assert run(["models", "promote", str(root), str(folder / "good"), *data, *LENIENT]) == 0
    assert "placeholders known" in capsys.readouterr().out
    assert run(["models", "promote", str(root), str(folder / "bad"), *data, *LENIENT]) == 1
    told = capsys.readouterr()
    assert "FAIL" in told.out
    assert "was not promoted" in told.err
    assert run(["models", "list", str(root)]) == 0
    listed = capsys.readouterr().out
    assert "serves" in listed
    assert "refused" in listed


def test_a_damaged_candidate_is_wrong_input(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not the exported one, and a directory without a manifest, are refused with exit code 2."""
    damaged = shutil.copytree(folder / "good", tmp_path / "damaged")
    (damaged / "openvino" / "model.bin").write_bytes(b"")
    root, data = str(tmp_path / "models"), str(folder / "dev.jsonl")
    for candidate in (damaged, folder / "good-checkpoint"):
        assert run(["models", "promote", root, str(candidate), "--data", data]) == 2
        assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize("command", ["list", "rollback"])
def test_listing_and_rolling_back_need_no_training(tmp_path: Path, command: str) -> None:
    """Both run on a base install: neither torch nor a runtime is loaded, and without a registry the exit code is 2."""
    arguments = ["models", command, str(tmp_path)]
    code = (
        "import sys\nfrom sentiment.cli.main import run\n"
        f"assert run({arguments!r}) == 2\n"
        "assert not {'torch', 'openvino', 'training', 'scipy', 'sklearn', 'kafka'} & set(sys.modules)"
    )
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    assert "not a model registry" in done.stderr
