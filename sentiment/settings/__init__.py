"""Configuration: one frozen object, validated once at the edge.

Flags override the environment (`SENTIMENT_KAFKA__BOOTSTRAP_SERVERS`), which overrides the TOML file, which overrides
the defaults. Secrets come from the environment or from files (`*_file`) and are never printed. The description of a
setting is the text of its flag and of `deploy/sentiment.example.toml`.
"""

from __future__ import annotations

from sentiment.settings.alerting import AlertSettings, NotifySettings, WebhookFormat
from sentiment.settings.kafka import KafkaSettings, TopicSettings
from sentiment.settings.loading import Settings, load_settings
from sentiment.settings.observing import LogSettings, MetricsSettings
from sentiment.settings.privacy import PrivacySettings
from sentiment.settings.scoring import ModelSettings, WorkerSettings

__all__ = [
    "AlertSettings",
    "KafkaSettings",
    "LogSettings",
    "MetricsSettings",
    "ModelSettings",
    "NotifySettings",
    "PrivacySettings",
    "Settings",
    "TopicSettings",
    "WebhookFormat",
    "WorkerSettings",
    "load_settings",
]
