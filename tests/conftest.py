"""Brokers for tests: one process of each kind for the whole run. Tests share them, so each uses topics of its own."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings

from sentiment.logs import configure_logging
from sentiment.telemetry import switch_off
from tests.brokers import ApacheKafka, Broker, DevBroker

switch_off()  # tests import libraries themselves, some before anything of ours

# A busy machine is not a wrong answer: neither examples nor their making are timed.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def dev_broker() -> Iterator[DevBroker]:
    """The development broker, running."""
    with DevBroker() as broker:
        yield broker
        assert broker.died() is None, broker.died()


@pytest.fixture(scope="session")
def apache_kafka() -> Iterator[ApacheKafka]:
    """Apache Kafka, running; the test is skipped, with the reason, where it cannot."""
    reason = ApacheKafka.missing()
    if reason is not None:
        pytest.skip(reason)
    with ApacheKafka() as broker:
        yield broker
        assert broker.died() is None, broker.died()


@pytest.fixture(params=["dev", "apache"])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Either broker: a test that takes it runs once against each."""
    running: Broker = request.getfixturevalue("dev_broker" if request.param == "dev" else "apache_kafka")
    return running


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """What a test does to logging is undone."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def logged(restored_logging: None) -> Callable[[], list[dict[str, Any]]]:
    """Log as the program does; the function returns the lines so far, as objects."""
    configure_logging("info", "json")
    written = io.StringIO()
    (handler,) = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    return lambda: [json.loads(line) for line in written.getvalue().splitlines()]
