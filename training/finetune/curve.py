"""How a training went, for its manifest and for its lines of progress: the curve, the best step, the time it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_EVALUATED = "eval_"
_CURVE = ("macro_f1", "source_macro_f1", "accuracy", "loss")

History = Sequence[Mapping[str, Any]]
"""The log of transformers' trainer: entries of training steps and of evaluations."""


def evaluations_of(history: History) -> list[dict[str, Any]]:
    """Step, metrics and loss of every evaluation, in order."""
    return [
        {"step": entry["step"], **{name: entry[_EVALUATED + name] for name in _CURVE if _EVALUATED + name in entry}}
        for entry in history
        if f"{_EVALUATED}loss" in entry
    ]


def best_of(evaluations: Sequence[Mapping[str, Any]], metric: str) -> int:
    """The index of the best evaluation: the first of equals, whose weights are kept."""
    return max(range(len(evaluations)), key=lambda index: evaluations[index][metric])


def run_record(history: History, *, metric: str, steps: int, planned: int) -> dict[str, Any]:
    """What a manifest keeps of a run: how far it went, its best step by `metric`, and both curves."""
    evaluations = evaluations_of(history)
    return {
        "steps": steps,
        "planned_steps": planned,
        "selected_by": metric,
        "best_step": evaluations[best_of(evaluations, metric)]["step"],
        "evaluations": evaluations,
        "training": [
            {name: entry[name] for name in ("step", "loss", "learning_rate")} for entry in history if "loss" in entry
        ],
    }
