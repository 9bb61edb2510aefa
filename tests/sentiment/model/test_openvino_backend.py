"""OpenVINO: int8 as exported, fp32 from ONNX."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
import torch
from numpy.typing import NDArray

from sentiment.errors import ModelError
from sentiment.model.classifier import Classifier
from sentiment.model.loading import load_model
from sentiment.model.openvino_backend import OpenVinoBackend
from sentiment.model.torch_backend import load_pretrained
from tests.sentiment.model.models import TEXTS
from tests.training import tiny

ROWS = [*TEXTS, *(row["text"] for row in tiny.rows(30, seed=4))]


def probabilities(classifier: Classifier, texts: list[str]) -> NDArray[np.float64]:
    return np.array([prediction.probabilities for prediction in classifier.predict(texts)[0]])


def save_onnx(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add model.onnx to a checkpoint.

    (The exporter wants the onnx package only for functions that are not used here.)
    """
    module = "torch.onnx._internal.torchscript_exporter.onnx_proto_utils._add_onnxscript_fn"
    monkeypatch.setattr(module, lambda content, _: content)
    ids = torch.ones(2, 7, dtype=torch.long)
    torch.onnx.export(
        load_pretrained(checkpoint),
        (ids, ids, ids),
        str(checkpoint / "model.onnx"),
        dynamo=False,
        input_names=["input_ids", "attention_mask", "token_type_ids"],
        output_names=["logits"],
        dynamic_axes={name: {0: "n", 1: "w"} for name in ("input_ids", "attention_mask", "token_type_ids")},
    )


def test_a_text_is_answered_the_same_in_any_company(exported: Path) -> None:
    """With static int8 scales, texts scored alone and in batches agree, padded or not."""
    classifier = load_model(exported, max_batch_items=16)
    assert classifier.backend == "openvino-int8"
    batched = probabilities(classifier, ROWS)
    alone = np.concatenate([probabilities(classifier, [text]) for text in ROWS])
    assert (batched.argmax(axis=1) == alone.argmax(axis=1)).all()
    np.testing.assert_allclose(batched, alone, atol=5e-3)


def test_threads_do_not_change_answers(exported: Path) -> None:
    """One thread gives what all threads give."""
    one = probabilities(load_model(exported, threads=1), ROWS)
    np.testing.assert_allclose(probabilities(load_model(exported, threads=2), ROWS), one, atol=1e-6)


def test_onnx_runs_in_fp32_and_agrees_with_torch(
    checkpoint: Path, copy: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A foreign ONNX model needs no torch to be served, takes token types as zeros, and gives torch's answers."""
    directory = copy(checkpoint)
    save_onnx(directory, monkeypatch)
    classifier = load_model(directory)
    assert classifier.backend == "openvino-fp32"
    expected = probabilities(load_model(directory, backend="torch"), ROWS)
    np.testing.assert_allclose(probabilities(classifier, ROWS), expected, atol=1e-4)


@pytest.mark.parametrize(("capabilities", "computed"), [(["FP32", "INT8"], "fp32"), (["BF16", "FP32"], "bf16")])
def test_bf16_is_left_to_processors_that_have_it(
    exported: Path, monkeypatch: pytest.MonkeyPatch, capabilities: list[str], computed: str
) -> None:
    """Without its instructions a bf16 graph is computed in fp32 and called that, whatever a compiled graph says."""
    monkeypatch.setattr(ov.Core, "get_property", lambda *_: capabilities)
    hints = []
    compile_model = ov.Core.compile_model

    def spy(core: ov.Core, graph: ov.Model, device: str, properties: dict[str, object]) -> ov.CompiledModel:
        hints.append(properties["INFERENCE_PRECISION_HINT"])
        return compile_model(core, graph, device, properties)

    monkeypatch.setattr(ov.Core, "compile_model", spy)
    backend = OpenVinoBackend(exported / "openvino" / "model.xml", kind="bf16", threads=1)
    assert backend.name == f"openvino-{computed}"
    assert hints == ["bf16" if computed == "bf16" else "f32"]


def test_a_file_that_is_no_graph_is_said(tmp_path: Path) -> None:
    """Bytes that OpenVINO cannot read give a ModelError with the path."""
    path = tmp_path / "model.xml"
    path.write_text("<net>")
    with pytest.raises(ModelError, match=r"model\.xml cannot be loaded by OpenVINO"):
        OpenVinoBackend(path, kind="int8", threads=1)


def test_a_graph_without_a_head_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    """Hidden states (texts, tokens, width) are not logits."""
    encoder = load_pretrained(checkpoint).bert
    encoder.config.return_dict = False
    ids = torch.ones(2, 7, dtype=torch.long)
    graph = ov.convert_model(encoder, example_input={"input_ids": ids, "attention_mask": ids})
    ov.save_model(graph, tmp_path / "model.xml")
    with pytest.raises(ModelError, match="no classification head"):
        OpenVinoBackend(tmp_path / "model.xml", kind="fp32", threads=1)


@pytest.mark.parametrize(("message", "expected"), [("std::bad_alloc", MemoryError), ("a bug", RuntimeError)])
def test_out_of_memory_is_told_apart(
    exported: Path, monkeypatch: pytest.MonkeyPatch, message: str, expected: type[Exception]
) -> None:
    """Only a failed allocation leads to a smaller batch; every other fault is raised unchanged."""
    backend = OpenVinoBackend(exported / "openvino" / "model.xml", kind="int8", threads=1)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(message)

    monkeypatch.setattr(ov.InferRequest, "infer", fail)
    with pytest.raises(expected, match=message):
        backend.logits(np.ones((1, 2), np.int64), np.ones((1, 2), np.int64))
