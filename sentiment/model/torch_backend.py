"""PyTorch: bf16 on a CUDA device if there is one, otherwise fp32 on CPU. Nothing else in serving imports torch.

Weights are loaded from local safetensors only, and no code from a model directory is run.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from transformers import AutoModelForSequenceClassification, PreTrainedModel
from transformers.utils import logging as transformers_logging

from sentiment.errors import ModelError

_CPU_BATCH_OVERHEAD_TOKENS = 64
_CUDA_BATCH_OVERHEAD_TOKENS = 4096


class TorchBackend:
    """A sequence classifier of the transformers library. `threads` is for the CPU; 0 leaves the choice to torch."""

    def __init__(self, path: Path, *, threads: int) -> None:
        if threads:
            torch.set_num_threads(threads)
        cuda = torch.cuda.is_available()
        self._device = torch.device("cuda" if cuda else "cpu")
        # fp16 weights are widened: half precision is slow on a CPU, and less exact than what was measured.
        self._dtype = torch.bfloat16 if cuda else torch.float32
        self._name = "torch-cuda-bf16" if cuda else "torch-cpu-fp32"
        self._model = load_pretrained(path).to(device=self._device, dtype=self._dtype)

    @property
    def name(self) -> str:
        """Runtime, device and arithmetic."""
        return self._name

    @property
    def batch_overhead_tokens(self) -> int:
        """A CUDA device computes thousands of tokens while Python launches the kernels of one batch."""
        return _CUDA_BATCH_OVERHEAD_TOKENS if self._device.type == "cuda" else _CPU_BATCH_OVERHEAD_TOKENS

    def logits(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """(n, width) ids and mask to (n, outputs) logits. Raises ``MemoryError`` if the batch does not fit."""
        try:
            with torch.inference_mode():
                outputs = self._model(
                    input_ids=torch.from_numpy(input_ids).to(self._device),
                    attention_mask=torch.from_numpy(attention_mask).to(self._device),
                )
                logits: NDArray[np.float32] = outputs.logits.float().cpu().numpy()
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise MemoryError("the CUDA device is out of memory") from error
        return logits


def load_pretrained(path: Path) -> PreTrainedModel:
    """The classifier in `path` in fp32, ready for inference.

    Raises ``ModelError`` if it cannot be loaded or has no classification head.
    """
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()  # what it would warn about is checked below
    try:
        model, report = AutoModelForSequenceClassification.from_pretrained(
            path,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{path} cannot be loaded by transformers: {str(error).strip().splitlines()[0]}") from error
    finally:
        transformers_logging.set_verbosity(verbosity)
    missing = report["missing_keys"]
    if missing:
        raise ModelError(
            f"{path} lacks {len(missing)} of the weights of a classifier, such as {min(missing)}",
            hint="fine-tune it with `sentiment train` first: the missing ones would be random numbers",
        )
    if model.config.pad_token_id is None:
        model.config.pad_token_id = model.config.eos_token_id  # as sentiment.model.directory does
    model.eval()
    return model
