"""Model directories: what is accepted, and the error if something is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sentiment.errors import ModelError
from sentiment.model.directory import open_directory
from sentiment.model.loading import load_model
from tests.sentiment.model.models import edit_json

Copy = Callable[[Path], Path]


def test_a_checkpoint_without_a_manifest_is_named_by_its_directory_and_weights(checkpoint: Path, copy: Copy) -> None:
    """The version is the hash of the weights: moving keeps it, and changing one byte changes it."""
    opened = open_directory(checkpoint)
    copied = copy(checkpoint)
    assert open_directory(copied).ref == opened.ref
    assert opened.ref.name == "checkpoint"
    assert opened.max_length == 64
    weights = copied / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")
    assert open_directory(copied).ref.version != opened.ref.version


@pytest.mark.parametrize(
    ("names", "label_map", "targets"),
    [
        ({"0": "negative", "1": "neutral", "2": "positive"}, None, (0, 1, 2)),
        ({"0": "POS", "1": "NEU", "2": "NEG"}, None, (2, 1, 0)),
        (
            {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"},
            {"0": "positive", "label_1": "neutral", "2": "neg"},
            (2, 1, 0),
        ),
        (
            {str(i): f"{i + 1} stars" for i in range(5)},
            {"1 stars": "negative", "2 stars": "negative", "3 stars": "neutral", "3": "positive", "4": "positive"},
            (0, 0, 1, 2, 2),
        ),
    ],
)
def test_labels_are_found_by_name_or_by_map(
    checkpoint: Path, copy: Copy, names: dict[str, str], label_map: dict[str, str] | None, targets: tuple[int, ...]
) -> None:
    """Any order and common spelling is understood; a map explains the rest, and may map several labels to one."""
    directory = copy(checkpoint)
    edit_json(directory / "config.json", id2label=names)
    assert open_directory(directory, label_map=label_map).targets == targets


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"id2label": None}, "without a classification head"),
        ({"id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}}, "unclear what 'label_0' means"),
        ({"id2label": {"0": "negative", "1": "positive"}}, "none of them stands for neutral"),
        ({"id2label": {"0": "negative", "2": "neutral", "3": "positive"}}, "does not count from 0 to 2"),
        ({"max_position_embeddings": 4}, "allows only 4 tokens"),
        ({"pad_token_id": 10**15}, "pad_token_id 1000000000000000, but its vocabulary ends"),
        ({"pad_token_id": -1}, "pad_token_id -1, but"),
        ({"vocab_size": None, "pad_token_id": 2**31}, "pad_token_id 2147483648, but"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(
    checkpoint: Path, copy: Copy, config: dict[str, Any], said: str
) -> None:
    """The error says which labels there are and what they lack."""
    directory = copy(checkpoint)
    edit_json(directory / "config.json", **config)
    with pytest.raises(ModelError, match=said):
        open_directory(directory)


def test_pickled_weights_are_refused(checkpoint: Path, copy: Copy) -> None:
    """A .bin is never opened: the error says why, and how to convert it."""
    directory = copy(checkpoint)
    (directory / "model.safetensors").rename(directory / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickle") as caught:
        load_model(directory)
    assert "safe_serialization" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("config.json", r"neither manifest\.json nor config\.json"),
        ("model.safetensors", r"no weights: neither \*\.safetensors nor model\.onnx"),
        ("tokenizer.json", r"tokenizer\.json is missing"),
    ],
)
def test_a_missing_file_is_named(checkpoint: Path, copy: Copy, file: str, said: str) -> None:
    """The error names what is missing from a checkpoint."""
    directory = copy(checkpoint)
    (directory / file).unlink()
    with pytest.raises(ModelError, match=said):
        load_model(directory)


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json"])
def test_a_damaged_file_is_named(checkpoint: Path, copy: Copy, file: str) -> None:
    """A file that was cut off gives its name, not a traceback."""
    directory = copy(checkpoint)
    (directory / file).write_bytes((directory / file).read_bytes()[:20])
    with pytest.raises(ModelError, match=file):
        load_model(directory)


@pytest.mark.parametrize("path", ["no/such/model/directory", "/no/such"])
def test_no_directory_is_said(path: str) -> None:
    """A path that does not exist is not looked up on the hub."""
    with pytest.raises(ModelError, match="does not exist"):
        load_model(path)


def test_a_file_is_no_model(checkpoint: Path) -> None:
    """A weights file instead of its directory has an error of its own."""
    with pytest.raises(ModelError, match="a model is a directory"):
        load_model(checkpoint / "model.safetensors")


@pytest.mark.parametrize(
    ("file", "backend"),
    [
        ("config.json", "openvino"),
        ("tokenizer.json", "openvino"),
        ("openvino/model.xml", "openvino"),
        ("openvino/model.bin", "openvino"),
        ("model.safetensors", "torch"),
    ],
)
def test_a_changed_file_of_an_export_is_never_loaded(exported: Path, copy: Copy, file: str, backend: Any) -> None:
    """Each file that a backend uses is verified by its hash before it is opened."""
    directory = copy(exported)
    content = bytearray((directory / file).read_bytes())
    content[len(content) // 2] ^= 1
    (directory / file).write_bytes(content)
    with pytest.raises(ModelError, match=rf"{file} .*SHA-256 differs"):
        load_model(directory, backend=backend)


def test_an_export_without_the_chosen_weights_says_so(exported: Path, copy: Copy) -> None:
    """A foreign checkpoint has nothing for OpenVINO, and the error says what to do."""
    directory = copy(exported)
    (directory / "openvino" / "model.bin").unlink()
    with pytest.raises(ModelError, match=r"openvino/model\.bin is missing"):
        load_model(directory)


def test_a_checkpoint_has_nothing_for_openvino(checkpoint: Path) -> None:
    """OpenVINO is refused if there is only safetensors, and the hint names the other backend."""
    with pytest.raises(ModelError, match="which the openvino backend needs"):
        load_model(checkpoint, backend="openvino")


@pytest.mark.parametrize("file", ["manifest.json", "config.json", "tokenizer.json", "model.safetensors"])
def test_a_pipe_is_not_read(exported: Path, copy: Copy, file: str) -> None:
    """It would hang, and a manifest that is skipped would serve files that nobody checked."""
    directory = copy(exported)
    (directory / file).unlink()
    os.mkfifo(directory / file)
    with pytest.raises(ModelError, match=rf"{file} is not a regular file"):
        load_model(directory, backend="torch")


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_pipe_in_a_foreign_directory_is_not_read(checkpoint: Path, copy: Copy, file: str) -> None:
    """The same for a directory without a manifest."""
    directory = copy(checkpoint)
    (directory / file).unlink()
    os.mkfifo(directory / file)
    with pytest.raises(ModelError, match=rf"{file} is not a regular file"):
        load_model(directory)


def test_a_broken_link_is_not_a_missing_manifest(exported: Path, copy: Copy) -> None:
    """The manifest was there once."""
    directory = copy(exported)
    (directory / "manifest.json").unlink()
    (directory / "manifest.json").symlink_to(directory / "gone.json")
    with pytest.raises(ModelError, match=r"manifest\.json is not a regular file"):
        open_directory(directory)


@pytest.mark.parametrize("graphs", [True, False])
def test_an_export_without_its_manifest_is_not_foreign(exported: Path, copy: Copy, graphs: bool) -> None:
    """It is refused, with its graphs and without them: served as a foreign model it would be unverified."""
    directory = copy(exported)
    (directory / "manifest.json").unlink()
    if not graphs:
        shutil.rmtree(directory / "openvino")
    with pytest.raises(ModelError, match=r"was exported, but its manifest\.json is missing"):
        open_directory(directory)


def test_a_model_that_is_not_verified_is_said_loudly(checkpoint: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A foreign model has no hashes and no calibration."""
    caplog.set_level("WARNING")  # a library of the export raises the level of all handlers
    load_model(checkpoint, threads=1)
    assert "nothing in it is verified or calibrated" in caplog.text


@pytest.mark.parametrize("file", ["manifest.json", "config.json"])
def test_deep_nesting_is_an_error(exported: Path, copy: Copy, file: str) -> None:
    """Not a traceback of the parser."""
    directory = copy(exported)
    if file == "config.json":
        (directory / "manifest.json").unlink()
        shutil.rmtree(directory / "openvino")
    (directory / file).write_text('{"a":' * 100_000 + "1" + "}" * 100_000)
    with pytest.raises(ModelError, match=rf"{file} is not .*: "):
        open_directory(directory)


def test_a_manifest_cannot_ask_for_more_tokens_than_the_model_has(exported: Path, copy: Copy) -> None:
    """Its positions end before."""
    directory = copy(exported)
    edit_json(directory / "manifest.json", max_length=8_000)
    with pytest.raises(ModelError, match="max_length 8000, but the model ends at 64 tokens"):
        open_directory(directory)
