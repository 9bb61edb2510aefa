"""Spike detection, and delivery of alerts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, SecretStr, field_validator

from sentiment.settings.section import Section, read_secret
from sentiment.spikes.parts import Kinds, parse_kinds

if TYPE_CHECKING:
    from sentiment.settings.channels import AnyChannel
    from sentiment.spikes.segment import SpikeConfig
    from sentiment.spikes.silences import Rule


WebhookFormat = Literal["auto", "alert", "slack"]


class AlertSettings(Section):
    """Spike detection."""

    group_id: str = Field("sentiment-alerts", description="Consumer group of the alert workers.")
    lateness_s: float = Field(
        60.0,
        ge=0,
        le=86_400,
        description="How long to wait for late results. Higher loses fewer of them, but alerts come later.",
    )
    future_s: float = Field(
        60.0, ge=0, le=86_400, description="Reject events dated more than this after they were scored."
    )
    idle_s: float = Field(
        5.0,
        gt=0,
        le=3_600,
        description="Seconds of silence after which a fully scored partition stops holding back the clock.",
    )
    patience_s: float = Field(
        300.0,
        gt=0,
        le=86_400,
        description="Seconds of silence after which a lagging partition stops holding back the clock. Higher loses "
        "fewer late results.",
    )
    expected_share: float = Field(
        0.2, gt=0, lt=1, description="Expected share of negative results in a segment without history."
    )
    learn_n: int = Field(
        40, ge=10, le=100_000, description="Results to learn from before a new segment can raise an alert."
    )
    min_n: int = Field(8, ge=1, le=100_000, description="Results that an alert needs at least.")
    correlation: float = Field(
        0.01,
        ge=0,
        le=0.3,
        description="Correlation of results within five minutes in a segment without history.",
    )
    false_alarms_per_week: float = Field(
        1.0,
        gt=0,
        le=100,
        description="Accepted false alarms per week and product, all its parts included. Lower detects later.",
    )
    notify_max_age_s: float = Field(86_400.0, gt=0, description="Alerts older than this are recorded but not sent.")
    include_unsupported_language: bool = Field(False, description="Count results in unsupported languages too.")
    segments: list[str] = Field(
        [],
        max_length=8,
        description="Parts of each product to watch as well: source, language or keys of the metadata, joined by + "
        "for combinations.",
        examples=[["version", "source+country"]],
    )
    max_parts: int = Field(
        50, ge=1, le=1_000, description="Parts of a product that are watched at most. More share one budget."
    )
    maintenance_file: Path | None = Field(
        None,
        description="TOML file of maintenance windows, in which alerts are recorded but not sent. Read at the start.",
        examples=["/etc/sentiment/maintenance.toml"],
    )

    @field_validator("segments")
    @classmethod
    def _combinations(cls, segments: list[str]) -> list[str]:
        parse_kinds(segments)
        return segments

    def kinds(self) -> Kinds:
        """Return the kinds of parts to watch."""
        return parse_kinds(self.segments)

    def maintenance(self) -> list[Rule]:
        """Return the maintenance windows. Raises ConfigurationError if their file cannot be read."""
        from sentiment.settings.maintenance import load_maintenance

        return [] if self.maintenance_file is None else load_maintenance(self.maintenance_file)

    def spike_config(self) -> SpikeConfig:
        """Return the detector that these settings describe."""
        from sentiment.spikes.baseline import BaselineConfig
        from sentiment.spikes.detector import DetectorConfig
        from sentiment.spikes.dispersion import DispersionPrior
        from sentiment.spikes.season import SeasonPrior
        from sentiment.spikes.segment import SpikeConfig

        return SpikeConfig(
            baseline=BaselineConfig(
                season=SeasonPrior(share=self.expected_share),
                dispersion=DispersionPrior(correlation=self.correlation),
                learn_n=self.learn_n,
            ),
            detector=DetectorConfig(false_alarms_per_week=self.false_alarms_per_week, min_n=self.min_n),
            lateness_ms=round(self.lateness_s * 1000),
            future_ms=round(self.future_s * 1000),
            max_parts=self.max_parts,
        )


class NotifySettings(Section):
    """Delivery of alerts."""

    group_id: str = Field("sentiment-notify", description="Consumer group of the notifiers.")
    console: bool = Field(True, description="Write alerts to stdout.")
    webhook_url: str | None = Field(
        None, description="Address to which alerts are posted.", examples=["https://hooks.example.org/sentiment"]
    )
    webhook_format: WebhookFormat = Field(
        "auto",
        description="What is posted: alert (JSON, see `sentiment schema alert`), slack (a message), or auto, which "
        "goes by the address.",
    )
    webhook_secret: SecretStr | None = Field(None, description="Key that signs posted alerts.", examples=["…"])
    webhook_secret_file: Path | None = Field(
        None, description="File that holds the key that signs posted alerts.", examples=["/run/secrets/webhook-key"]
    )
    channels_file: Path | None = Field(
        None,
        description="TOML file of further channels: chats, pagers, Alertmanager, e-mail.",
        examples=["/etc/sentiment/channels.toml"],
    )
    timeout_s: float = Field(5.0, gt=0, le=60, description="Timeout of a delivery.")
    max_attempts: int = Field(
        5, ge=1, le=20, description="Failures in a row after which a channel's circuit breaker opens."
    )
    open_s: float = Field(30.0, ge=1, le=3_600, description="Seconds between attempts while a circuit breaker is open.")
    give_up_s: float = Field(3_600.0, gt=0, description="Park an alert that has failed for this long.")

    def channels(self) -> dict[str, AnyChannel]:
        """Return the channels of the file. Raises ConfigurationError if it cannot be read."""
        from sentiment.settings.channels import load_channels

        return {} if self.channels_file is None else load_channels(self.channels_file)

    def secret(self) -> str | None:
        """Return the key of webhook signatures."""
        return read_secret(self.webhook_secret, self.webhook_secret_file, "notify.webhook_secret_file")
