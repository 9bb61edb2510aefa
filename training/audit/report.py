"""What an audit found, and which limits are exceeded."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from sentiment.errors import ConfigurationError, InputError
from training.audit.behaviour import CapabilityResult
from training.audit.gaps import AttributeGaps


class AuditLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits of an audit.

    `max_gap` limits the mean absolute score gap of an attribute, in [0, 2]; `max_flip_rate` the share of its pairs with
    two labels; `max_failure_rate` the failure rate of each capability. Attributes and capabilities with fewer than
    `min_n` scenes or cases are reported but not judged. For dialects see ``AuditReport.violations``.
    """

    max_gap: float = 0.02
    max_flip_rate: float = 0.01
    max_failure_rate: float = 0.05
    min_n: int = 30


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """Counterfactual gaps by attribute and failure rates by capability, from `n_texts` distinct texts."""

    seed: int
    n_texts: int
    counterfactual: list[AttributeGaps]
    behaviour: list[CapabilityResult]

    def violations(self, limits: AuditLimits) -> list[str]:
        """One line for each limit that is exceeded. Without any the model passes.

        A text in a dialect differs from the standard in more than a word, so a single gap says little about the
        dialect. A dialect exceeds the limit if the whole interval of its mean offset is beyond ±`max_gap`, and its
        label flips are compared with `max_failure_rate`.
        """
        return [*self._gap_violations(limits), *self._behaviour_violations(limits)]

    def _gap_violations(self, limits: AuditLimits) -> Iterator[str]:
        for gaps in self.counterfactual:
            if gaps.n_scenes < limits.min_n:
                continue
            if not gaps.wording and gaps.mean_abs_gap > limits.max_gap:
                yield f"{gaps.attribute}: mean gap {gaps.mean_abs_gap:.4f} is above {limits.max_gap}"
            for offset in gaps.groups if gaps.wording else ():
                if offset.interval.low > limits.max_gap or offset.interval.high < -limits.max_gap:
                    off = f"{offset.group} is off by {offset.mean_offset:+.4f}"
                    yield f"{gaps.attribute}: {off}, significantly more than {limits.max_gap}"
            most_flips = limits.max_failure_rate if gaps.wording else limits.max_flip_rate
            if gaps.flip_rate > most_flips:
                yield f"{gaps.attribute}: {gaps.flip_rate:.2%} of the labels flip, above {most_flips:.2%}"

    def _behaviour_violations(self, limits: AuditLimits) -> Iterator[str]:
        for result in self.behaviour:
            if result.n >= limits.min_n and result.rate > limits.max_failure_rate:
                share = f"{result.failures} of {result.n} cases fail ({result.rate:.1%})"
                yield f"{result.capability}: {share}, above {limits.max_failure_rate:.1%}"


def read_limits(path: Path) -> AuditLimits:
    """Limits from a TOML or JSON file with some of the fields of ``AuditLimits``; the others keep their defaults.

    Raises ``InputError`` if the file cannot be read or has another ending, and ``ConfigurationError`` if its content
    is wrong.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    ending = path.suffix.lower()
    if ending not in {"", ".json", ".toml"}:
        raise InputError(f"{path} is not a name for limits", hint="it must end with .toml or .json")
    try:
        values = msgspec.json.decode(content) if ending == ".json" else tomllib.loads(content.decode())
        return msgspec.convert(values, AuditLimits)
    except (msgspec.DecodeError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        fields = ", ".join(AuditLimits.__struct_fields__)
        raise ConfigurationError(f"{path} is not a file of limits: {error}", hint=f"fields: {fields}") from None
