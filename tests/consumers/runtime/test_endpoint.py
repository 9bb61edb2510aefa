"""Metrics and health over HTTP, and the watchdog behind them."""

from __future__ import annotations

import socket
import threading

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from consumers.runtime.endpoint import PortUnavailableError, serve, serve_on
from consumers.runtime.health import Health
from consumers.runtime.metrics import TABLE, Metrics
from consumers.runtime.watchdog import Watchdog
from sentiment.settings import MetricsSettings
from tests.fakes import ManualClock
from tests.waiting import WITHIN_S


def health_at(clock: ManualClock) -> Health:
    return Health(clock, stuck_after_s=60.0)


def get(port: int, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{port}/{path}", timeout=WITHIN_S)


def test_probes_tell_starting_ready_and_stuck_apart() -> None:
    """`/healthz` fails if the loop or the handler is stuck. `/readyz` also fails before the group is joined."""
    clock = ManualClock()
    health = health_at(clock)
    with serve_on("127.0.0.1", 0, Metrics(), health) as port:

        def answers() -> list[int]:
            return [get(port, path).status_code for path in ("healthz", "readyz")]

        assert answers() == [200, 503]
        health.enter("ready")
        assert answers() == [200, 200]
        clock.advance(61)
        assert answers() == [503, 503]
        health.beat()
        assert answers() == [200, 200]
        health.watch_handler(lambda: 61.0)
        assert answers() == [503, 503]
        assert get(port, "secrets").status_code == 404


def test_every_metric_of_the_table_is_served_in_prometheus_format() -> None:
    """The output parses, and has every metric of the table with its kind and meaning."""
    with serve_on("127.0.0.1", 0, Metrics(), health_at(ManualClock())) as port:
        text = get(port, "metrics").text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    for row in TABLE:
        family = families[row.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (row.kind, row.meaning)


def test_the_table_states_a_unit_a_meaning_and_reasons_for_buckets() -> None:
    """Every row has its texts, counters end in _total, and names are unique."""
    assert len({row.name for row in TABLE}) == len(TABLE)
    for row in TABLE:
        assert row.unit
        assert row.meaning.endswith(".")
        assert row.name.startswith("sentiment_")
        assert row.name.endswith("_total") == (row.kind == "counter")
        assert bool(row.buckets) == bool(row.buckets_why) == (row.kind == "histogram")


def test_a_port_in_use_is_said_clearly() -> None:
    """The message names the address and the flag. The exit code is 1."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = MetricsSettings(port=taken.getsockname()[1])
        with (
            pytest.raises(PortUnavailableError, match=r"cannot serve metrics on 127.0.0.1:\d+") as raised,
            serve(settings, Metrics(), health_at(ManualClock())),
        ):
            pass
    assert raised.value.exit_code == 1
    assert "--metrics-port" in str(raised.value.hint)


def test_port_zero_is_off() -> None:
    """By default nothing listens, so that two workers can run side by side."""
    with serve(MetricsSettings(), Metrics(), health_at(ManualClock())) as port:
        assert port == 0


def test_the_watchdog_ends_a_stuck_process() -> None:
    """It ends a process whose loop has not turned for too long, and leaves others alone."""
    clock = ManualClock()
    dead = threading.Event()
    health = health_at(clock)
    with Watchdog(health, die=dead.set, check_s=0.01):
        assert not dead.wait(0.1)
        clock.advance(61)
        assert dead.wait(WITHIN_S)
