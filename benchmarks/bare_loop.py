"""The same network in a loop over texts sorted by length, without Kafka: `bare_loop.py MODEL RUNTIME`.

RUNTIME is openvino, for the int8 graph that the worker serves, or onnxruntime, for dynamic int8 per channel made of
the same weights. Reads lists of texts from stdin, one in a line, and writes what it found and how long it took.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from sentiment.events import LABELS

BATCH = 32
MAX_TOKENS = 128

Ids = NDArray[np.int64]
Compute = Callable[[Ids, Ids], NDArray[Any]]


def main(model: Path, runtime: str) -> None:
    """Answer every line of stdin."""
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    compute = _openvino(model) if runtime == "openvino" else _onnxruntime(model)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_answer(json.loads(line), tokenizer, compute)) + "\n")
        sys.stdout.flush()


def _answer(texts: list[str], tokenizer: Tokenizer, compute: Compute) -> dict[str, Any]:
    started = time.perf_counter()
    encoded = [each.ids for each in tokenizer.encode_batch(texts)]
    order = sorted(range(len(encoded)), key=lambda index: len(encoded[index]))
    labels = [""] * len(texts)
    padded = 0
    for start in range(0, len(order), BATCH):
        chosen = order[start : start + BATCH]
        width = max(len(encoded[index]) for index in chosen)
        ids = np.zeros((len(chosen), width), np.int64)
        mask = np.zeros_like(ids)
        for row, index in enumerate(chosen):
            ids[row, : len(encoded[index])] = encoded[index]
            mask[row, : len(encoded[index])] = 1
        padded += ids.size
        for index, output in zip(chosen, compute(ids, mask).argmax(axis=1), strict=True):
            labels[index] = LABELS[output]
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "labels": labels, "tokens": sum(map(len, encoded)), "padded_tokens": padded}


def _openvino(model: Path) -> Compute:
    import openvino

    properties = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(model / "openvino" / "model.xml", "CPU", properties)
    request = compiled.create_infer_request()

    def compute(ids: Ids, mask: Ids) -> NDArray[Any]:
        outputs: NDArray[Any] = request.infer({"input_ids": ids, "attention_mask": mask}, share_inputs=True)[0]
        return outputs

    return compute


def _onnxruntime(model: Path) -> Compute:
    import onnxruntime
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        exact, quantised = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        _export(model, exact)
        quantize_dynamic(exact, quantised, weight_type=QuantType.QInt8, per_channel=True)
        session = onnxruntime.InferenceSession(quantised.read_bytes(), providers=["CPUExecutionProvider"])

    def compute(ids: Ids, mask: Ids) -> NDArray[Any]:
        outputs: NDArray[Any] = session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        return outputs

    return compute


def _export(model: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification

    network = AutoModelForSequenceClassification.from_pretrained(model, dtype=torch.float32).eval()
    network.config.return_dict = False
    ids = torch.ones(2, 7, dtype=torch.long)
    names = ["input_ids", "attention_mask"]
    axes = {name: {0: "texts", 1: "tokens"} for name in names}
    with torch.inference_mode():
        torch.onnx.export(
            network,
            (ids, ids),
            str(target),
            dynamo=False,
            input_names=names,
            output_names=["logits"],
            dynamic_axes=axes,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
