"""The gate: a candidate is measured beside the version that serves, on the same rows and the same machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sentiment.model.classifier import Classifier
from sentiment.model.loading import load_model
from sentiment.model.manifest import load_manifest, verify_files
from sentiment.model.registry import Version
from sentiment.progress import Progress
from training.audit.audit import audit
from training.audit.report import AuditReport
from training.data.examples import Example
from training.evaluation.predicting import Answers, answers_of
from training.promotion.fairness import audit_check
from training.promotion.forms import form_checks
from training.promotion.latency import latency_checks
from training.promotion.placeholders import placeholder_checks
from training.promotion.quality import calibration_check, quality_checks
from training.promotion.records import Check, GateSettings, GateVerdict

N_PARITY_ROWS = 500
"""Rows on which the forms are compared. Torch on a CPU takes about ten times as long as int8."""


@dataclass(frozen=True, slots=True)
class _LoadedModel:
    """A loaded model, and how its progress is shown."""

    name: str
    classifier: Classifier
    progress: Progress

    def answers(self, texts: Sequence[str], what: str) -> Answers:
        """The answers, as they are served."""
        return answers_of(self.classifier, texts, progress=self.progress, phase=f"{self.name}: {what}")

    def audited(self, seed: int) -> AuditReport:
        """The audit of the model."""
        return audit(lambda texts: self.answers(texts, "audit"), seed=seed)


def judge(
    candidate: Version,
    current: Version | None,
    examples: Sequence[Example],
    gate: GateSettings,
    progress: Progress,
) -> GateVerdict:
    """Run all checks, even if an early one fails. Without a `current` version only the absolute ones.

    Raises ``ModelError`` if one of the two cannot be loaded.
    """
    new = _LoadedModel("candidate", load_model(candidate.path, threads=gate.threads), progress)
    old = None
    if current is not None:
        old = _LoadedModel("current", load_model(current.path, threads=gate.threads), progress)
    checks = tuple(_checks(candidate.path, new, old, examples, gate))
    return GateVerdict(
        candidate=candidate.ref,
        current=None if current is None else current.ref,
        passed=all(check.passed for check in checks),
        n_rows=len(examples),
        seed=gate.seed,
        checks=checks,
        own_limits=gate.limits.own(),
    )


def _checks(
    directory: Path,
    new: _LoadedModel,
    old: _LoadedModel | None,
    examples: Sequence[Example],
    gate: GateSettings,
) -> Iterator[Check]:
    limits, seed = gate.limits, gate.seed
    yield _integrity(directory)
    texts = [example.text for example in examples]
    labels = np.array([example.label for example in examples], dtype=np.int64)
    answers = new.answers(texts, "quality")
    known = None if old is None else old.answers(texts, "quality")
    yield from quality_checks(answers, known, labels, limits, seed=seed)
    yield calibration_check(answers.probabilities, labels, limits, seed=seed)
    drawn = np.random.default_rng(seed).permutation(len(examples))
    some = [examples[index] for index in drawn[:N_PARITY_ROWS]]
    new.progress.begin("candidate: forms of the weights", len(some))
    yield from form_checks(directory, some, limits, seed=seed, threads=gate.threads)
    if limits.audit != "off":
        compared = old if limits.audit == "relative" else None
        yield audit_check(new.audited(seed), None if compared is None else compared.audited(seed), limits)
    yield from placeholder_checks(directory, lambda asked: new.answers(asked, "placeholders"), limits)
    yield from latency_checks(
        new.classifier, None if old is None else old.classifier, [example.text for example in some], limits
    )


def _integrity(directory: Path) -> Check:
    """Check that the files are those of the manifest."""
    manifest = load_manifest(directory)
    verify_files(directory, manifest, manifest.files)
    return Check(
        name="files", measured=f"{len(manifest.files)} as the manifest says", limit="all", passed=True, figures={}
    )
