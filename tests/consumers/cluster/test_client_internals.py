"""What is used of the client beyond what it documents stands in one file, and is looked at before it is used."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer
from kafka.coordinator.base import BaseCoordinator

import consumers
from consumers.cluster import client_internals
from consumers.cluster.client_internals import Fetcher, check_client
from consumers.cluster.clients import make_admin, make_consumer, make_producer
from sentiment.errors import FatalError
from sentiment.settings import load_settings
from tests.brokers import DevBroker

ROOT = Path(consumers.__file__).parent
DOCUMENTED = {"kafka", "kafka.admin", "kafka.errors", "kafka.structs"}
CLIENTS = {"consumer", "_consumer", "producer", "_producer", "admin", "_admin", "fetcher", "coordinator", "batch"}


def files() -> Iterator[Path]:
    """Every file of the pipeline but the one; the development broker stands apart."""
    for path in sorted(ROOT.rglob("*.py")):
        if path.parts[len(ROOT.parts)] != "broker" and path.name != "client_internals.py":
            yield path


@pytest.mark.parametrize("path", list(files()), ids=lambda path: str(path.relative_to(ROOT)))
def test_other_files_use_only_what_is_documented(path: Path) -> None:
    """They import no internal module of the client, and touch no private attribute of what it makes."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "kafka":
            assert node.module in DOCUMENTED, f"line {node.lineno}"
        if isinstance(node, ast.Import):
            assert all(each.name.split(".")[0] != "kafka" for each in node.names), f"line {node.lineno}"
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            owner = node.value
            name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            assert name not in CLIENTS, f"line {node.lineno}"


def parts() -> Iterator[tuple[Any, str]]:
    """Every part that is looked at."""
    for owner, names in client_internals.USED:
        for name in names:
            yield owner, name


@pytest.mark.parametrize(("owner", "name"), list(parts()), ids=lambda value: getattr(value, "__name__", value))
def test_a_client_without_a_part_is_refused(owner: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the part and the client's version. No client is made."""
    check_client()
    if name in vars(owner):
        monkeypatch.delattr(owner, name)
    else:  # inherited
        (base,) = [base for base in owner.__mro__ if name in vars(base)]
        monkeypatch.delattr(base, name)
    for make in (make_producer, make_admin, lambda settings: make_consumer(settings, group_id=None)):
        with pytest.raises(FatalError, match=rf"kafka-python \d+\.\d+.* has no .*{name}"):
            make(load_settings(None, {}))


@pytest.mark.parametrize("path", client_internals.USED_OF_CONSUMERS)
def test_a_consumer_without_a_part_is_refused(path: str, dev_broker: DevBroker) -> None:
    """Of what only an object shows, too."""

    class Partial:
        """A consumer with the first parts of `path` but the last."""

    consumer = part = Partial()
    for name in path.split(".")[:-1]:
        setattr(part, name, Partial())
        part = getattr(part, name)
    with pytest.raises(FatalError, match=r"kafka-python \d.* has no KafkaConsumer\._fetcher"):
        check_client(consumer)


def test_the_parts_are_those_of_this_release() -> None:
    """The classes are the client's own, so that a change of a name shows."""
    assert Fetcher.__module__ == "kafka.consumer.fetcher"
    assert BaseCoordinator.__module__ == "kafka.coordinator.base"
    assert KafkaConsumer.__module__.startswith("kafka.")
