"""PyTorch: bf16 on a CUDA device if there is one, otherwise fp32 on CPU. Nothing else in serving imports torch.

Weights are loaded from local safetensors only, and no code from a model directory is run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

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
    """A sequence classifier of the transformers library. `threads` is for the CPU; 0 leaves the choice to torch.

    `exit_layers` are the layers after which it is cut into stages.
    """

    def __init__(self, path: Path, *, threads: int, exit_layers: Sequence[int] = ()) -> None:
        if threads:
            torch.set_num_threads(threads)
        cuda = torch.cuda.is_available()
        self._device = torch.device("cuda" if cuda else "cpu")
        # fp16 weights are widened: half precision is slow on a CPU, and less exact than what was measured.
        self._dtype = torch.bfloat16 if cuda else torch.float32
        self._name = "torch-cuda-bf16" if cuda else "torch-cpu-fp32"
        self._model = load_pretrained(path).to(device=self._device, dtype=self._dtype)
        self._cut = _Cut(self._model, exit_layers) if exit_layers else None

    @property
    def name(self) -> str:
        """Runtime, device and arithmetic."""
        return self._name

    @property
    def batch_overhead_tokens(self) -> int:
        """A CUDA device computes thousands of tokens while Python launches the kernels of one batch."""
        return _CUDA_BATCH_OVERHEAD_TOKENS if self._device.type == "cuda" else _CPU_BATCH_OVERHEAD_TOKENS

    @property
    def width_step(self) -> int:
        """Torch keeps nothing for a shape."""
        return 1

    @property
    def powers_of_two(self) -> bool:
        """See `width_step`."""
        return False

    def logits(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """(n, width) ids and mask to (n, outputs) logits. Raises ``MemoryError`` if the batch does not fit."""
        with self._computing():
            return _to_numpy(self._model(self._tensor(input_ids), attention_mask=self._tensor(attention_mask)).logits)

    def stage(self, number: int, inputs: NDArray[Any], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """See ``Backend.stage``."""
        if self._cut is None:
            return self.logits(inputs, attention_mask)
        with self._computing():
            tensor = self._tensor(inputs)
            inside = tensor.to(self._dtype) if number else tensor
            return _to_numpy(self._cut.stage(number, inside, self._tensor(attention_mask)))

    @contextmanager
    def _computing(self) -> Iterator[None]:
        try:
            with torch.inference_mode():
                yield
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise MemoryError("the CUDA device is out of memory") from error

    def _tensor(self, values: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(values).to(self._device)


class _Cut:
    """A network that is computed stage by stage. The library computes masks, embeddings and the head as ever.

    For each stage the network gets only the layers of that stage. The first of them starts from the hidden states that
    are handed on instead of those of the embeddings, and the last one stops the call.
    """

    def __init__(self, model: PreTrainedModel, exit_layers: Sequence[int]) -> None:
        self._model = model
        self._encoder = _encoder(model)
        layers = list(self._encoder.layer)
        self._all = self._encoder.layer
        ends = [0, *exit_layers, len(layers)]
        self._stages = [layers[start:stop] for start, stop in pairwise(ends)]

    def stage(self, number: int, inputs: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Ids (n, width) or hidden states (n, width, size) to hidden states or, in the last stage, to logits."""
        layers = list(self._stages[number])
        if number:
            layers[0] = _Start(layers[0], inputs)
        if number < len(self._stages) - 1:
            layers[-1] = _Stop(layers[-1])
        # Later stages need ids of the right shape only; the embeddings of these are thrown away.
        ids = attention_mask if number else inputs
        self._encoder.layer = torch.nn.ModuleList(layers)
        try:
            logits: torch.Tensor = self._model(ids, attention_mask=attention_mask).logits
        except _Stopped as stopped:
            return stopped.hidden
        finally:
            self._encoder.layer = self._all
        return logits


class _Start(torch.nn.Module):
    def __init__(self, layer: torch.nn.Module, hidden: torch.Tensor) -> None:
        super().__init__()
        self.layer, self.hidden = layer, hidden

    def forward(self, _: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        return self.layer(self.hidden, *args, **kwargs)


class _Stop(torch.nn.Module):
    def __init__(self, layer: torch.nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        outputs = self.layer(*args, **kwargs)
        raise _Stopped(outputs[0] if isinstance(outputs, tuple) else outputs)


class _Stopped(Exception):
    def __init__(self, hidden: torch.Tensor) -> None:
        super().__init__()
        self.hidden = hidden


def _encoder(model: PreTrainedModel) -> Any:
    """The part of a BERT-like network that holds its layers. Raises ``ModelError`` for any other network."""
    base = model.base_model
    encoder = getattr(base, "encoder", getattr(base, "transformer", None))
    if not isinstance(getattr(encoder, "layer", None), torch.nn.ModuleList):
        raise ModelError(
            f"a {model.config.model_type} cannot have exits: only networks like BERT can",
            hint="turn them off: model.exits = false, or --no-exits",
        )
    return encoder


def _to_numpy(tensor: torch.Tensor) -> NDArray[np.float32]:
    values: NDArray[np.float32] = tensor.float().cpu().numpy()
    return values


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
