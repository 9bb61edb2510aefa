"""What logs show, and what they must not."""

from __future__ import annotations

import json
import logging
from typing import Literal

import pytest
import structlog

from sentiment.logs import configure_logging

pytestmark = pytest.mark.usefixtures("restored_logging")


@pytest.mark.parametrize("style", ["console", "json"])
@pytest.mark.parametrize("logger", ["sentiment.test", "kafka.client"])
def test_exceptions_are_named_without_their_message(
    style: Literal["console", "json"], logger: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the message of an exception nor the variables around it are printed, in our logs or a library's."""
    configure_logging("debug", style)
    text = "canary-in-a-local-variable"
    try:
        raise ValueError(f"canary-in-a-message {len(text)}")
    except ValueError:
        if logger.startswith("sentiment"):
            structlog.get_logger(logger).exception("step_failed", step=3)
        else:
            logging.getLogger(logger).exception("step_failed")
    shown = capsys.readouterr().err
    assert "step_failed" in shown
    assert "ValueError" in shown
    assert "canary" not in shown


def test_json_lines_are_objects_with_level_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON object a line; lines below the level are left out, and libraries' below warning always."""
    configure_logging("info", "json")
    structlog.get_logger("consumers.test").info("seen", n=2)
    structlog.get_logger("consumers.test").debug("unseen")
    logging.getLogger("kafka").info("unseen")
    [line] = capsys.readouterr().err.splitlines()
    event = json.loads(line)
    assert (event["event"], event["n"], event["level"]) == ("seen", 2, "info")
    assert event["timestamp"].endswith("Z")
