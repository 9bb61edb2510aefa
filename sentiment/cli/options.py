"""Flags that override settings, in groups. A command decorated with them gets `settings`, merged and validated."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from sentiment.cli.flags import FILE, Command
from sentiment.cli.setting_option import SettingFlag

if TYPE_CHECKING:
    from sentiment.settings import PrivacySettings, Settings


_PARTITIONS = SettingFlag("--partitions", "topics.partitions", "N")
_MODEL = SettingFlag("--model", "model.path", "DIR|ID")
_LABEL_MAP = SettingFlag("--label-map", "model.label_map", "THEIRS=OURS,…")
_THREADS = SettingFlag("--threads", "model.threads", "N")
_EXITS = SettingFlag("--exits/--no-exits", "model.exits")

_GROUPS: dict[str, tuple[SettingFlag, ...]] = {
    "kafka": (SettingFlag("--bootstrap-servers", "kafka.bootstrap_servers", "HOST:PORT,…"),),
    "outage": (
        SettingFlag("--wait-for-kafka", "kafka.wait_at_start_s", "SECONDS"),
        SettingFlag("--exit-after", "kafka.exit_after_s", "SECONDS"),
    ),
    "topics": (_PARTITIONS, SettingFlag("--create-topics/--no-create-topics", "topics.create")),
    "partitions": (_PARTITIONS,),
    "feedback": (SettingFlag("--topic", "topics.feedback", "NAME"),),
    "model": (_MODEL, _LABEL_MAP, _THREADS, _EXITS),
    "model-path": (_MODEL,),
    "label-map": (_LABEL_MAP,),
    "threads": (_THREADS,),
    "backend": (SettingFlag("--backend", "model.backend"),),
    "worker": (
        SettingFlag("--group-id", "worker.group_id", "NAME"),
        SettingFlag("--instance-id", "worker.instance_id", "ID"),
        SettingFlag("--kind", "worker.kind"),
        SettingFlag("--dead-letter-payload", "worker.dead_letter_payload"),
    ),
    "alerts": (SettingFlag("--group-id", "alerts.group_id", "NAME"),),
    "notify": (SettingFlag("--group-id", "notify.group_id", "NAME"),),
    "metrics": (
        SettingFlag("--metrics-port", "metrics.port", "PORT"),
        SettingFlag("--metrics-host", "metrics.host", "HOST"),
    ),
    "log": (SettingFlag("--log-level", "log.level"), SettingFlag("--log-format", "log.format")),
}


def common_options(*groups: str) -> Callable[[Command], Command]:
    """Add `--config`, the flags of `groups` and those of logs. Logging is configured before the command runs."""
    flags = [flag for group in (*groups, "log") for flag in _GROUPS[group]]

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_settings(*args: Any, config: Path | None, **kwargs: Any) -> Any:
            from sentiment.logs import configure_logging
            from sentiment.settings import load_settings

            values = {flag: kwargs.pop(flag.parameter) for flag in flags}
            settings = load_settings(config, _typed(values))
            configure_logging(settings.log.level, settings.log.format)
            _warn_of_exposed_secrets(settings, config)
            _search_names(settings.privacy)
            return command(*args, settings=settings, **kwargs)

        wrapped: Any = with_settings
        for flag in reversed(flags):
            wrapped = flag.option()(wrapped)
        help_text = "TOML file of settings; flags and SENTIMENT_* variables override it."
        return click.option("--config", type=FILE, metavar="FILE", help=help_text)(wrapped)  # type: ignore[no-any-return]

    return decorate


def _search_names(privacy: PrivacySettings) -> None:
    from sentiment.privacy import search_names

    if privacy.names == "off":
        search_names(None)
        return
    from sentiment.spacy_names import SpacyNames

    search_names(SpacyNames(privacy.names_pipeline))


def _warn_of_exposed_secrets(settings: Settings, config: Path | None) -> None:
    from sentiment.settings.exposure import exposed_secrets, warn_of

    warn_of(exposed_secrets(settings, config))


def _typed(values: dict[SettingFlag, Any]) -> dict[str, dict[str, Any]]:
    """Return the settings that were typed, by section: a default must not override a file."""
    context = click.get_current_context()
    overrides: dict[str, dict[str, Any]] = {}
    for flag, value in values.items():
        if context.get_parameter_source(flag.parameter) is ParameterSource.COMMANDLINE:
            overrides.setdefault(flag.section, {})[flag.field] = value
    return overrides
