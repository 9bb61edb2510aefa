"""Flags that commands share. A decorated command gets `settings`, merged and validated."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def _pairs(value: str | None) -> dict[str, str] | None:
    """`a=b,c=d` as a mapping; what the values may be is checked with the other settings."""
    if value is None:
        return None
    pairs = [pair.rpartition("=") for pair in value.split(",")]
    if not all(theirs and separator for theirs, separator, _ in pairs):
        raise click.BadParameter("takes THEIRS=OURS pairs, such as LABEL_0=negative,LABEL_1=neutral,LABEL_2=positive")
    return {theirs: ours for theirs, _, ours in pairs}


# flag group → (flag, section of the settings, field, click arguments)
_FLAGS: dict[str, list[tuple[str, str, str, dict[str, Any]]]] = {
    "kafka": [
        ("--bootstrap-servers", "kafka", "bootstrap_servers", {"metavar": "HOST:PORT,…", "help": "Kafka brokers."})
    ],
    "model": [
        (
            "--model",
            "model",
            "path",
            {"metavar": "DIR|ID", "help": "Model directory, registry or hub id; default: the shipped one."},
        ),
        (
            "--label-map",
            "model",
            "label_map",
            {
                "callback": lambda _context, _option, value: _pairs(value),
                "metavar": "THEIRS=OURS,…",
                "help": "Labels of a foreign model.",
            },
        ),
        ("--threads", "model", "threads", {"type": click.IntRange(0), "help": "Threads of inference; 0: all cores."}),
    ],
    "metrics": [
        ("--metrics-port", "metrics", "port", {"type": click.IntRange(0, 65_535), "help": "Port of /metrics; 0: off."}),
        ("--metrics-host", "metrics", "host", {"help": "Address of /metrics; 127.0.0.1 by default."}),
    ],
    "topics": [
        (
            "--partitions",
            "topics",
            "partitions",
            {"type": click.IntRange(1), "help": "Of topics made here; default 4."},
        ),
        (
            "--no-create-topics",
            "topics",
            "create",
            {"flag_value": False, "default": None, "help": "Never make topics."},
        ),
    ],
    "log": [
        (
            "--log-level",
            "log",
            "level",
            {"type": click.Choice(["debug", "info", "warning", "error"]), "help": "Of logs."},
        ),
        ("--log-format", "log", "format", {"type": click.Choice(["console", "json"]), "help": "Of logs."}),
    ],
}

# How models run, for commands that take several of them by flags of their own.
_FLAGS["inference"] = [flag for flag in _FLAGS["model"] if flag[0] != "--model"]


def common_options(*groups: str) -> Callable[[Command], Command]:
    """Add `--config`, the logging flags and those of `groups`; call the command with `settings=`.

    Groups: `kafka`, `model`, `inference`, `metrics`, `topics`, and `group:SECTION` for `--group-id` of that section.
    Logging is configured before the command runs.
    """
    flags = [flag for group in (*groups, "log") for flag in _flags_of(group)]

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_settings(*args: Any, config: Path | None, **kwargs: Any) -> Any:
            from sentiment.logs import configure_logging
            from sentiment.settings import load_settings

            overrides: dict[str, dict[str, Any]] = {}
            for name, section, field, _ in flags:
                overrides.setdefault(section, {})[field] = kwargs.pop(_parameter(name))
            settings = load_settings(config, overrides)
            configure_logging(settings.log.level, settings.log.format)
            return command(*args, settings=settings, **kwargs)

        wrapped: Any = with_settings
        for name, _, _, arguments in reversed(flags):
            wrapped = click.option(name, _parameter(name), **arguments)(wrapped)
        file = click.Path(dir_okay=False, path_type=Path)
        help_text = "TOML; SENTIMENT_* in the environment and flags override it."
        return click.option("--config", type=file, metavar="FILE", help=help_text)(wrapped)  # type: ignore[no-any-return]

    return decorate


def _flags_of(group: str) -> list[tuple[str, str, str, dict[str, Any]]]:
    if group.startswith("group:"):
        return [("--group-id", group.removeprefix("group:"), "group_id", {"help": "Consumer group."})]
    return _FLAGS[group]


def _parameter(flag: str) -> str:
    return "flag_" + flag.lstrip("-").replace("-", "_")
