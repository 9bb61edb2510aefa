"""`sentiment distill`: the teacher is asked once, and the student learns from it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from sentiment.cli.main import run
from sentiment.errors import InputError
from sentiment.model.loading import load_model
from sentiment.model.manifest import load_manifest
from tests.sentiment.model.models import save_classifier
from tests.training import tiny
from training.data.examples import Example
from training.evaluation.predicting import probabilities_of
from training.finetune import distill
from training.finetune import train as pipeline
from training.finetune.distill import Teaching, ask_teachers, unlabelled_texts

TRAIN, DEV = tiny.examples(40, seed=1), tiny.examples(20, seed=2)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_classifier(tmp_path_factory.mktemp("teacher") / "teacher")


@pytest.fixture
def streams(tmp_path: Path) -> Path:
    """Unlabelled rows: new, personal, duplicate, from the validation set, from the training set."""
    texts = ["a new text", "mail jane@example.org", "a new text", DEV[0].text.upper(), TRAIN[0].text + "!"]
    (tmp_path / "stream.jsonl").write_text("\n".join(json.dumps({"content": text}) for text in texts))
    return tmp_path / "stream.jsonl"


def test_soft_targets_are_the_teachers_answers(teacher: Path, streams: Path, tmp_path: Path) -> None:
    """Log-probabilities as the teacher serves them: of the training rows, then of every new unlabelled text."""
    teaching = Teaching((str(teacher),), (streams,), text_field="content")
    unlabelled = unlabelled_texts(teaching, [*TRAIN, *DEV])
    soft, record = ask_teachers(teaching, TRAIN, unlabelled, tmp_path / "cache")
    assert soft.unlabelled == ("a new text", "mail email")
    texts = [*(example.text for example in TRAIN), *soft.unlabelled]
    expected = probabilities_of(load_model(teacher), texts)
    np.testing.assert_allclose(np.exp(soft.log_probabilities), expected, atol=1e-5)
    assert record["unlabelled"]["rows"] == 2
    assert [teacher["name"] for teacher in record["teachers"]] == ["teacher"]


def test_several_teachers_teach_their_mean(teacher: Path, tmp_path: Path) -> None:
    """The mean of their probabilities, whatever the lengths of the texts; each is named with its own agreement."""
    other = save_classifier(tmp_path / "other", "roberta")
    texts = ("short", "a text that is longer than the others by several words", "two words")
    teaching = Teaching((str(teacher), str(other)))
    soft, record = ask_teachers(teaching, TRAIN, texts, tmp_path / "cache", texts_a_part=10)
    asked = [*(example.text for example in TRAIN), *texts]
    expected = np.mean([probabilities_of(load_model(path), asked) for path in (teacher, other)], axis=0)
    np.testing.assert_allclose(np.exp(soft.log_probabilities), expected, atol=1e-5)
    assert [one["name"] for one in record["teachers"]] == ["teacher", "other"]
    labels = [example.label for example in TRAIN]
    assert record["agrees_with_labels"] == (expected[: len(TRAIN)].argmax(axis=1) == labels).mean()


def test_an_interrupted_teacher_is_not_asked_again(
    teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cached parts are used, only the rest is computed, and other texts are computed again."""
    asked: list[int] = []

    def counting(classifier: object, texts: list[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        if sum(asked) >= 20:
            raise KeyboardInterrupt
        asked.append(len(texts))
        return probabilities_of(classifier, texts)  # type: ignore[arg-type]

    monkeypatch.setattr(distill, "probabilities_of", counting)
    with pytest.raises(KeyboardInterrupt):
        ask_teachers(Teaching((str(teacher),)), TRAIN, (), tmp_path, texts_a_part=10)
    asked.clear()
    soft, _ = ask_teachers(Teaching((str(teacher),)), TRAIN, (), tmp_path, texts_a_part=10)
    assert asked == [10, 10]
    expected = probabilities_of(load_model(teacher), [example.text for example in TRAIN])
    np.testing.assert_allclose(np.exp(soft.log_probabilities), expected, atol=1e-5)
    asked.clear()
    others = [*TRAIN[1:11], Example("other", 0, "s", "human")]
    ask_teachers(Teaching((str(teacher),)), others, (), tmp_path, texts_a_part=10)
    assert asked == [10, 1]


@pytest.mark.parametrize("wrong", [{"temperature": 0.5}, {"hard_share": 1.0}, {"temperature": float("nan")}])
def test_shares_out_of_range_are_refused(teacher: Path, tmp_path: Path, wrong: dict[str, float]) -> None:
    """A temperature below one, or nothing left for the teacher, is an error before the teacher is loaded."""
    with pytest.raises(InputError, match="temperature ≥ 1"):
        ask_teachers(Teaching((str(tmp_path / "none"),), **wrong), TRAIN, (), tmp_path)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_student_follows_its_teacher_across_an_interruption(
    teacher: Path, streams: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command, interrupted after teaching, resumes to a model of fewer layers that agrees more with its teacher."""
    tiny.save_backbone(tmp_path / "student", layers=3, std=0.2)
    for name, count, seed in (("train", 200, 1), ("dev", 60, 2)):
        lines = (json.dumps(row) for row in tiny.rows(count, seed))
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    (tmp_path / "more.jsonl").write_text(json.dumps({"content": "one more text"}))
    command = ["distill", str(tmp_path / "train.jsonl"), "--validation", str(tmp_path / "dev.jsonl")]
    command += ["--teacher", str(teacher), "--student", str(tmp_path / "student"), "--student-layers", "2"]
    command += [
        "--unlabelled",
        str(streams),
        "--unlabelled-text-field",
        "content",
        "--hard-share",
        "0",
        "--max-length",
        "32",
    ]
    command += ["--learning-rate", "3e-3", "--max-steps", "60", "--output", str(tmp_path / "model"), "--json"]

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "fine_tune", interrupted)
        assert run(command) == 130
    assert run([*command, "--resume", "--temperature", "3"]) == 2
    assert "another recipe" in capsys.readouterr().err
    assert run([*command, "--resume", "--unlabelled", str(tmp_path / "more.jsonl")]) == 2
    assert "with other data" in capsys.readouterr().err
    with monkeypatch.context() as patched:
        patched.setattr(distill, "probabilities_of", interrupted)  # asking again would end the run
        assert run([*command, "--resume"]) == 0
    printed = json.loads(capsys.readouterr().out)
    manifest = load_manifest(tmp_path / "model")
    assert printed["version"] == manifest.version
    assert manifest.training["distillation"]["teachers"][0]["name"] == "teacher"
    assert manifest.training["recipe"]["keep_layers"] == 2
    assert not any("layer.2." in name for name in load_file(tmp_path / "model" / "model.safetensors"))

    texts = [example.text for example in DEV]
    said = probabilities_of(load_model(teacher), texts).argmax(axis=1)
    learnt = probabilities_of(load_model(tmp_path / "model", backend="torch"), texts).argmax(axis=1)
    assert (said == learnt).mean() > 0.7
