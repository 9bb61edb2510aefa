"""The model card: its chapters are there, and every number on it comes from the manifest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sentiment.cli.main import run
from sentiment.events import ModelRef
from sentiment.model.loading import shipped_model_path
from sentiment.model.manifest import Calibration, Manifest, load_manifest, write_manifest
from sentiment.statistics import Interval
from tests.training.evaluation.made import answers, examples
from training.audit.behaviour import CapabilityResult
from training.audit.gaps import AttributeGaps
from training.audit.report import AuditReport
from training.cards.card import card
from training.evaluation.evaluate import evaluate
from training.evaluation.judgement import DataRef, Judgement, ScoringTime
from training.evaluation.mistakes import surest_mistakes
from training.evaluation.predicting import Answers

CHAPTERS = [
    "Intended use",
    "Data",
    "Training",
    "Quality",
    "Calibration",
    "Bias and behaviour",
    "Cost",
    "Limits",
    "Licences",
    "To reproduce",
]
AUDITED = AuditReport(
    seed=13,
    n_texts=1_234,
    counterfactual=[
        AttributeGaps(
            attribute="gender",
            n_pairs=640,
            n_scenes=64,
            mean_abs_gap=0.0345,
            interval=Interval(0.0311, 0.0379),
            max_abs_gap=0.41,
            group_gap=0.01,
            flip_rate=0.0125,
            flip_interval=Interval(0.004, 0.02),
            worst=("he was calm", "she was calm"),
            groups=[],
        )
    ],
    behaviour=[
        CapabilityResult(
            capability="negation",
            n=276,
            failures=11,
            rate=0.0399,
            interval=Interval(0.022, 0.07),
            tests=[],
            examples=[("not good",)],
        )
    ],
)
BARE = Manifest(
    name="bare",
    version="abc",
    files={"model.safetensors": "0" * 64, "openvino/model.xml": "1" * 64},
    max_length=128,
    architecture="Bert",
    backbone="tiny",
)
NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?(?!\w)")


def numbers(content: str) -> set[float]:
    return {float(number.replace(",", "")) for number in NUMBER.findall(content)}


def values(content: Any) -> Iterator[float]:
    """Every number in nested tables and in their text."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from values(key)
            yield from values(value)
    elif isinstance(content, list | tuple):
        for value in content:
            yield from values(value)
    elif isinstance(content, str):
        yield from numbers(content)
    elif content is not None:
        yield float(content)


def chapters(content: str) -> list[str]:
    return re.findall(r"^## (.*)$", content, re.MULTILINE)


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What evaluate, audit and compare print about version abc."""
    folder = tmp_path_factory.mktemp("documents")
    rows = examples(200, seed=1)
    served = Answers.most_likely(answers(rows, seed=2))
    judgement = Judgement(
        model=ModelRef(name="bare", version="abc"),
        backend="openvino-int8",
        data=DataRef(file="dev.jsonl", n_in_file=200, fingerprint="f" * 64),
        evaluation=evaluate(served, rows, seed=3, n_resamples=100),
        reproduction=None,
        errors=surest_mistakes(served, rows, 5),
        cost=ScoringTime(seconds=1.0, texts_per_s=200.0),
    )
    made: dict[str, Any] = {
        "evaluation": msgspec.to_builtins(judgement),
        "audit": {
            "model": {"name": "bare", "version": "abc"},
            "backend": "openvino-int8",
            "passed": False,
            "violations": ["gender: mean gap 0.3110 is above 0.02"],
            **msgspec.to_builtins(AUDITED),
        },
        "compare": {
            "conditions": {"data": "dev.jsonl", "threads": 2, "assumptions": {"price_per_core_hour": 0.04}},
            "models": [
                {
                    "version": "abc",
                    "backend": "openvino-int8",
                    "n_parameters": 22_713_603,
                    "peak_memory_mib": 301.25,
                    "speed": {"texts_per_s": 187.5},
                    "cost": {"price_per_million": 0.23},
                }
            ],
        },
    }
    for name, document in made.items():
        (folder / f"{name}.json").write_text(json.dumps(document))
    return {name: folder / f"{name}.json" for name in made}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A directory that holds a manifest and what opening it checks."""
    shipped = shipped_model_path()
    directory = tmp_path / "model"
    directory.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (directory / name).write_bytes((shipped / name).read_bytes())
    files = {**BARE.files, **{name: load_manifest(shipped).files[name] for name in ("config.json", "tokenizer.json")}}
    write_manifest(directory, msgspec.structs.replace(BARE, files=files))
    return directory


def test_the_shipped_model_has_a_card(capsys: pytest.CaptureFixture[str]) -> None:
    """All chapters in their order, well-formed tables, and the figures of the shipped manifest."""
    assert run(["card"]) == 0
    shown = capsys.readouterr().out
    assert chapters(shown) == CHAPTERS
    manifest = load_manifest(shipped_model_path())
    assert manifest.version in shown
    for part in ("train", "validation"):
        assert manifest.data[part]["fingerprint"] in shown
    assert f"{manifest.metrics['validation']['int8']['macro_f1']:.4f}" in shown
    assert all(source in shown for source in manifest.data["validation"]["sources"])


def test_every_number_comes_from_the_manifest(model: Path, documents: dict[str, Path]) -> None:
    """A card's numbers are those of the card without figures, or rounded values of the manifest."""
    records = [flag for path in documents.values() for flag in ("--record", str(path))]
    assert run(["card", "--model", str(model), *records]) == 0
    for manifest in (load_manifest(model), load_manifest(shipped_model_path())):
        known = set(values(msgspec.to_builtins(manifest)))
        rounded = {float(f"{value:{digits}}") for value in known for digits in (".4f", ".4g", "g")}
        without = msgspec.structs.replace(
            manifest, training={}, metrics={}, data={}, licences={}, calibration=Calibration()
        )
        found = numbers(card(manifest)) - numbers(card(without))
        assert len(found) > 30
        assert found <= rounded


def test_what_is_missing_is_said() -> None:
    """A manifest without data, figures or licences gives all chapters, and each says so."""
    content = card(BARE)
    assert chapters(content) == CHAPTERS
    for said in ("Not audited", "Not measured", "No validation figures", "does not say how", "states none"):
        assert said in content


def test_documents_of_other_commands_come_in(model: Path, documents: dict[str, Path]) -> None:
    """With --record the manifest gets evaluation, audit and cost, no text, the same version; the card shows them."""
    records = [flag for path in documents.values() for flag in ("--record", str(path))]
    output = model.parent / "CARD.md"
    assert run(["card", "--model", str(model), *records, "--output", str(output)]) == 0
    manifest, content = load_manifest(model), output.read_text()
    assert manifest.version == BARE.version
    assert set(manifest.metrics) == {"evaluation", "audit", "cost"}
    assert "errors" not in manifest.metrics["evaluation"]["int8"]
    assert all(result["examples"] == [] for result in manifest.metrics["audit"]["behaviour"])
    for said in ("Evaluated: int8", "| mail |", "22,713,603", "limits are exceeded", "price per million | 0.23"):
        assert said in content
    for attribute in manifest.metrics["audit"]["counterfactual"]:
        assert f"| {attribute['attribute']} |" in content
    assert run(["card", "--model", str(model), "--output", str(output)]) == 2  # exists


def test_tables_keep_their_columns(model: Path, documents: dict[str, Path]) -> None:
    """Every row of a table has as many cells as its head, whatever is in a name."""
    records = [flag for path in documents.values() for flag in ("--record", str(path))]
    assert run(["card", "--model", str(model), *records]) == 0
    manifest = load_manifest(model)
    shipped = load_manifest(shipped_model_path())
    strange = {**shipped.metrics["validation"], "int8_macro_f1_by_source": {"a|b\n<i>": 0.5}}
    metrics = {**manifest.metrics, "validation": strange}
    content = card(msgspec.structs.replace(shipped, metrics=metrics))
    tables = re.findall(r"(?:^\|.*\n)+", content, re.MULTILINE)
    assert len(tables) > 10
    for table in tables:
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(cells) == 1, table
    assert "<i>" not in content


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("no JSON", "not a JSON document"),
        ('{"other": 1}', "was not written by"),
        ('{"evaluation": {}, "model": {"version": "other"}, "backend": "openvino-int8"}', "not about version abc"),
        ('{"conditions": {}, "models": [{"version": "other"}]}', "not about version abc"),
    ],
)
def test_a_document_that_does_not_fit_is_refused(
    model: Path, tmp_path: Path, content: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Anything but a document about this version is exit code 2, and the manifest stays as it was."""
    (tmp_path / "document.json").write_text(content)
    before = (model / "manifest.json").read_bytes()
    assert run(["card", "--model", str(model), "--record", str(tmp_path / "document.json")]) == 2
    assert said in capsys.readouterr().err
    assert (model / "manifest.json").read_bytes() == before


def test_the_shipped_manifest_is_not_written_by_accident(
    documents: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Recording needs a model by name."""
    assert run(["card", "--record", str(documents["audit"])]) == 2
    assert "--model" in capsys.readouterr().err
