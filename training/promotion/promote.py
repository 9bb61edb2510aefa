"""From a candidate directory to the version that serves, or to a recorded refusal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from sentiment.model.registry import Registry, is_registry
from sentiment.progress import Progress
from training.data.examples import Example
from training.promotion.gate import judge
from training.promotion.records import GateSettings, GateVerdict


@dataclass(frozen=True, slots=True)
class PromotionOutcome:
    """What was done. `version` is the candidate's id; `serving` is the id of what serves now, None if nothing does."""

    action: Literal["promoted", "forced", "rejected"]
    version: str
    serving: str | None
    verdict: GateVerdict


def promote(
    registry: Registry,
    candidate: Path,
    examples: Sequence[Example],
    gate: GateSettings,
    *,
    force: bool,
    clock: Callable[[], datetime],
    progress: Progress,
) -> PromotionOutcome:
    """Run the gate on a verified copy of `candidate`, and switch to it if it passes, or anyway with `force`.

    `candidate` is a model directory, or another registry whose promoted version is taken.

    Raises:
        ModelError: the candidate or the current version is damaged or cannot be loaded.
        CheckFailed: another version was promoted while the gate ran.
    """
    if is_registry(candidate):
        candidate = Registry(candidate).promoted().path
    with registry.staged(candidate, at=clock()) as staged:
        current = registry.current()
        verdict = judge(staged, current, examples, gate, progress)
        figures = msgspec.to_builtins(verdict)
        if not (verdict.passed or force):
            registry.reject(staged, at=clock(), verdict=figures)
            return PromotionOutcome("rejected", staged.id, None if current is None else current.id, verdict)
        action: Literal["promoted", "forced"] = "promoted" if verdict.passed else "forced"
        version = registry.switch_to(staged, instead_of=current, at=clock(), action=action, verdict=figures)
        return PromotionOutcome(action, version.id, version.id, verdict)
