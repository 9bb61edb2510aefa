"""OpenVINO on CPU: the default, and the only runtime that the base install needs.

The shipped weights are static int8 (NNCF's SmoothQuant). Their scales are fixed at export, so a text's answer does not
depend on the texts in its batch: of 10,425 texts scored alone and in batches, all labels agree, and the probabilities
of 3 long texts differ by less than 0.001. An ONNX model runs in float32.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from sentiment.errors import ModelError

_INPUT_IDS = "input_ids"
_ATTENTION_MASK = "attention_mask"
_ZERO_INPUTS = frozenset({"token_type_ids"})
_BATCH_OVERHEAD_TOKENS = 64
_OUT_OF_MEMORY_WORDS = ("bad_alloc", "alloc", "out of memory")


class OpenVinoBackend:
    """One compiled model with inputs of any shape and one request, so calls must not overlap.

    `kind` is the end of the name: ``int8``, ``fp32`` or ``bf16``. A processor without bf16 (AVX-512 BF16, AMX) computes
    a bf16 graph in fp32, and the name says so. `threads` 0 means every core that this process may use.
    """

    def __init__(self, path: Path, *, kind: str, threads: int) -> None:
        core = ov.Core()
        try:
            compiled = core.compile_model(core.read_model(path), "CPU", _properties(kind, threads))
        except RuntimeError as error:
            raise ModelError(f"{path} cannot be loaded by OpenVINO: {_first_line(error)}") from error
        names = {name for port in compiled.inputs for name in port.names}
        if not {_INPUT_IDS, _ATTENTION_MASK} <= names or names - {_INPUT_IDS, _ATTENTION_MASK} - _ZERO_INPUTS:
            raise ModelError(
                f"{path} has the inputs {', '.join(sorted(names))}; needed: {_INPUT_IDS}, {_ATTENTION_MASK}"
            )
        if compiled.output(0).partial_shape.rank.get_length() != 2:
            raise ModelError(f"{path} does not end in logits (texts, labels): it has no classification head")
        computes_bf16 = compiled.get_property("INFERENCE_PRECISION_HINT") == ov.Type.bf16
        self._name = f"openvino-{'fp32' if kind == 'bf16' and not computes_bf16 else kind}"
        self._zero_inputs = tuple(names & _ZERO_INPUTS)
        self._request = compiled.create_infer_request()

    @property
    def name(self) -> str:
        """Runtime and arithmetic."""
        return self._name

    @property
    def batch_overhead_tokens(self) -> int:
        """Measured on a 6-layer BERT: 6 ms for a known shape, 20 ms for one that kernels are built for."""
        return _BATCH_OVERHEAD_TOKENS

    def logits(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """(n, width) ids and mask to (n, outputs) logits. Raises ``MemoryError`` if the batch does not fit."""
        feed = {_INPUT_IDS: input_ids, _ATTENTION_MASK: attention_mask}
        feed.update((name, np.zeros_like(input_ids)) for name in self._zero_inputs)
        try:
            outputs = self._request.infer(feed, share_inputs=True)
        except RuntimeError as error:
            if any(word in str(error).lower() for word in _OUT_OF_MEMORY_WORDS):
                raise MemoryError(_first_line(error)) from error
            raise
        return np.asarray(outputs[0], dtype=np.float32)


def _properties(kind: str, threads: int) -> dict[str, str | int | bool]:
    return {
        "PERFORMANCE_HINT": "LATENCY",  # one batch at a time on all threads, not one stream per core
        "INFERENCE_NUM_THREADS": threads or len(os.sched_getaffinity(0)),
        # Otherwise a machine with bf16 computes the float parts in bf16, and its answers differ from other machines'.
        "INFERENCE_PRECISION_HINT": "bf16" if kind == "bf16" else "f32",
        # Two workers on one machine would pin their threads to the same cores.
        "ENABLE_CPU_PINNING": False,
    }


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
