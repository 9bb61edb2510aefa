"""Cut the OpenVINO graph of a BERT-like network after some of its layers, into graphs that follow each other.

The graph is cut as it was exported, so the pieces compute with the same weights and int8 scales. Each holds its own
layers only: no weight is stored twice. They hand on the hidden states; each makes the attention mask again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import openvino as ov
from openvino import opset13 as ops

from sentiment.errors import ModelError
from sentiment.model.manifest import OPENVINO_FILES, graph_files
from sentiment.model.openvino_backend import HIDDEN_STATES

# In the graphs of BERT, RoBERTa, DistilBERT and MPNet, the name of every node says which layer it belongs to.
_LAYER = re.compile(r"\.(?:encoder|transformer)\.layer\.(\d+)[./]")
_COMPRESSED = "bf16"
_SMOOTH_QUANT = "nncf_smooth_quant"


def count_layers(graph: Path) -> int:
    """The layers of an exported network. Raises ``ModelError`` if it is not like BERT."""
    named = {layer for node in _read(graph).get_ops() if (layer := _layer_of(node)) is not None}
    if not named or named != set(range(len(named))):
        raise ModelError(
            f"the network in {graph} has no layers like BERT's, so it cannot have exits",
            hint="BERT, RoBERTa, DistilBERT and MPNet can",
        )
    return len(named)


def cut_graphs(directory: Path, form: str, layers: Sequence[int]) -> None:
    """Replace the graph of `form` in a model directory by one for each stage between `layers` (counted from 1)."""
    whole = directory / OPENVINO_FILES[form]
    ends = [0, *layers, None]
    for name, start, stop in zip(graph_files(form, len(layers) + 1), ends, ends[1:], strict=False):
        piece = _piece(_read(whole), start or 0, stop, whole)
        # bf16 is stored as fp16. A graph that is read again keeps its weights as they were stored, other forms too.
        ov.save_model(piece, directory / name, compress_to_fp16=form == _COMPRESSED)
    whole.unlink()
    whole.with_suffix(".bin").unlink()


def _piece(graph: ov.Model, start: int, stop: int | None, path: Path) -> ov.Model:
    """The part of `graph` behind the first `start` layers, up to layer `stop` or to the logits."""
    mask = next(port for port in graph.inputs if "attention_mask" in port.names)
    parameters = [mask.get_node()]
    results = graph.get_results()
    if stop is not None:
        end = ops.result(_states_after(graph, stop, path))
        end.output(0).set_names({HIDDEN_STATES})
        results = [end]
    if start:
        states = _states_after(graph, start, path)
        hidden = ops.parameter(ov.PartialShape([-1, -1, states.get_partial_shape()[2]]), ov.Type.f32, HIDDEN_STATES)
        hidden.output(0).set_names({HIDDEN_STATES})
        _take_shapes_from(graph, hidden.output(0), mask)
        for reader in states.get_target_inputs():
            reader.replace_source_output(hidden.output(0))
        parameters.insert(0, hidden)
    else:
        parameters.insert(0, next(port.get_node() for port in graph.inputs if "input_ids" in port.names))
    used = {node.get_friendly_name() for node in _above(results)}
    if start and any(port.get_node().get_friendly_name() in used for port in graph.inputs if port != mask):
        raise ModelError(f"{path} cannot be cut after layer {start}: later layers read the ids again")
    piece = ov.Model(results, parameters, graph.get_friendly_name())
    piece.validate_nodes_and_infer_types()
    return piece


def _states_after(graph: ov.Model, layer: int, path: Path) -> ov.Output:
    """The hidden states (texts, tokens, size) that layer `layer`, counted from 1, hands on to the next."""
    found = {}
    for node in graph.get_ops():
        # Layers may share constants, too. They do not depend on the texts.
        is_state = _layer_of(node) == layer - 1 and node.output(0).get_partial_shape().is_dynamic
        if is_state and not _is_rounding(node) and _is_read_after(node, layer):
            found[node.get_friendly_name()] = node.output(0)
    if len(found) != 1:
        raise ModelError(
            f"{path} cannot be cut after layer {layer}: it hands on {len(found)} tensors instead of one",
            hint="BERT, RoBERTa, DistilBERT and MPNet can have exits",
        )
    return next(iter(found.values()))


def _is_read_after(node: ov.Node, layer: int) -> bool:
    """Whether a later layer reads `node`, directly or as int8 graphs do, scaled and rounded first."""
    for reader in (target.get_node() for target in node.output(0).get_target_inputs()):
        place = _layer_of(reader)
        if place is not None and place >= layer:
            return True
        if _is_rounding(reader) and _is_read_after(reader, layer):
            return True
    return False


def _is_rounding(node: ov.Node) -> bool:
    return node.get_type_name() == "FakeQuantize" or _SMOOTH_QUANT in node.get_friendly_name()


def _take_shapes_from(graph: ov.Model, hidden: ov.Output, mask: ov.Output) -> None:
    """Let every shape of ids or embeddings be read from `hidden` or `mask`, which have the same.

    The mask for attention needs the number of texts and tokens, and would otherwise keep the embeddings in each piece.
    """
    size = hidden.get_partial_shape()[2]
    for node in graph.get_ops():
        if node.get_type_name() != "ShapeOf" or _layer_of(node) is not None:
            continue
        source = node.input_value(0)
        shape = source.get_partial_shape()
        if shape.rank == ov.Dimension(3) and shape[2] == size:
            node.input(0).replace_source_output(hidden)
        elif shape.rank == ov.Dimension(2) and any(
            _is_ids(above) for above in _above([source.get_node()], values=True)
        ):
            node.input(0).replace_source_output(mask)


def _is_ids(node: ov.Node) -> bool:
    return node.get_type_name() == "Parameter" and "input_ids" in node.output(0).get_names()


def _above(results: Sequence[ov.Node], *, values: bool = False) -> Iterator[ov.Node]:
    """Every node that `results` are computed from; with `values`, not those of which only the shape matters."""
    pending, seen = list(results), set()
    while pending:
        node = pending.pop()
        if node.get_friendly_name() not in seen:
            seen.add(node.get_friendly_name())
            yield node
            if not (values and node.get_type_name() == "ShapeOf"):
                pending.extend(node.input_value(number).get_node() for number in range(node.get_input_size()))


def _layer_of(node: ov.Node) -> int | None:
    found = _LAYER.search(node.get_friendly_name())
    return int(found.group(1)) if found else None


def _read(path: Path) -> ov.Model:
    try:
        return ov.Core().read_model(path)
    except RuntimeError as error:
        raise ModelError(f"{path} cannot be read by OpenVINO", hint="export the model again") from error
