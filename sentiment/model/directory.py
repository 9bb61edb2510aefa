"""A model directory, exported by us or foreign: its files, what its outputs mean, and what is missing.

An exported directory has a manifest (`manifest.py`), which is trusted if the hashes agree. A foreign directory in the
layout of the Hugging Face hub is accepted if the labels in `config.json` can be mapped to ours and the weights are
safetensors or ONNX. Pickled weights are refused, because loading them runs any code inside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentiment.decision import MOST_LIKELY, Decision
from sentiment.errors import ModelError
from sentiment.events import LABELS, ModelRef
from sentiment.model.files import has_file, read_json
from sentiment.model.manifest import (
    CONFIG_FILE,
    EXITS_FILE,
    EXPORTED_BY,
    MANIFEST_FILE,
    OPENVINO_FILES,
    TOKENIZER_FILE,
    Calibration,
    Exits,
    listed_graphs,
    load_manifest,
    sha256_file,
    verify_files,
    version_of,
)

_ONNX_FILES = ("model.onnx", "onnx/model.onnx")
PICKLE_PATTERNS = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_LABEL_WORDS: Mapping[str, int] = {
    **{label: index for index, label in enumerate(LABELS)},
    **{label[:3]: index for index, label in enumerate(LABELS)},
}
# Position embeddings of these start after the padding index, so the first ones are not for tokens.
_OFFSET_POSITIONS = ("roberta", "camembert", "mpnet", "longformer", "xmod")
_DEFAULT_MAX_LENGTH = 512
_SHORTEST_MAX_LENGTH = 8
_LARGEST_VOCABULARY = 2**24
"""If the configuration does not say; the largest in use are a tenth of this."""


@dataclass(frozen=True, slots=True)
class ModelDirectory:
    """What a model directory holds.

    `targets[i]` is the index in ``LABELS`` that output i of the model stands for. Several outputs may stand for one
    label (five stars, three labels); their probabilities are added. `max_length` counts tokens, special ones included.
    `openvino_files` are the consecutive graphs of an export by form ("int8", "bf16", "fp32"), the preferred one first:
    one graph, or one for each stage of a model with `exits`. Without such weights, `onnx_file` is None and the others
    are empty.
    """

    path: Path
    ref: ModelRef
    targets: tuple[int, ...]
    max_length: int
    pad_id: int
    calibration: Calibration
    openvino_files: Mapping[str, tuple[Path, ...]]
    onnx_file: Path | None
    safetensors: tuple[Path, ...]
    decision: Decision = MOST_LIKELY
    exits: Exits | None = None


def open_directory(
    path: Path, *, name: str | None = None, label_map: Mapping[str, str] | None = None
) -> ModelDirectory:
    """Find out what `path` holds, without loading weights. Raises ``ModelError``, which says what is missing."""
    if not path.is_dir():
        what = "is a file; a model is a directory" if path.exists() else "does not exist"
        raise ModelError(
            f"model {path} {what}", hint="give a directory with config.json, tokenizer.json and weights, or a hub id"
        )
    if has_file(path / MANIFEST_FILE):
        return _open_exported(path)
    return _open_foreign(path, name or path.resolve().name, label_map)


def _open_exported(path: Path) -> ModelDirectory:
    manifest = load_manifest(path)
    verify_files(path, manifest, (CONFIG_FILE, TOKENIZER_FILE))
    config = _read_json(path / CONFIG_FILE)
    positions = positions_of(config)
    if positions is not None and manifest.max_length > positions:
        raise ModelError(
            f"{path / MANIFEST_FILE} has max_length {manifest.max_length}, but the model ends at {positions} tokens",
            hint="export the model again",
        )
    weights = [name for name in manifest.files if name.endswith(".safetensors")]
    openvino = {form: tuple(path / name for name in names) for form, names in listed_graphs(manifest).items()}
    if not weights and not openvino:
        raise ModelError(f"{path / MANIFEST_FILE} lists no weights", hint="export the model again")
    return ModelDirectory(
        path=path,
        ref=manifest.ref(),
        targets=tuple(range(len(LABELS))),
        max_length=manifest.max_length,
        pad_id=_pad_id(config),
        calibration=manifest.calibration,
        openvino_files=openvino,
        onnx_file=None,
        safetensors=tuple(path / name for name in weights),
        decision=manifest.decision,
        exits=manifest.exits,
    )


def _open_foreign(path: Path, name: str, label_map: Mapping[str, str] | None) -> ModelDirectory:
    if not has_file(path / CONFIG_FILE):
        raise ModelError(
            f"{path} is not a model directory: it has neither {MANIFEST_FILE} nor {CONFIG_FILE}",
            hint="give a directory that `export` wrote, or one in the layout of the Hugging Face hub",
        )
    config = _read_json(path / CONFIG_FILE)
    if EXPORTED_BY in config or any((path / name).exists() for name in (*OPENVINO_FILES.values(), EXITS_FILE)):
        raise ModelError(
            f"{path} was exported, but its {MANIFEST_FILE} is missing, so nothing in it can be verified",
            hint="copy or export the model again",
        )
    safetensors = tuple(sorted(path.glob("*.safetensors")))
    onnx_file = next((path / file for file in _ONNX_FILES if has_file(path / file)), None)
    if not safetensors and onnx_file is None:
        raise _no_weights(path)
    weights = (*safetensors, *((onnx_file,) if onnx_file else ()))
    version = version_of({file.relative_to(path).as_posix(): sha256_file(file) for file in weights})
    return ModelDirectory(
        path=path,
        ref=ModelRef(name=name, version=version),
        targets=_targets(path / CONFIG_FILE, config, label_map),
        max_length=_max_length(path, config),
        pad_id=_pad_id(config),
        calibration=Calibration(),
        openvino_files={},
        onnx_file=onnx_file,
        safetensors=safetensors,
    )


def _no_weights(path: Path) -> ModelError:
    pickles = sorted(file.name for pattern in PICKLE_PATTERNS for file in path.glob(pattern))
    if pickles:
        return ModelError(
            f"{path} has its weights only as pickle ({pickles[0]}), refused because loading it runs code from the file",
            hint="save the model again as safetensors: model.save_pretrained(directory, safe_serialization=True)",
        )
    return ModelError(f"{path} has no weights: neither *.safetensors nor {_ONNX_FILES[0]} nor {_ONNX_FILES[1]}")


def _targets(config_path: Path, config: Mapping[str, Any], label_map: Mapping[str, str] | None) -> tuple[int, ...]:
    outputs = _output_names(config_path, config)
    mapping = {key.strip().lower(): value.strip().lower() for key, value in (label_map or {}).items()}
    targets = []
    for index, output in enumerate(outputs):
        # By name first: a number may be meant for the labels of rows, which the same map explains.
        word = mapping.get(output) or (output if output in _LABEL_WORDS else mapping.get(str(index), output))
        if word not in _LABEL_WORDS:
            raise ModelError(
                f"{config_path} names the labels {', '.join(outputs)}, and it is unclear what {output!r} means",
                hint=f"map every label of the model to one of {', '.join(LABELS)} in label_map of the [model] table",
            )
        targets.append(_LABEL_WORDS[word])
    missing = [label for index, label in enumerate(LABELS) if index not in targets]
    if missing:
        raise ModelError(
            f"{config_path} names the labels {', '.join(outputs)}; none of them stands for {', '.join(missing)}",
            hint="the model must tell negative, neutral and positive apart",
        )
    return tuple(targets)


def _output_names(config_path: Path, config: Mapping[str, Any]) -> Sequence[str]:
    id2label = config.get("id2label")
    if not isinstance(id2label, dict) or not id2label:
        raise ModelError(
            f"{config_path} has no id2label: this is a model without a classification head",
            hint="fine-tune it with `sentiment train` first",
        )
    try:
        names = [id2label[str(index)] for index in range(len(id2label))]
    except KeyError as error:
        raise ModelError(f"{config_path}: id2label does not count from 0 to {len(id2label) - 1}") from error
    return [str(name).strip().lower() for name in names]


def _max_length(path: Path, config: Mapping[str, Any]) -> int:
    """The most tokens that the model takes: the tokenizer's limit if it has one, and never more than the positions."""
    limits = [_DEFAULT_MAX_LENGTH]
    if (positions := positions_of(config)) is not None:
        limits.append(positions)
    tokenizer_config = path / "tokenizer_config.json"
    stated = _read_json(tokenizer_config).get("model_max_length") if has_file(tokenizer_config) else None
    if isinstance(stated, int) and stated >= _SHORTEST_MAX_LENGTH:
        limits.append(stated)
    if min(limits) < _SHORTEST_MAX_LENGTH:
        raise ModelError(
            f"{path / CONFIG_FILE} allows only {min(limits)} tokens; at least {_SHORTEST_MAX_LENGTH} are needed"
        )
    return min(limits)


def positions_of(config: Mapping[str, Any]) -> int | None:
    """How many tokens have a position embedding; None for a model without such a limit (T5)."""
    positions = config.get("max_position_embeddings", config.get("n_positions"))
    if not isinstance(positions, int) or positions <= 0:
        return None
    model_type = str(config.get("model_type", ""))
    return positions - (_pad_id(config) + 1 if any(kind in model_type for kind in _OFFSET_POSITIONS) else 0)


def _pad_id(config: Mapping[str, Any]) -> int:
    """The padding token. A decoder without one (GPT-2) is padded with its end token.

    Such a model predicts from the last token of a text, and any other token could be that.
    """
    for key in ("pad_token_id", "eos_token_id"):
        token = config.get(key)
        if isinstance(token, int) and not isinstance(token, bool):
            _require_in_vocabulary(key, token, config.get("vocab_size"))
            return token
    return 0


def _require_in_vocabulary(key: str, token: int, vocab_size: object) -> None:
    size = vocab_size if isinstance(vocab_size, int) else _LARGEST_VOCABULARY
    if not 0 <= token < size:
        raise ModelError(f"{CONFIG_FILE} has {key} {token}, but its vocabulary ends at {size - 1}")


def _read_json(path: Path) -> dict[str, Any]:
    return read_json(path, dict[str, Any], "a JSON object")
