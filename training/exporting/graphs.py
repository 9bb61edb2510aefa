"""A torch network as an OpenVINO graph, unchanged or with int8 weights and activations.

NNCF first moves the outliers of a transformer's activations into the weights (SmoothQuant, Xiao et al. 2023). Without
that, quantisation destroys a small BERT.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout

import nncf
import numpy as np
import openvino as ov
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel
from transformers.utils import logging as transformers_logging

NetworkInput = Mapping[str, NDArray[np.int64]]

# A BERT has outlier channels. They are easier to quantise in the weights, where int8 has a scale for each channel. With
# the default of 0.95 the logits of the shipped model were off by twice as much.
_SMOOTHING = 0.75
# The last layers before the logits are cheap, and no later layer could even out their errors.
_HEAD = r".*model\.(.*\.)?(pooler|pre_classifier|classifier|classification_head|score)[./].*"

# Far above rounding, far below what changes a label.
_TOLERANCE = 1e-3


class Unconvertible(Exception):
    """OpenVINO cannot compute this network, or computes something else. The message says which."""


def to_graph(model: PreTrainedModel, samples: Sequence[NetworkInput], pad_id: int) -> ov.Model:
    """The fp32 graph of `model` for inputs of any shape (texts, tokens), checked on `samples` (see ``quantise``).

    Raises ``Unconvertible``.
    """
    transformers_logging.set_verbosity_error()  # tracing would print remarks on the configuration
    by_length = sorted(samples, key=_length)
    # The example has padding, so that nothing that holds only without it is traced as a constant.
    example = _padded([by_length[-1], by_length[0]], pad_id)
    tensors = {name: torch.from_numpy(values) for name, values in example.items()}
    with _without_cache(model), warnings.catch_warnings(), redirect_stdout(sys.stderr):
        # The tracer warns about every branch on a shape. Whether the graph takes any shape is checked below.
        warnings.simplefilter("ignore")
        try:
            graph = ov.convert_model(_LogitsOnly(model), example_input=tensors)
        except (ov.frontend.OpConversionFailure, ov.frontend.GeneralFailure, RuntimeError) as error:
            raise Unconvertible(f"OpenVINO cannot convert it ({type(error).__name__})") from error
        graph.reshape({port: ov.PartialShape([-1, -1]) for port in graph.inputs})
        compiled = ov.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        for inputs in (example, by_length[-1], _padded(by_length[:: max(1, len(samples) // 8)], pad_id)):
            with torch.inference_mode():
                expected = model(**{name: torch.from_numpy(values) for name, values in inputs.items()}).logits
            worst = float(np.abs(compiled(dict(inputs))[0] - expected.numpy()).max())
            if not worst <= _TOLERANCE * max(1.0, float(expected.abs().max())):
                raise Unconvertible(f"OpenVINO's logits differ from torch's by {worst:.2g}")
    return graph


def quantise(graph: ov.Model, samples: Sequence[NetworkInput]) -> ov.Model:
    """`graph` with int8 weights and activations.

    `samples` are inputs of single texts (1, tokens), so that the ranges do not include padding. Raises
    ``Unconvertible``.
    """
    nncf.set_log_level(logging.ERROR)
    try:
        # Its bars would stand between our lines.
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # noqa: PTH123
            return nncf.quantize(
                graph,
                nncf.Dataset(samples),
                model_type=nncf.ModelType.TRANSFORMER,
                subset_size=len(samples),
                # Limits weights to seven bits. Without VNNI a processor adds pairs of products in 16 bits, which
                # eight-bit weights would overflow. With seven bits every machine computes the same answers.
                advanced_parameters=nncf.AdvancedQuantizationParameters(
                    overflow_fix=nncf.OverflowFix.ENABLE,
                    smooth_quant_alphas=nncf.AdvancedSmoothQuantParameters(matmul=_SMOOTHING),
                ),
                ignored_scope=nncf.IgnoredScope(patterns=[_HEAD], validate=False),
            )
    except (nncf.errors.InternalError, nncf.errors.ValidationError, RuntimeError, ValueError) as error:
        raise Unconvertible(f"NNCF cannot quantise it ({type(error).__name__})") from error


class _LogitsOnly(torch.nn.Module):
    """The network with the inputs and outputs of the graph: two positional inputs, one output."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits


@contextmanager
def _without_cache(model: PreTrainedModel) -> Iterator[None]:
    """Switch off the cache of decoders: a classifier has no next token, and the graph has no type for the cache."""
    configs = {id(part.config): part.config for part in model.modules() if hasattr(part, "config")}.values()
    before = [(config, config.use_cache) for config in configs if hasattr(config, "use_cache")]
    for config, _ in before:
        config.use_cache = False
    try:
        yield
    finally:
        for config, value in before:
            config.use_cache = value


def _padded(samples: Sequence[NetworkInput], pad_id: int) -> dict[str, NDArray[np.int64]]:
    """One batch of `samples`, padded on the right to the longest."""
    ids = np.full((len(samples), max(map(_length, samples))), pad_id, dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, sample in enumerate(samples):
        length = _length(sample)
        ids[row, :length], mask[row, :length] = sample["input_ids"][0], 1
    return {"input_ids": ids, "attention_mask": mask}


def _length(sample: NetworkInput) -> int:
    return int(sample["input_ids"].shape[1])
