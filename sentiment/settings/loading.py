"""All settings in one object, and where their values come from."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from sentiment.errors import ConfigurationError
from sentiment.settings.alerting import AlertSettings, NotifySettings
from sentiment.settings.kafka import KafkaSettings, TopicSettings
from sentiment.settings.observing import LogSettings, MetricsSettings
from sentiment.settings.privacy import PrivacySettings
from sentiment.settings.scoring import ModelSettings, WorkerSettings
from sentiment.settings.variables import refuse_unknown


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="SENTIMENT_", env_nested_delimiter="__", hide_input_in_errors=True
    )

    kafka: KafkaSettings = KafkaSettings()
    topics: TopicSettings = TopicSettings()
    model: ModelSettings = ModelSettings()
    worker: WorkerSettings = WorkerSettings()
    privacy: PrivacySettings = PrivacySettings()
    alerts: AlertSettings = AlertSettings()
    notify: NotifySettings = NotifySettings()
    metrics: MetricsSettings = MetricsSettings()
    log: LogSettings = LogSettings()


def load_settings(
    config_file: Path | None = None, overrides: Mapping[str, Mapping[str, Any]] | None = None
) -> Settings:
    """Return the settings of this process. `overrides` are flags: section → field → value; None means not given.

    Raises:
        ConfigurationError: names each faulty setting, or variable that is no setting, and never a value.
    """
    flags = {
        section: {field: value for field, value in values.items() if value is not None}
        for section, values in (overrides or {}).items()
    }
    table = {} if config_file is None else _read_toml(config_file)

    class Loaded(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, table)

    refuse_unknown(os.environ, Settings.model_fields)
    try:
        return Loaded(**flags)  # type: ignore[arg-type]
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        where = f" (in {config_file}, the environment or flags)" if config_file else " (in the environment or flags)"
        raise ConfigurationError(f"{faults}{where}", hint="deploy/sentiment.example.toml shows every setting") from None
    except SettingsError as error:
        raise ConfigurationError(f"the environment: {error}") from None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"cannot read the configuration {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        where = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "not UTF-8"
        raise ConfigurationError(f"{path} is not TOML: {where}") from None
