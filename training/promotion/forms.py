"""Do the forms of the weights agree? The model that is served must behave like the one that was trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch  # noqa: F401 the fp32 reference needs it: where it is missing, say so before the gate begins

from sentiment.model.directory import open_directory
from sentiment.model.loading import load_model
from training.data.examples import Example
from training.evaluation.paired_bootstrap import paired_bootstrap
from training.evaluation.predicting import answers_of
from training.promotion.records import Check, GateLimits


def form_checks(
    directory: Path, examples: Sequence[Example], limits: GateLimits, *, seed: int, threads: int
) -> Iterator[Check]:
    """Each OpenVINO form against fp32 on torch. No checks if the directory has only one of the two.

    The difference in macro-F1 fails only if its whole 95 % interval is beyond the limit: with few rows, or few of a
    class, a single row can move it by more.
    """
    opened = open_directory(directory)
    if not opened.openvino_files or not opened.safetensors:
        return
    texts = [example.text for example in examples]
    labels = np.array([example.label for example in examples], dtype=np.int64)
    # Whole networks are compared: exits have a guarantee of their own.
    reference = load_model(directory, backend="torch", threads=threads, exits=False)
    expected = answers_of(reference, texts).chosen
    for form in opened.openvino_files:
        served = load_model(directory, backend="openvino", form=form, threads=threads, exits=False)
        chosen = answers_of(served, texts).chosen
        agreement = float((chosen == expected).mean())
        apart = paired_bootstrap(labels, chosen, expected, seed=seed).macro_f1
        within = apart.low <= limits.max_form_difference and apart.high >= -limits.max_form_difference
        yield Check(
            name=f"{form} like fp32",
            measured=f"{agreement:.1%} agree, macro-F1 {apart.value:+.4f} [{apart.low:+.4f}, {apart.high:+.4f}]",
            limit=f"≥ {limits.min_agreement:.1%}, not significantly beyond ±{limits.max_form_difference:g}",
            passed=agreement >= limits.min_agreement and within,
            figures={
                "backend": served.backend,
                "n": len(texts),
                "label_agreement": agreement,
                "macro_f1_difference": apart.value,
                "low": apart.low,
                "high": apart.high,
            },
        )
