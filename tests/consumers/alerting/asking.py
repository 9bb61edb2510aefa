"""Giving results to alert workers, and asking the command line about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing

import pytest

from consumers.cluster.transaction import TransactionalProducer
from sentiment.cli.main import run
from sentiment.events import ScoredFeedback
from tests.consumers.results import outgoing
from tests.e2e.pipeline import Pipeline


def publish(here: Pipeline, results: Iterable[ScoredFeedback]) -> None:
    """Put results on their topic, in one transaction."""
    with closing(TransactionalProducer.open(here.settings, "results")) as producer:
        producer.commit(outgoing(results, here.settings.topics.sentiment))


def teller(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a command prints, which has to succeed."""

    def told(*arguments: str) -> str:
        assert run(list(arguments)) == 0
        return capsys.readouterr().out

    return told
