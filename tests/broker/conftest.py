"""A broker whose requests a test can look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.broker.senders import Traced
from tests.brokers import ApacheKafka, DevBroker


@pytest.fixture(scope="session")
def traced_dev_broker() -> Iterator[DevBroker]:
    """A development broker of its own, since it logs every request."""
    with DevBroker(options=["--log-level", "debug", "--log-format", "json"]) as broker:
        yield broker
        assert broker.died() is None, broker.died()


@pytest.fixture(params=["dev", "apache"])
def traced(request: pytest.FixtureRequest) -> Traced:
    """Either broker; Apache Kafka does not log its requests, so only its answers are tested."""
    if request.param == "dev":
        return Traced(request.getfixturevalue("traced_dev_broker"), logs_requests=True)
    kafka: ApacheKafka = request.getfixturevalue("apache_kafka")
    return Traced(kafka, logs_requests=False)
