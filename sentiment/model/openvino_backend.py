"""OpenVINO on CPU: the default, and the only runtime that the base install needs.

The shipped weights are static int8 (NNCF's SmoothQuant). Their scales are fixed at export, so a text's answer does not
depend on the texts in its batch: of 10,425 texts scored alone and in batches, all labels agree, and the probabilities
of 3 long texts differ by less than 0.001. An ONNX model runs in float32.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from sentiment.errors import ModelError

_INPUT_IDS = "input_ids"
HIDDEN_STATES = "hidden_states"
"""Input of every graph but the first, if a network is cut at its exits."""
_ATTENTION_MASK = "attention_mask"
_ZERO_INPUTS = frozenset({"token_type_ids"})
_BATCH_OVERHEAD_TOKENS = 64
_WIDTH_STEP = 16
# Every new shape (texts, width) builds kernels of about 5 MB. The plugin keeps 5,000 of each kind, and oneDNN below it
# another 1,024 for the whole process: gigabytes. One shape takes a few of each kind, the same for all layers. So few
# shapes occur, and this is enough for all of those that the shipped model computes.
_KERNELS = "256"
_ONEDNN_KERNELS = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "0")
_OUT_OF_MEMORY_WORDS = ("bad_alloc", "alloc", "out of memory")


class OpenVinoBackend:
    """Compiled graphs with inputs of any shape and one request each, so calls must not overlap.

    `paths` are the consecutive graphs of a network: one, or one for each stage of a network with exits. `kind` is the
    end of the name: ``int8``, ``fp32`` or ``bf16``. A processor without bf16 (AVX-512 BF16, AMX) computes a bf16 graph
    in fp32, and the name says so. `threads` 0 means every core that this process may use.
    """

    def __init__(self, *paths: Path, kind: str, threads: int) -> None:
        os.environ.setdefault(*_ONEDNN_KERNELS)  # read once, when the first kernel of the process is built
        core = ov.Core()
        computed = "fp32" if kind == "bf16" and not _has_bf16(core) else kind
        self._graphs = [
            _Graph(core, path, _properties(computed, threads), takes_ids=not number, ends=number == len(paths) - 1)
            for number, path in enumerate(paths)
        ]
        self._name = f"openvino-{computed}"

    @property
    def name(self) -> str:
        """Runtime and arithmetic."""
        return self._name

    @property
    def batch_overhead_tokens(self) -> int:
        """Measured on a 6-layer BERT: 6 ms for a known shape, 20 ms for one that kernels are built for."""
        return _BATCH_OVERHEAD_TOKENS

    @property
    def width_step(self) -> int:
        """With powers of two, this saves a quarter of the time: fewer kernels are built, for some more padding."""
        return _WIDTH_STEP

    @property
    def powers_of_two(self) -> bool:
        """See `width_step`."""
        return True

    def logits(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """(n, width) ids and mask to (n, outputs) logits. Raises ``MemoryError`` if the batch does not fit."""
        outputs: NDArray[Any] = input_ids
        for number in range(len(self._graphs)):
            outputs = self.stage(number, outputs, attention_mask)
        return outputs

    def stage(self, number: int, inputs: NDArray[Any], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """See ``Backend.stage``."""
        return self._graphs[number].compute(inputs, attention_mask)


class _Graph:
    """One compiled graph: ids or hidden states to hidden states, or at the end (`ends`) to logits."""

    def __init__(
        self, core: ov.Core, path: Path, properties: Mapping[str, Any], *, takes_ids: bool, ends: bool
    ) -> None:
        try:
            compiled = core.compile_model(core.read_model(path), "CPU", properties)
        except RuntimeError as error:
            raise ModelError(f"{path} cannot be loaded by OpenVINO: {_first_line(error)}") from error
        self._first = _INPUT_IDS if takes_ids else HIDDEN_STATES
        names = {name for port in compiled.inputs for name in port.names}
        needed = {self._first, _ATTENTION_MASK}
        if not needed <= names or names - needed - _ZERO_INPUTS:
            raise ModelError(f"{path} has the inputs {', '.join(sorted(names))}; needed: {', '.join(sorted(needed))}")
        if compiled.output(0).partial_shape.rank.get_length() != (2 if ends else 3):
            what = "logits (texts, labels): it has no classification head" if ends else "hidden states"
            raise ModelError(f"{path} does not end in {what}")
        self._zero_inputs = tuple(names & _ZERO_INPUTS)
        self._request = compiled.create_infer_request()

    def compute(self, inputs: NDArray[Any], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Compute one batch. Raises ``MemoryError`` if it does not fit."""
        feed = {self._first: inputs, _ATTENTION_MASK: attention_mask}
        feed.update((name, np.zeros_like(attention_mask)) for name in self._zero_inputs)
        try:
            outputs = self._request.infer(feed, share_inputs=True)
        except RuntimeError as error:
            if any(word in str(error).lower() for word in _OUT_OF_MEMORY_WORDS):
                raise MemoryError(_first_line(error)) from error
            raise
        return np.asarray(outputs[0], dtype=np.float32)


def _has_bf16(core: ov.Core) -> bool:
    """Whether the processor has instructions for bf16. Any AVX-512 accepts the hint, and emulates it far slower than
    fp32, so what a compiled graph says about its precision proves nothing.
    """
    return "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _properties(kind: str, threads: int) -> dict[str, str | int | bool]:
    return {
        "PERFORMANCE_HINT": "LATENCY",  # one batch at a time on all threads, not one stream per core
        "INFERENCE_NUM_THREADS": threads or len(os.sched_getaffinity(0)),
        # Otherwise a machine with bf16 computes the float parts in bf16, and its answers differ from other machines'.
        "INFERENCE_PRECISION_HINT": "bf16" if kind == "bf16" else "f32",
        # Two workers on one machine would pin their threads to the same cores.
        "ENABLE_CPU_PINNING": False,
        "CPU_RUNTIME_CACHE_CAPACITY": _KERNELS,
    }


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
