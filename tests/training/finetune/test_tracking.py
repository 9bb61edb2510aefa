"""What MLflow and TensorBoard get of a training, read back with their own readers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow.entities import Run
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from sentiment.cli.main import run
from sentiment.errors import ConfigurationError
from sentiment.model.manifest import hash_files, load_manifest
from sentiment.progress import Silent
from tests.training import tiny
from training.cards.nested import flat
from training.finetune import train as pipeline
from training.finetune.tracker import Tracker
from training.finetune.tracking import tracked

EXPERIMENT = "reviews"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tracking")
    tiny.save_backbone(folder / "backbone")
    for name, count, seed in (("train", 64, 1), ("dev", 40, 2)):
        (folder / f"{name}.jsonl").write_text("\n".join(json.dumps(row) for row in tiny.rows(count, seed)))
    return folder


def train(files: Path, output: Path, tracker: str, *flags: str) -> int:
    data = ["train", str(files / "train.jsonl"), "--validation", str(files / "dev.jsonl"), "--output", str(output)]
    recipe = ["--backbone", str(files / "backbone"), "--max-steps", "4", "--evaluations", "2", "--max-length", "32"]
    weights = ["--class-weight", "negative=1.25", "--source-weight", "chat=0.5", "--label-smoothing", "0.07"]
    told = ["--tracker", tracker, "--tracking-dir", str(output.parent / "tracked"), "--experiment", EXPERIMENT]
    return run([*data, *recipe, *weights, "--augment", "5", "--precision", "no", *told, *flags])


def mlflow_runs(place: Path) -> tuple[mlflow.MlflowClient, list[Run]]:
    client = mlflow.MlflowClient(place.as_uri())
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    return client, list(client.search_runs([experiment.experiment_id]))


@pytest.mark.slow
def test_mlflow_gets_recipe_curves_results_and_model_of_a_resumed_training(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run, named after the model, though the training was interrupted before its export."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "export_model", interrupted)
        assert train(files, tmp_path / "model", "mlflow") == 130
    (killed,) = mlflow_runs(tmp_path / "tracked")[1]
    assert killed.info.status == "KILLED"
    assert train(files, tmp_path / "model", "mlflow", "--resume") == 0

    client, (found,) = mlflow_runs(tmp_path / "tracked")
    manifest = load_manifest(tmp_path / "model")
    assert (found.info.run_name, found.info.status, found.info.run_id) == ("model", "FINISHED", killed.info.run_id)
    expected = {
        "class_weight.negative": "1.25",
        "source_weight.chat": "0.5",
        "weak_neutral_weight": "0.5",
        "recipe.label_smoothing": "0.07",
        "recipe.augment": "5",
        "recipe.effective_batch": "32",
        "data.train.fingerprint": manifest.data["train"]["fingerprint"],
        "versions.torch": manifest.training["versions"]["torch"],
    }
    assert expected.items() <= found.data.params.items()
    assert not {"label_smoothing_factor", "learning_rate"} & found.data.params.keys()  # of the library
    assert found.data.tags["model_version"] == manifest.version
    curve = [point.value for point in client.get_metric_history(found.info.run_id, "eval/macro_f1")]
    assert curve == pytest.approx([entry["macro_f1"] for entry in manifest.training["run"]["evaluations"]])
    for form in ("fp32", "int8"):
        for figure in ("macro_f1", "ece"):
            measured = manifest.metrics["validation"][form][figure]
            assert found.data.metrics[f"validation.{form}.{figure}"] == pytest.approx(measured)
    assert found.data.metrics["calibration.temperature_int8"] == manifest.calibration.temperature_int8
    stored = client.download_artifacts(found.info.run_id, "model", str(tmp_path))
    assert hash_files(Path(stored)) == manifest.files


@pytest.mark.slow
def test_tensorboard_gets_recipe_curves_and_results(files: Path, tmp_path: Path) -> None:
    """In the folder EXPERIMENT/NAME, with the recipe beside the results in the tab HPARAMS."""
    assert train(files, tmp_path / "model", "tensorboard") == 0
    manifest = load_manifest(tmp_path / "model")
    board = EventAccumulator(str(tmp_path / "tracked" / EXPERIMENT / "model"))
    board.Reload()
    curve = [event.value for event in board.Scalars("eval/macro_f1")]
    assert curve == pytest.approx([entry["macro_f1"] for entry in manifest.training["run"]["evaluations"]])
    (result,) = board.Scalars("validation.int8.macro_f1")
    assert result.value == pytest.approx(manifest.metrics["validation"]["int8"]["macro_f1"])
    assert hyperparameters(board)["recipe.label_smoothing"] == pytest.approx(0.07)
    assert hyperparameters(board)["class_weight.negative"] == pytest.approx(1.25)
    (model,) = board.Tensors("model/text_summary")
    assert manifest.version.encode() in model.tensor_proto.string_val[0]


def hyperparameters(board: EventAccumulator) -> dict[str, Any]:
    """The parameters as the HPARAMS plugin reads them."""
    content = board.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    started = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    return {name: value.number_value or value.string_value for name, value in started.hparams.items()}


def test_runs_of_one_name_stand_side_by_side(tmp_path: Path) -> None:
    """Another training gets a folder of its own; a resumed one goes on in its own."""
    tracker = Tracker("tensorboard", str(tmp_path / "tracked"))
    for work in ("first", "second", "first"):
        (tmp_path / work).mkdir(exist_ok=True)
        with tracked(tracker, tmp_path / work, "model", Silent()) as track:
            track.metrics({"loss": 1.0}, step=1)
    assert sorted(path.name for path in (tmp_path / "tracked" / "sentiment").iterdir()) == ["model", "model-2"]


def test_a_tracker_that_fails_does_not_end_a_training(tmp_path: Path) -> None:
    """It is said once, and the training goes on."""
    said: list[str] = []

    class Said(Silent):
        def say(self, message: str) -> None:
            said.append(message)

    tracker = Tracker("mlflow", str(tmp_path / "tracked"))
    with tracked(tracker, tmp_path, "model", Said()) as track:
        track.parameters({"recipe.seed": 13})
        mlflow.MlflowClient((tmp_path / "tracked").as_uri()).delete_run(track.id)
        track.metrics({"loss": 1.0}, step=1)
        track.metrics({"loss": 0.5}, step=2)
    assert len(said) == 1
    assert "MLflow takes no more" in said[0]


@pytest.mark.parametrize(
    ("name", "place", "said"),
    [
        ("mlflow", "http://127.0.0.1:9", "the tracking server does not answer"),
        ("tensorboard", "http://127.0.0.1:9", "in a directory"),
    ],
)
def test_a_place_that_cannot_be_used_is_refused_at_once(name: Any, place: str, said: str) -> None:
    """Before a row is read."""
    with pytest.raises(ConfigurationError, match=said):
        Tracker(name, place).require()


def test_nested_facts_have_one_name_each() -> None:
    """A path with dots; lists of tables are numbered, other lists are one string, and None says nothing."""
    nested = {"a": {"b": 1, "c": None}, "d": ["x", "y"], "e": [{"f": True}, {"f": False}]}
    assert flat(nested) == {"a.b": 1, "d": "x, y", "e.1.f": True, "e.2.f": False}
