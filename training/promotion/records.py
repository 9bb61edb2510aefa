"""What the gate requires, and what it found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from sentiment.events import ModelRef
from training.audit.report import AuditLimits

AuditMode = Literal["absolute", "relative", "off"]


class GateLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of the gate.

    `margin` is how much macro-F1 the candidate may lose against the current version; `min_macro_f1` is what it needs in
    any case. `max_ece` holds for infinitely many rows: see ``quality.calibration_check``. With `audit` "relative", an
    exceeded limit is excused if the current version is as bad. `max_latency_ratio` is candidate to current, of the
    medians; `max_latency_ms` limits the candidate's median. `max_placeholder_moves` is the share of placeholders that
    change a label. `min_agreement` and `max_form_difference` (in macro-F1) limit what quantisation may change.
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

    def own(self) -> tuple[str, ...]:
        """The limits that are not the usual ones, as they are given: "--audit off", "--max-ece 1"."""
        return tuple(_differences(self, type(self)()))


@dataclass(frozen=True, slots=True)
class GateSettings:
    """How the gate runs: its limits, the seed of every draw, and inference threads (0: all cores)."""

    limits: GateLimits
    seed: int
    threads: int


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One check of the verdict. `figures` are the numbers behind `measured`; `details` say what exactly failed."""

    name: str
    measured: str
    limit: str
    passed: bool
    figures: dict[str, Any] = {}
    details: tuple[str, ...] = ()


class GateVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate found on `n_rows` labelled rows. `current` is None for a first promotion.

    `own_limits` are those of its limits that somebody changed.
    """

    candidate: ModelRef
    current: ModelRef | None
    passed: bool
    n_rows: int
    seed: int
    checks: tuple[Check, ...]
    own_limits: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the checks that did not pass."""
        return tuple(check.name for check in self.checks if not check.passed)


def _differences(limits: msgspec.Struct, usual: msgspec.Struct) -> Iterator[str]:
    for name in limits.__struct_fields__:
        value, expected = getattr(limits, name), getattr(usual, name)
        flag = "--" + name.replace("_", "-")
        if isinstance(value, msgspec.Struct):
            yield from (f"{flag} {each.removeprefix('--')}" for each in _differences(value, expected))
        elif value != expected:
            yield f"{flag} {value}" if isinstance(value, str) else f"{flag} {value:g}"
