"""What a million events cost in money and energy, under stated assumptions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from sentiment.errors import ConfigurationError

_NotNegative = Annotated[float, Meta(ge=0.0, lt=1e6)]
_EVENTS = 1_000_000
_S_PER_HOUR = 3_600


class Assumptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Prices and power. The defaults are round figures of 2025 for rented virtual cores; replace them with your own.

    `watts_per_core` is for a busy virtual core, including its share of memory, power supply and cooling. `utilisation`
    in (0, 1] is the share of rented time in which there is something to score. The rest is paid for too.
    """

    currency: Annotated[str, Meta(min_length=1, max_length=8)] = "USD"
    price_per_core_hour: _NotNegative = 0.04
    watts_per_core: _NotNegative = 5.0
    price_per_gpu_hour: _NotNegative = 2.0
    watts_per_gpu: _NotNegative = 350.0
    utilisation: Annotated[float, Meta(gt=0.0, le=1.0)] = 0.5


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """The cost of a million events: rented hours of cores and of a GPU, money in the assumed currency, and energy."""

    core_hours_per_million: float
    gpu_hours_per_million: float
    price_per_million: float
    kwh_per_million: float


def cost_of(*, cpu_s_per_text: float, gpu_s_per_text: float, assumptions: Assumptions) -> Cost:
    """`cpu_s_per_text` is processor time of all cores together; `gpu_s_per_text` is 0 without a GPU.

    Processor time is charged, not wall time, so that a model does not pay for the cores that it leaves idle. Only
    scoring is included: no Kafka, no redaction.
    """
    per_million = _EVENTS / _S_PER_HOUR / assumptions.utilisation
    core_hours, gpu_hours = cpu_s_per_text * per_million, gpu_s_per_text * per_million
    price = core_hours * assumptions.price_per_core_hour + gpu_hours * assumptions.price_per_gpu_hour
    watt_hours = core_hours * assumptions.watts_per_core + gpu_hours * assumptions.watts_per_gpu
    return Cost(
        core_hours_per_million=core_hours,
        gpu_hours_per_million=gpu_hours,
        price_per_million=price,
        kwh_per_million=watt_hours / 1_000,
    )


def read_assumptions(path: Path | None, **overrides: float | str | None) -> Assumptions:
    """The assumptions of a TOML file, or the defaults, with the `overrides` that are not None.

    Raises:
        ConfigurationError: the file cannot be read, or a value is unknown or out of range.
    """
    values: dict[str, object] = {}
    if path is not None:
        try:
            values = msgspec.toml.decode(path.read_bytes(), type=dict[str, object])
        except OSError as error:
            raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{path} is not TOML: {error}") from error
    values |= {name: value for name, value in overrides.items() if value is not None}
    try:
        return msgspec.convert(values, Assumptions)
    except msgspec.ValidationError as error:
        known = ", ".join(Assumptions.__struct_fields__)
        raise ConfigurationError(f"assumptions: {error}", hint=f"known: {known}") from error
