"""A page that runs, on topics of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from sentiment.events import Alert, ScoredFeedback, encode
from tests.brokers import DevBroker
from tests.consumers.kafka_io import produce
from tests.own_topics import own_topics
from tests.processes import run, sentiment, start
from tests.waiting import wait_until


def created_topics(broker: DevBroker) -> dict[str, str]:
    """See `own_topics`; these are created."""
    variables = own_topics(broker.bootstrap)
    created = run(sentiment("topics", "create"), variables)
    assert created.returncode == 0, created.stderr
    return variables


def publish(broker: DevBroker, variables: Mapping[str, str], records: Iterable[ScoredFeedback | Alert]) -> None:
    """Put results and alerts on their topics."""
    for record in records:
        topic = "SENTIMENT" if isinstance(record, ScoredFeedback) else "ALERTS"
        produce(broker.bootstrap, variables[f"SENTIMENT_TOPICS__{topic}"], [(b"app", encode(record))])


@contextmanager
def page_of(variables: Mapping[str, str], port: int) -> Iterator[tuple[subprocess.Popen[Any], str]]:
    """The command and the address of its page, once it answers."""
    process = start(sentiment("dashboard", "--port", str(port)), variables)
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, "the page has ended"
        try:
            return httpx.get(address).is_success
        except httpx.TransportError:
            return False

    try:
        wait_until(answers, "the page")
        yield process, address
    finally:
        process.kill()
        process.wait()
