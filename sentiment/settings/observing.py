"""What a process tells about itself: metrics, health and logs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sentiment.settings.section import Section


class MetricsSettings(Section):
    """The endpoint of metrics and health."""

    port: int = Field(0, ge=0, le=65_535, description="Port of the metrics and health endpoint; 0 turns it off.")
    host: str = Field(
        "127.0.0.1", description="Address of the metrics and health endpoint, which has no authentication."
    )


class LogSettings(Section):
    """Logs, on stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Log level.")
    format: Literal["console", "json"] = Field("console", description="Log format.")
