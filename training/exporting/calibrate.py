"""Refit the temperatures and the decision of a model on labelled rows, and measure how good it is then.

The thresholds of early exits are set here as well (`agreement.py`): their rows must not have taught the heads.

A temperature looks a little too good on the rows that it was fitted on. So the figures after calibration are given
twice: in sample, and cross-fitted (each fifth of the rows is measured with the temperature of the other four).
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from sentiment.calibration import apply_temperature
from sentiment.chunking import combine_windows
from sentiment.decision import MOST_LIKELY, Decision
from sentiment.errors import InputError, ModelError
from sentiment.model.directory import ModelDirectory, open_directory
from sentiment.model.loading import load_model
from sentiment.model.manifest import Exits, FormExits, Manifest, load_manifest
from sentiment.model.pipeline import Stages, TextClassifier
from sentiment.progress import Progress, Silent
from training.data.examples import Example, fingerprint
from training.evaluation.metrics import brier_score, expected_calibration_error, log_loss
from training.evaluation.records import Bin
from training.evaluation.reliability import ece_by_chance, reliability_bins
from training.exporting.agreement import fit_exits
from training.exporting.decisions import DecisionFit, fit_decision
from training.exporting.temperatures import fit_temperature, set_calibration

N_FOLDS = 5
# With fewer rows the temperature overfits, and a fold may lack a class.
MIN_ROWS = 50
DEFAULT_AGREEMENT = 0.99
_OF_TEMPERATURE = ("ece", "brier", "nll")
_TEXTS_AT_ONCE = 512
_Rows = NDArray[np.float64]
Decide = Literal["argmax", "macro-recall"]


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Expected calibration error (15 bins), Brier score (0 … 2) and log loss in nats of a set of probabilities."""

    ece: float
    brier: float
    nll: float


class FormCalibration(msgspec.Struct, frozen=True, kw_only=True):
    """One form of the weights before and after. `after` is in sample; `cross_fitted` is the honest figure.

    `bins_after` are cross-fitted. `ece_by_chance` is the error of a perfectly calibrated model on as many rows.
    `exits` is None for a model without early exits, and if none of its texts may leave early.
    """

    form: str
    temperature_before: float
    temperature_after: float
    before: Figures
    after: Figures
    cross_fitted: Figures
    ece_by_chance: float
    exits: FormExits | None
    bins_before: tuple[Bin, ...]
    bins_after: tuple[Bin, ...]


class CalibrationReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was refitted, and on which rows. `decision` is None if the label is to be the most likely one."""

    n: int
    fingerprint: str
    seed: int
    n_folds: int
    forms: tuple[FormCalibration, ...]
    decision: DecisionFit | None = None


def forms_of(directory: ModelDirectory) -> tuple[str, ...]:
    """The forms of the weights in a model directory. Each has its own temperature."""
    held = {"fp32"} if directory.safetensors else set()
    return tuple(sorted(held | set(directory.openvino_files)))


def calibrate(
    directory: Path,
    examples: Sequence[Example],
    forms: Sequence[str],
    *,
    seed: int,
    decide: Decide | None = None,
    agreement: float = DEFAULT_AGREEMENT,
    threads: int = 0,
    progress: Progress | None = None,
) -> CalibrationReport:
    """Fit a temperature for each of `forms` on `examples`, and the decision as `decide` says. Nothing is written.

    `decide` None leaves the kind of decision as it is. One decision serves all forms. It is fitted to the first of
    `forms` in the order in which they are preferred for serving.

    If the model has exits, their threshold is the least for which a share of `agreement` of all texts like these gets
    the label of the whole network, with a confidence of 95 %.

    A text of several windows is judged by the mean of their logits, while serving takes the mean of their
    probabilities. Only long texts differ.

    Raises:
        InputError: fewer than ``MIN_ROWS`` rows, or too few to show the `agreement`.
        ModelError: the directory has no manifest, or lacks one of `forms`.
    """
    # A foreign directory without a manifest has no place for a temperature.
    manifest = load_manifest(directory)
    opened = open_directory(directory)
    if missing := [form for form in forms if form not in forms_of(opened)]:
        raise ModelError(f"{directory} has no {missing[0]} form", hint=f"it has {', '.join(forms_of(opened))}")
    if len(examples) < MIN_ROWS:
        raise InputError(f"{len(examples)} rows are too few to calibrate on", hint=f"give {MIN_ROWS} or more")
    texts = [example.text for example in examples]
    labels = np.array([example.label for example in examples], dtype=np.int64)
    shown = progress or Silent()
    refitted, probabilities, stages = [], {}, {}
    for form in forms:
        stages[form] = _stages(_load(opened, form, threads), form, texts, shown)
        logits = _whole_network(stages[form])
        found = refit_temperature(form, logits, labels, before=manifest.calibration.of(form), seed=seed)
        refitted.append(found)
        probabilities[form] = apply_temperature(logits, found.temperature_after)
    decision = None
    if decide == "macro-recall" or (decide is None and manifest.decision != MOST_LIKELY):
        served = next((form for form in opened.openvino_files if form in probabilities), forms[0])
        decision = fit_decision(served, probabilities[served], labels, folds=_folds(len(labels), seed))
    if opened.exits is not None:
        depths = (*opened.exits.layers, opened.exits.n_layers)
        rule = _decision(decision)
        refitted = [
            msgspec.structs.replace(
                found,
                exits=fit_exits(
                    stages[found.form],
                    labels,
                    depths,
                    temperature=found.temperature_after,
                    decision=rule,
                    target=agreement,
                ),
            )
            for found in refitted
        ]
    return CalibrationReport(
        n=len(examples),
        fingerprint=fingerprint(examples),
        seed=seed,
        n_folds=N_FOLDS,
        forms=tuple(refitted),
        decision=decision,
    )


def refit_temperature(
    form: str, logits: _Rows, labels: NDArray[np.int64], *, before: float, seed: int
) -> FormCalibration:
    """Fit on all rows of `logits` (n, 3), and measure in sample and cross-fitted. `before` is the old temperature."""
    after = fit_temperature(logits, labels)
    held_out = cross_fitted(logits, labels, seed=seed)
    at_before = apply_temperature(logits, before)
    return FormCalibration(
        form=form,
        temperature_before=before,
        temperature_after=after,
        before=_figures(at_before, labels),
        after=_figures(apply_temperature(logits, after), labels),
        cross_fitted=_figures(held_out, labels),
        ece_by_chance=ece_by_chance(held_out.max(axis=1), seed=seed),
        exits=None,
        bins_before=reliability_bins(at_before, labels),
        bins_after=reliability_bins(held_out, labels),
    )


def cross_fitted(logits: _Rows, labels: NDArray[np.int64], *, seed: int) -> _Rows:
    """(n, 3) probabilities: each fifth of the rows with the temperature that fits the other four."""
    probabilities = np.empty_like(logits)
    for fold in _folds(len(labels), seed):
        others = np.setdiff1d(np.arange(len(labels)), fold)
        probabilities[fold] = apply_temperature(logits[fold], fit_temperature(logits[others], labels[others]))
    return probabilities


def _folds(n: int, seed: int) -> list[NDArray[np.int64]]:
    return np.array_split(np.random.default_rng(seed).permutation(n), N_FOLDS)


def write_calibrated(directory: Path, report: CalibrationReport, *, output: Path | None) -> Manifest:
    """Give the model of `directory` what `report` fitted: in place, or in a copy if `output` is given.

    The version changes, because the answers do. In the manifest, the figures of `report` replace those that depended on
    what was fitted before. An existing `output` is replaced; the caller has to check whether it may be.
    """
    manifest = load_manifest(directory)
    temperatures = {f"temperature_{form.form}": form.temperature_after for form in report.forms}
    calibration = msgspec.structs.replace(manifest.calibration, **temperatures)
    decision = _decision(report.decision)
    same_labels = decision == manifest.decision
    metrics = _metrics(manifest.metrics, report, same_labels=same_labels)
    exits = _exits(manifest.exits, report, same_labels=same_labels)
    manifest = msgspec.structs.replace(manifest, metrics=metrics, decision=decision, exits=exits)
    if output is None:
        return set_calibration(directory, manifest, calibration)
    staging = output.with_name(output.name + ".partial")
    shutil.rmtree(staging, ignore_errors=True)
    shutil.copytree(directory, staging)
    updated = set_calibration(staging, manifest, calibration)
    shutil.rmtree(output, ignore_errors=True)
    staging.rename(output)
    return updated


def _decision(found: DecisionFit | None) -> Decision:
    return MOST_LIKELY if found is None else Decision(offsets=found.offsets)


def _exits(exits: Exits | None, report: CalibrationReport, *, same_labels: bool) -> Exits | None:
    """The exits as `report` found them. A form in which nothing may leave early is left out.

    So are forms that were not asked for if the labels change: what was shown of them need not hold any more.
    """
    if exits is None:
        return None
    asked = {form.form: form.exits for form in report.forms}
    kept = {form: fitted for form, fitted in exits.forms.items() if same_labels and form not in asked}
    found = {form: fitted for form, fitted in asked.items() if fitted is not None}
    return msgspec.structs.replace(exits, forms={**kept, **found})


def _metrics(metrics: dict[str, Any], report: CalibrationReport, *, same_labels: bool) -> dict[str, Any]:
    """The recorded figures, with those of the old temperatures replaced by those of the new.

    If the labels change, all other figures except those of cost have to be measured again.
    """
    kept = {name: value for name, value in metrics.items() if same_labels or name == "cost"}
    refitted = {form.form for form in report.forms}
    if isinstance(validation := kept.get("validation"), dict):
        kept["validation"] = {
            name: {key: value for key, value in part.items() if key not in _OF_TEMPERATURE}
            if name in refitted and isinstance(part, dict)
            else part
            for name, part in validation.items()
        }
    recorded: dict[str, Any] = msgspec.to_builtins(report)
    for form in recorded["forms"]:
        del form["bins_before"], form["bins_after"], form["exits"]
    kept["calibration"] = recorded
    return kept


def _figures(probabilities: _Rows, labels: NDArray[np.int64]) -> Figures:
    return Figures(
        ece=expected_calibration_error(probabilities, labels),
        brier=brier_score(probabilities, labels),
        nll=log_loss(probabilities, labels),
    )


def _stages(classifier: TextClassifier, form: str, texts: Sequence[str], progress: Progress) -> Stages:
    progress.begin(f"scoring {form}", len(texts))
    parts = []
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        stop = min(start + _TEXTS_AT_ONCE, len(texts))
        parts.append(classifier.stages(texts[start:stop]))
        progress.at(stop)
    return Stages.joined(parts)


def _whole_network(stages: Stages) -> _Rows:
    """(n, 3) logits of the whole network: of a text with several windows the mean, weighted by tokens."""
    wide = stages.outputs[-1].astype(np.float64)
    pairs = pairwise(stages.first.tolist())
    return np.array([combine_windows(wide[start:stop], stages.lengths[start:stop]) for start, stop in pairs])


def _load(directory: ModelDirectory, form: str, threads: int) -> TextClassifier:
    """Load a form as it is served: fp32 by torch, if there are weights for it."""
    if form == "fp32" and directory.safetensors:
        return load_model(directory.path, backend="torch", threads=threads)
    return load_model(directory.path, backend="openvino", form=form, threads=threads)
