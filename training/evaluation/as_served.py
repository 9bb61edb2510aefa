"""The quality of a model directory in each form of its weights, for its manifest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sentiment.model.directory import open_directory
from sentiment.model.loading import load_model
from sentiment.progress import Progress, Silent
from sentiment.statistics import confusion_table, macro_f1
from training.data.examples import Example
from training.evaluation.doubts import doubts
from training.evaluation.metrics import quality
from training.evaluation.predicting import answers_of


def measure_as_served(model: Path, examples: Sequence[Example], progress: Progress | None = None) -> dict[str, Any]:
    """Quality on `examples` of torch's fp32 and of the form that is served by default.

    For the served form also its agreement with fp32 (the share of equal labels) and its macro-F1 by data set.
    `progress` is told what is doubtful about its answers.
    """
    shown = progress or Silent()
    labels = np.array([example.label for example in examples])
    texts = [example.text for example in examples]
    form = next(iter(open_directory(model).openvino_files), "fp32")
    after = len(texts) if form != "fp32" else 0
    fp32 = answers_of(load_model(model, backend="torch"), texts, progress=shown, phase="measuring fp32", after=after)
    measured: dict[str, Any] = {"fp32": quality(fp32, labels)}
    served = fp32
    if form != "fp32":
        classifier = load_model(model, backend="openvino")
        served = answers_of(classifier, texts, progress=shown, phase=f"measuring {form}")
        measured[form] = quality(served, labels)
        measured[f"{form}_agrees_with_fp32"] = float((served.chosen == fp32.chosen).mean())
    for doubt in doubts(confusion_table(labels, served.chosen)):
        shown.say(f"warning: {doubt}")
    sources = np.array([example.source for example in examples])
    measured[f"{form}_macro_f1_by_source"] = {
        source: macro_f1(labels[sources == source], served.chosen[sources == source])
        for source in sorted(set(sources.tolist()))
    }
    return measured
