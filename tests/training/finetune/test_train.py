"""`sentiment train` from files to a model that can be served."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants
from sklearn.metrics import f1_score

from sentiment.cli.main import run
from sentiment.events import LABELS
from sentiment.model.loading import load_model
from sentiment.model.manifest import TOKENIZER_FILE, load_manifest
from sentiment.model.tokenizer import TextTokenizer
from tests.training import tiny
from training.cards.training_report import training_report
from training.data.examples import read_examples
from training.finetune import train as pipeline
from training.finetune.callbacks import KeepBest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # every test fine-tunes, exports and measures


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    tiny.save_backbone(folder / "backbone")
    for name, count, seed in (("train", 600, 1), ("dev", 150, 2)):
        lines = (json.dumps(row) for row in tiny.rows(count, seed))
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    return folder


def train(files: Path, output: Path, *flags: str) -> int:
    data = [str(files / "train.jsonl"), "--validation", str(files / "dev.jsonl")]
    model = ["--backbone", str(files / "backbone"), "--output", str(output)]
    recipe = ["--learning-rate", "2e-3", "--epochs", "12", "--max-length", "32", "--class-weight", "negative=1.25"]
    return run(["train", *data, *model, *recipe, "--source-weight", "chat=0.5", *flags])


def test_an_interrupted_training_resumes_to_a_model_that_reproduces_its_manifest(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed before the export, refused without --resume, finished with it; the manifest's figures are those served."""
    output = tmp_path / "model"

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "export_model", interrupted)
        assert train(files, output) == 130
    first = capsys.readouterr().err
    assert "interrupted; add --resume to go on from the trained weights" in first
    assert not output.exists()
    assert train(files, output) == 2
    assert "--resume" in capsys.readouterr().err
    page = tmp_path / "report.html"
    assert train(files, output, "--resume", "--json", "--report", str(page)) == 0
    told = capsys.readouterr()
    assert "going on from the trained weights" in told.err
    printed = json.loads(told.out)
    assert train(files, output) == 2  # an existing model is not overwritten

    manifest = load_manifest(output)
    assert printed["version"] == manifest.version
    assert page.read_text("utf-8") == training_report(manifest)
    examples = read_examples(files / "dev.jsonl")
    predictions, _ = load_model(output).predict([example.text for example in examples])
    chosen = [LABELS.index(prediction.label) for prediction in predictions]
    served = f1_score([example.label for example in examples], chosen, average="macro")
    recorded = manifest.metrics["validation"]["int8"]["macro_f1"]
    assert served == pytest.approx(recorded, abs=1e-9)
    assert served > 0.9  # the label is told by one word: learnt, not guessed
    run_of = manifest.training["run"]
    scores = [entry["macro_f1"] for entry in run_of["evaluations"]]
    assert run_of["best_step"] == run_of["evaluations"][scores.index(max(scores))]["step"]
    assert run_of["evaluations"][-1]["step"] == run_of["steps"] == run_of["planned_steps"]
    assert run_of["training"][0]["loss"] > run_of["training"][-1]["loss"]
    assert run_of["device"]
    assert run_of["seconds"] > 0
    assert "training loss" in first
    assert "the best so far" in first
    assert "Statistics collection" not in first + told.err  # the bars of libraries
    assert manifest.training["weighting"]["sources"] == {"chat": 0.5}
    assert not list(tmp_path.glob("*.training"))
    assert not list(output.rglob("*.bin.index")) + list(output.rglob("*.pt")) + list(output.rglob("*.pkl"))


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--class-weight", "angry=2"], "angry"),
        (["--class-weight", "negative=x"], "NAME=WEIGHT"),
        (["--max-steps", "0"], "train nothing"),
        (["--resume"], "nothing to resume"),
    ],
)
def test_wrong_use_is_said(
    files: Path, tmp_path: Path, flags: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong weight or resume is exit code 2, says what is wrong, and leaves no output."""
    assert train(files, tmp_path / "model", *flags) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--backbone", "/no/such/backbone"], "is not a directory"),
        (["--backbone", "no-such/backbone"], "the hub does not answer"),
        (["--keep-layers", "9"], "fewer than the 9 to keep"),
        (["--max-length", "512"], "is more than the 64 tokens"),
    ],
)
def test_a_failed_start_reads_no_rows_and_leaves_nothing(
    files: Path,
    tmp_path: Path,
    flags: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Configuration, tokenizer and network are loaded first; a hub that is away is asked once, and briefly."""
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setattr(pipeline, "prepare_rows", lambda *_: pytest.fail("rows were read"))
    assert train(files, tmp_path / "model", *flags) == 2
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()) <= 2  # the error and its hint
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_of_a_run_that_saved_nothing(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Interrupted before its first save, it leaves no folder; one that a killed process left is no obstacle."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "fine_tune", interrupted)
    (tmp_path / "model.training").mkdir()
    assert train(files, tmp_path / "model") == 130
    assert "interrupted; nothing was saved yet" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_a_person_would_doubt_is_said(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Weak rows that count less, a weight for no source, a stop before the end, and answers of one label alone."""
    rows = [{**row, "kind": "stars"} for row in tiny.rows(60, seed=1)]
    (tmp_path / "stars.jsonl").write_text("\n".join(map(json.dumps, rows)))
    command = ["train", str(tmp_path / "stars.jsonl"), "--validation", str(files / "dev.jsonl"), "--max-length", "32"]
    command += ["--backbone", str(files / "backbone"), "--output", str(tmp_path / "model"), "--source-weight", "fax=2"]
    # Nothing is learnt at this rate, so the second evaluation is no better than the first.
    command += ["--learning-rate", "1e-12", "--max-steps", "8", "--evaluations", "4", "--early-stopping", "1"]
    assert run(command) == 0
    told = capsys.readouterr().err
    neutral = sum(row["label"] == "neutral" for row in rows)
    assert f"{neutral} neutral training rows are of kind stars, and count 0.5" in told
    assert "--source-weight fax: no training row has this source; there are chat, mail" in told
    assert "stopped early at step 4 of 8: 1 evaluation without a better one" in told
    assert "warning: no text is answered" in told
    assert "of answering" in told


def test_a_run_goes_on_from_its_newest_step(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message of the interruption and that of the resumed run name the step that is saved."""
    end_step = KeepBest.on_step_end

    def interrupted_at_21(best: KeepBest, arguments: Any, state: Any, control: Any, **keywords: Any) -> Any:
        if state.global_step == 21:
            raise KeyboardInterrupt
        return end_step(best, arguments, state, control, **keywords)

    with monkeypatch.context() as patched:
        patched.setattr(KeepBest, "on_step_end", interrupted_at_21)
        assert train(files, tmp_path / "model", "--max-steps", "40", "--evaluations", "1", "--save-every", "0") == 130
    assert "add --resume to go on from step 20" in capsys.readouterr().err
    assert train(files, tmp_path / "model", "--max-steps", "40", "--evaluations", "1", "--resume") == 0
    assert "going on from step 20" in capsys.readouterr().err


def test_augmentation_and_emoji_reach_the_served_model(files: Path, tmp_path: Path) -> None:
    """Made-up examples are in the manifest's counts, and the served model tells emoji apart."""
    output = tmp_path / "model"
    assert train(files, output, "--max-steps", "4", "--augment", "200", "--emoji-tokens") == 0
    manifest = load_manifest(output)
    assert manifest.data["train"]["sources"]["augmented"] == manifest.training["recipe"]["augment"] == 200
    assert "augmented" not in manifest.data["validation"]["sources"]
    tokenizer = TextTokenizer.from_file(output / TOKENIZER_FILE)
    happy, unhappy = tokenizer.encode(["thanks 😍", "thanks 😡"])
    assert happy[:-1] == unhappy[:-1]
    assert happy[-1] != unhappy[-1]
    for backend in ("openvino", "torch"):
        answers, _ = load_model(output, backend=backend).predict(["thanks 😍", "thanks 😡"])
        assert answers[0].probabilities != answers[1].probabilities
