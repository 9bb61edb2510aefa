"""Arguments and environment of the demo's processes, which share nothing with the user's cluster."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from consumers.demo.stream import Stream
from sentiment.settings import Settings

WORKERS = 2

_FOR_EVER_S = 1e9

_PREFIX = "SENTIMENT_"


def broker_arguments(folder: Path, address_file: Path) -> list[str]:
    """Start a broker on a free loopback port. It writes its address to a file when it is ready."""
    return ["broker", "--port=0", f"--port-file={address_file}", f"--data-dir={folder / 'broker'}"]


def ingest_arguments(stream: Stream, speed: float | None) -> list[str]:
    """Publish the stream, with its last event shifted to now."""
    return ["ingest", *stream.ingest_arguments(speed)]


def own_settings(settings: Settings, address: str) -> Settings:
    """The settings of the demo's processes.

    Model, detection and logging come from the user. Nothing else does: a demo must not touch the user's cluster, page
    anybody, or leave a key behind.
    """
    defaults = Settings.model_construct()
    threads = settings.model.threads or max(1, (os.cpu_count() or 1) // WORKERS)
    return defaults.model_copy(
        update={
            "kafka": defaults.kafka.model_copy(update={"bootstrap_servers": address}),
            "model": settings.model.model_copy(update={"threads": threads}),
            # Deliver every alert, however old the replayed events are.
            "alerts": settings.alerts.model_copy(update={"notify_max_age_s": _FOR_EVER_S}),
            "log": settings.log,
        }
    )


def environment(settings: Settings, inherited: Mapping[str, str]) -> dict[str, str]:
    """Environment variables that give a process exactly these settings, and a pseudonym key for this run only."""
    variables = {name: value for name, value in inherited.items() if not name.startswith(_PREFIX)}
    variables[f"{_PREFIX}KAFKA__BOOTSTRAP_SERVERS"] = settings.kafka.bootstrap_servers
    variables[f"{_PREFIX}PRIVACY__HASH_KEY"] = secrets.token_hex(32)
    for section in ("model", "alerts", "log"):
        values: dict[str, Any] = getattr(settings, section).model_dump(mode="json")
        for name, value in values.items():
            if value is not None:
                variables[f"{_PREFIX}{section}__{name}".upper()] = _as_text(value)
    return variables


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
