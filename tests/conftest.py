"""Brokers for tests: one process of each kind for the whole run. Tests share them, so each uses topics of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

from tests.brokers import ApacheKafka, BrokerProcess, DevBroker

# A busy machine is not a wrong answer: no example is timed.
settings.register_profile("untimed", deadline=None)
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
def broker(request: pytest.FixtureRequest) -> BrokerProcess:
    """Either broker: a test that takes it runs once against each."""
    running: BrokerProcess = request.getfixturevalue("dev_broker" if request.param == "dev" else "apache_kafka")
    return running


@pytest.fixture
def fresh_loggers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loggers that nobody has used: one in use keeps the configuration it met first, perhaps another test's."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in {"sentiment", "consumers"} and hasattr(module, "_log"):
            monkeypatch.setattr(module, "_log", structlog.get_logger(name))
