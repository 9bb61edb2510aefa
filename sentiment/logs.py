"""Structured logs on stderr. An event is a name with keys (ids, counts, reasons), never feedback text."""

from __future__ import annotations

import logging
import sys
from typing import Any, Literal

import structlog


def configure_logging(level: Literal["debug", "info", "warning", "error"], style: Literal["console", "json"]) -> None:
    """Send structlog and the standard library's loggers to stderr, one line per event.

    Other libraries log at `warning` and above (kafka-python at `error`) whatever `level` is, because their debug lines
    may hold records.
    """
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name_exceptions,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(threshold, logging.WARNING))
    for package in ("sentiment", "consumers", "training"):
        logging.getLogger(package).setLevel(threshold)
    # It warns of every slow turn of its own loop. What matters reaches our own errors and metrics.
    logging.getLogger("kafka").setLevel(logging.ERROR)


def _name_exceptions(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Log only the type of an exception: its message and its traceback may hold feedback text."""
    exc_info = event.pop("exc_info", None)
    if exc_info:
        error = exc_info if isinstance(exc_info, BaseException) else sys.exc_info()[1]
        if isinstance(exc_info, tuple):
            error = exc_info[1]
        event["error"] = type(error).__name__
    return event
