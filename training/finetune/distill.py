"""Distillation: a teacher's probabilities for every text, labelled or not, that a smaller student learns.

A teacher is any model that can be served, and gives calibrated probabilities of the three labels. Of several teachers
the student learns the mean, which is better than any one of them (Hinton et al. 2015, section 3). Their answers are
saved in the work folder as they are computed, so that an interrupted run does not compute them again.
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
from sentiment.events import LABELS
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
# Batches that keep a GPU busy: 256 texts of 128 tokens.
_GPU_BATCH_TOKENS, _GPU_BATCH_ITEMS = 32_768, 256


@dataclass(frozen=True, slots=True)
class Teaching:
    """The teachers and the texts. Teachers are model directories or hub ids. `unlabelled` files have the column
    `text_field`.

    `temperature` ≥ 1 softens both distributions. `hard_share` in [0, 1) is the weight of the labels in the loss.
    """

    teachers: tuple[str, ...]
    unlabelled: tuple[Path, ...] = ()
    text_field: str = "text"
    temperature: float = 2.0
    hard_share: float = 0.3


def require_teachers(teaching: Teaching) -> None:
    """Check what can be checked without computing: the numbers, and that teachers and files are there.

    Raises:
        ModelError: a teacher cannot be opened.
        InputError: a parameter is out of range, or a file of unlabelled texts is missing.
    """
    _require_shares(teaching)
    for name in teaching.teachers:
        locate(name)
    for file in teaching.unlabelled:
        if not file.is_file():
            raise InputError(f"cannot read {file}: there is no such file")


def ask_teachers(
    teaching: Teaching,
    train: Sequence[Example],
    unlabelled: Sequence[str],
    cache: Path,
    *,
    progress: Progress | None = None,
    texts_a_part: int = TEXTS_A_PART,
) -> tuple[SoftTargets, dict[str, Any]]:
    """Soft targets for `train` and for the `unlabelled` texts, and a record for the manifest.

    They are computed in parts of `texts_a_part` texts. Parts that are in `cache` already, from the same teacher and the
    same texts, are not computed again. Only one teacher at a time is in memory.

    Raises:
        ModelError: a teacher cannot be loaded.
        InputError: a parameter is out of range.
    """
    _require_shares(teaching)
    texts = [*(example.text for example in train), *unlabelled]
    labels = np.array([example.label for example in train])
    shown = progress or Silent()
    total: NDArray[np.float64] = np.zeros((len(texts), len(LABELS)))
    records = []
    for name in teaching.teachers:
        teacher = _load(name)
        answers = _answers(teacher, texts, cache, shown, texts_a_part)
        total += answers
        described = {"name": teacher.model.name, "version": teacher.model.version, "backend": teacher.backend}
        records.append({**described, "agrees_with_labels": _agreement(answers, labels)})
    mean = total / len(teaching.teachers)
    record = {
        "teachers": records,
        "agrees_with_labels": _agreement(mean, labels),
        "temperature": teaching.temperature,
        "hard_share": teaching.hard_share,
        "unlabelled": {"rows": len(unlabelled), "fingerprint": fingerprint_of_texts(unlabelled)},
    }
    log_probabilities = np.log(np.maximum(mean, _LEAST_PROBABILITY)).astype(np.float32)
    return SoftTargets(log_probabilities, tuple(unlabelled), teaching.temperature, teaching.hard_share), record


def _require_shares(teaching: Teaching) -> None:
    if not (teaching.teachers and teaching.temperature >= 1.0 and 0.0 <= teaching.hard_share < 1.0):
        raise InputError("distillation needs a teacher, a temperature ≥ 1 and a hard share in [0, 1)")


def unlabelled_texts(teaching: Teaching, known: Iterable[Example]) -> tuple[str, ...]:
    """Every unlabelled text once, without those that have a label or that the student is evaluated on.

    Raises ``InputError`` if a file cannot be read.
    """
    seen = {canonical(example.text) for example in known}
    texts = (text for file in teaching.unlabelled for text in read_texts(file, teaching.text_field))
    return tuple(text for text in dict.fromkeys(texts) if canonical(text) not in seen)


def fingerprint_of_texts(texts: Iterable[str]) -> str:
    """SHA-256 of the texts in their order."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode("utf-8", "replace") + b"\n")
    return digest.hexdigest()


def _load(teacher: str) -> TextClassifier:
    """The fastest form of a teacher here: torch in bf16 on a GPU, and as in a worker without one."""
    if torch.cuda.is_available() and locate(teacher).safetensors:
        return load_model(
            teacher, backend="torch", max_batch_tokens=_GPU_BATCH_TOKENS, max_batch_items=_GPU_BATCH_ITEMS
        )
    return load_model(teacher)


def _agreement(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    return float(np.mean(probabilities[: len(labels)].argmax(axis=1) == labels))


def _answers(
    teacher: TextClassifier, texts: Sequence[str], cache: Path, progress: Progress, texts_a_part: int
) -> NDArray[np.float64]:
    """(n, 3) probabilities in the order of `texts`. They are asked by length, because a batch is as wide as its longest
    text, and the longest first, so that too little memory shows at once.
    """
    folder = cache / fingerprint_of_texts([teacher.model.version, teacher.backend, *texts])[:16]
    folder.mkdir(parents=True, exist_ok=True)
    order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
    starts = range(0, len(texts), texts_a_part)
    done = [start for start in starts if _part(folder, start).is_file()]
    progress.begin(f"asking {teacher.model.name}", len(texts), min(len(texts), len(done) * texts_a_part))
    for start in starts:
        if not _part(folder, start).is_file():
            part = probabilities_of(teacher, [texts[index] for index in order[start : start + texts_a_part]])
            unfinished = folder / "unfinished.npy"
            np.save(unfinished, part)
            unfinished.replace(_part(folder, start))
            progress.at(start + len(part))
    answers = np.empty((len(texts), len(LABELS)))
    answers[order] = np.concatenate([np.load(_part(folder, start)) for start in starts])
    return answers


def _part(folder: Path, start: int) -> Path:
    return folder / f"{start:09}.npy"
