"""Distillation: a teacher's probabilities for every text, labelled or not, that a smaller student learns.

The teacher is any model that can be served, and gives calibrated probabilities of the three labels. They are saved in
the work folder as they are computed, so that an interrupted run does not compute them again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sentiment.errors import InputError
from sentiment.model.loading import load_model, locate
from sentiment.model.pipeline import TextClassifier
from sentiment.progress import Progress, Silent
from training.data.examples import Example, canonical, read_texts
from training.evaluation.predicting import probabilities_of
from training.finetune.encoded import SoftTargets

# About a minute of a large teacher's work on a CPU: an interruption costs no more.
TEXTS_A_PART = 2_048
# Smaller probabilities carry no information, and their logarithms would dominate the loss.
_LEAST_PROBABILITY = 1e-6


@dataclass(frozen=True, slots=True)
class Teaching:
    """The teacher and the texts. `teacher` is a model directory or hub id. `unlabelled` files have the column
    `text_field`.

    `temperature` ≥ 1 softens both distributions. `hard_share` in [0, 1) is the weight of the labels in the loss.
    """

    teacher: str
    unlabelled: tuple[Path, ...] = ()
    text_field: str = "text"
    temperature: float = 2.0
    hard_share: float = 0.3


def ask_teacher(
    teaching: Teaching,
    train: Sequence[Example],
    held_out: Sequence[Example],
    cache: Path,
    *,
    progress: Progress | None = None,
    texts_a_part: int = TEXTS_A_PART,
) -> tuple[SoftTargets, dict[str, Any]]:
    """Soft targets for `train` and for all unlabelled texts that are not in `held_out`, and a record for the manifest.

    They are computed in parts of `texts_a_part` texts. Parts that are in `cache` already, from the same teacher and the
    same texts, are not computed again.

    Raises:
        ModelError: the teacher cannot be loaded.
        InputError: an unlabelled file cannot be read, or a parameter is out of range.
    """
    if not (teaching.temperature >= 1.0 and 0.0 <= teaching.hard_share < 1.0):
        raise InputError("distillation needs a temperature ≥ 1 and a hard share in [0, 1)")
    unlabelled = _unlabelled(teaching, (*train, *held_out))
    texts = [*(example.text for example in train), *unlabelled]
    # Without a GPU the exported form is used, as in a worker: it is several times as fast as torch.
    on_gpu = torch.cuda.is_available() and locate(teaching.teacher).safetensors
    teacher = load_model(teaching.teacher, backend="torch" if on_gpu else "auto")
    probabilities = _answers(teacher, texts, cache, progress or Silent(), texts_a_part)
    chosen = probabilities[: len(train)].argmax(axis=1)
    record = {
        "teacher": {"name": teacher.model.name, "version": teacher.model.version, "backend": teacher.backend},
        "teacher_agrees_with_labels": float(np.mean(chosen == np.array([example.label for example in train]))),
        "temperature": teaching.temperature,
        "hard_share": teaching.hard_share,
        "unlabelled": {"rows": len(unlabelled), "fingerprint": _fingerprint(unlabelled)},
    }
    log_probabilities = np.log(np.maximum(probabilities, _LEAST_PROBABILITY)).astype(np.float32)
    return SoftTargets(log_probabilities, unlabelled, teaching.temperature, teaching.hard_share), record


def _unlabelled(teaching: Teaching, known: Iterable[Example]) -> tuple[str, ...]:
    """Every text once, without those that have a label or that the student is evaluated on."""
    seen = {canonical(example.text) for example in known}
    texts = (text for file in teaching.unlabelled for text in read_texts(file, teaching.text_field))
    return tuple(text for text in dict.fromkeys(texts) if canonical(text) not in seen)


def _answers(
    teacher: TextClassifier, texts: Sequence[str], cache: Path, progress: Progress, texts_a_part: int
) -> NDArray[np.float64]:
    """(n, 3) probabilities, part by part."""
    folder = cache / _fingerprint([teacher.model.version, teacher.backend, *texts])[:16]
    folder.mkdir(parents=True, exist_ok=True)
    starts = range(0, len(texts), texts_a_part)
    done = [start for start in starts if _part(folder, start).is_file()]
    progress.begin("asking the teacher", len(texts), min(len(texts), len(done) * texts_a_part))
    for start in starts:
        if not _part(folder, start).is_file():
            part = probabilities_of(teacher, texts[start : start + texts_a_part])
            unfinished = folder / "unfinished.npy"
            np.save(unfinished, part)
            unfinished.replace(_part(folder, start))
            progress.at(start + len(part))
    return np.concatenate([np.load(_part(folder, start)) for start in starts])


def _part(folder: Path, start: int) -> Path:
    return folder / f"{start:09}.npy"


def _fingerprint(texts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode("utf-8", "replace") + b"\n")
    return digest.hexdigest()
