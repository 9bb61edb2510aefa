"""The audit as a check of the gate: with absolute limits, or excusing what is no worse in the current version."""

from __future__ import annotations

import msgspec

from training.audit.gaps import AttributeGaps
from training.audit.report import AuditReport
from training.promotion.records import Check, GateLimits

_GAP_SLACK = 0.005
"""In units of the score: as much as another seed of the same training changes."""

_RATE_SLACK = 0.01


def audit_check(new: AuditReport, old: AuditReport | None, limits: GateLimits) -> Check:
    """Every limit that the candidate exceeds. In relative mode, figures no worse than `old`'s (with a small slack) are
    excused.
    """
    bounds = limits.audit_limits
    broken = new.violations(bounds)
    reference = old if limits.audit == "relative" else None
    remaining = broken if reference is None else _forgiven(new, reference).violations(bounds)
    excused = len(broken) - len(remaining)
    return Check(
        name="audit",
        measured=f"{len(broken)} limits exceeded" + (f", {excused} of them no worse than current" if excused else ""),
        limit=f"gap {bounds.max_gap:g}, flips {bounds.max_flip_rate:.0%}, failures {bounds.max_failure_rate:.0%}"
        + ("" if reference is None else ", or current's"),
        passed=not remaining,
        figures={
            "mean_abs_gap": {gaps.attribute: gaps.mean_abs_gap for gaps in new.counterfactual},
            "flip_rate": {gaps.attribute: gaps.flip_rate for gaps in new.counterfactual},
            "failure_rate": {result.capability: result.rate for result in new.behaviour},
        },
        details=tuple(remaining),
    )


def _forgiven(new: AuditReport, old: AuditReport) -> AuditReport:
    """`new` with every figure set to zero that is no worse than in `old`."""
    gaps = {known.attribute: known for known in old.counterfactual}
    rates = {known.capability: known.rate for known in old.behaviour}
    return msgspec.structs.replace(
        new,
        counterfactual=[
            _forgiven_gaps(one, gaps[one.attribute]) if one.attribute in gaps else one for one in new.counterfactual
        ],
        behaviour=[
            msgspec.structs.replace(one, rate=0.0, failures=0)
            if one.capability in rates and one.rate <= rates[one.capability] + _RATE_SLACK
            else one
            for one in new.behaviour
        ],
    )


def _forgiven_gaps(new: AttributeGaps, old: AttributeGaps) -> AttributeGaps:
    offsets = {group.group: abs(group.mean_offset) for group in old.groups}
    return msgspec.structs.replace(
        new,
        mean_abs_gap=0.0 if new.mean_abs_gap <= old.mean_abs_gap + _GAP_SLACK else new.mean_abs_gap,
        flip_rate=0.0 if new.flip_rate <= old.flip_rate + _RATE_SLACK else new.flip_rate,
        groups=[group for group in new.groups if abs(group.mean_offset) > offsets.get(group.group, 0.0) + _GAP_SLACK],
    )
