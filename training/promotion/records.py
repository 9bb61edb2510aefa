"""What the gate demands, and what it found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from sentiment.events import ModelRef
from training.audit.report import AuditLimits

AuditMode = Literal["absolute", "relative", "off"]


class GateLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a candidate must keep.

    `margin` is the macro-F1 that it may surely lose against the current version, `min_macro_f1` what it must have in
    any case. `max_ece` is meant for rows without end: see ``quality.calibration_check``. With `audit` "relative" a
    broken limit is excused where the current version is as bad. `max_latency_ratio` is of the medians, candidate to
    current; `max_latency_ms` bounds the candidate's own. `max_placeholder_moves` is the share of placeholders that
    move a label. `min_agreement` and `max_form_difference` (in macro-F1) bound what quantising may change.
    """

    margin: float = 0.01
    min_macro_f1: float = 0.60
    max_ece: float = 0.03
    audit: AuditMode = "absolute"
    audit_limits: AuditLimits = AuditLimits()
    max_latency_ratio: float = 1.25
    max_latency_ms: float = 100.0
    max_placeholder_moves: float = 0.05
    min_agreement: float = 0.97
    max_form_difference: float = 0.005


@dataclass(frozen=True, slots=True)
class GateSettings:
    """How the gate runs: its limits, the seed of every draw, and inference threads (0: all cores)."""

    limits: GateLimits
    seed: int
    threads: int


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the verdict. `figures` are the numbers behind `measured`; `details` say what exactly failed."""

    name: str
    measured: str
    limit: str
    passed: bool
    figures: dict[str, Any] = {}
    details: tuple[str, ...] = ()


class GateVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate found on `n_rows` labelled rows; `current` is None for a first promotion."""

    candidate: ModelRef
    current: ModelRef | None
    passed: bool
    n_rows: int
    seed: int
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the checks that did not pass."""
        return tuple(check.name for check in self.checks if not check.passed)
