"""Requests of the services: by their published rules, one incident for an episode, and no markup of others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest

from consumers.notifying.channels.channel import DeliveryOutcome
from consumers.notifying.channels.chats import discord_message, teams_message
from consumers.notifying.channels.http import HttpChannel
from consumers.notifying.channels.pagers import alertmanager_alerts, opsgenie_request, pagerduty_event
from tests.brokers import free_port
from tests.consumers.notifying.receiver import receiver
from tests.consumers.notifying.support import alert, changed
from tests.consumers.results import START
from tests.deploy.tools import tool
from tests.processes import start
from tests.waiting import wait_until

KEY = "k" * 32


def test_pagerduty_gets_one_incident_for_an_episode() -> None:
    """Trigger and resolution have the same key; required fields are there and as long as they may be."""
    fired = json.loads(pagerduty_event(changed(message="x" * 3_000), KEY).body)
    over = json.loads(pagerduty_event(changed("resolved"), KEY).body)
    assert (fired["event_action"], over["event_action"]) == ("trigger", "resolve")
    assert fired["dedup_key"] == over["dedup_key"] == "episode-0"
    assert fired["routing_key"] == KEY
    assert len(fired["payload"]["summary"]) == 1_024
    assert fired["payload"]["source"]
    assert fired["payload"]["severity"] in {"critical", "error", "warning", "info"}


def test_opsgenie_closes_what_it_opened() -> None:
    """By the alias, which is part of the address of the closing request, and in it is escaped."""
    episode = "a/b?c"
    opened = opsgenie_request(changed(episode_id=episode, message="x" * 3_000), KEY)
    closed = opsgenie_request(changed("resolved", episode_id=episode), KEY)
    body = json.loads(opened.body)
    assert (opened.path, body["alias"], body["priority"]) == ("/v2/alerts", episode, "P1")
    assert len(body["message"]) == 130
    assert all(isinstance(value, str) for value in body["details"].values())
    assert closed.path == "/v2/alerts/a%2Fb%3Fc/close?identifierType=alias"
    assert opened.headers == closed.headers == {"Authorization": f"GenieKey {KEY}"}


@pytest.mark.parametrize("text", ["**loud** @everyone <b>x</b> [a](http://x)", "x" * 5_000, "\\" * 4_000, "a\nb"])
def test_chats_show_text_as_text(text: str) -> None:
    """No markup, nobody is called, and no message is longer than the chat takes."""
    shown = changed(exemplars=[text])
    discord = json.loads(discord_message(shown))
    assert discord["allowed_mentions"] == {"parse": []}
    assert len(discord["content"]) <= 2_000
    assert "**" not in discord["content"]
    card = json.loads(teams_message(shown))["attachments"][0]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert {block["type"] for block in card["content"]["body"]} == {"TextBlock"}
    assert not any("](" in block["text"] or "**" in block["text"] for block in card["content"]["body"])


def test_a_key_that_comes_back_in_an_answer_is_not_shown() -> None:
    """Neither that in the body nor that in a header."""
    for make in (pagerduty_event, opsgenie_request):
        with receiver(400) as there:
            there.answers.append(f"bad key {KEY}".encode())
            with closing(
                HttpChannel("p", httpx.URL(there.url), lambda a, _, m=make: m(a, KEY), timeout_s=5)
            ) as channel:
                attempt = channel.attempt(alert(), START)
            assert attempt.outcome is DeliveryOutcome.MISCONFIGURED
            assert KEY[:12] not in attempt.reason
            assert there.paths == [make(alert(), KEY).path]


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[str]:
    """The address of a real one, below a path, as behind a proxy."""
    program, port = tool("prometheus-alertmanager"), free_port()
    config = tmp_path / "alertmanager.yml"
    config.write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    command = [program, f"--config.file={config}", f"--storage.path={tmp_path / 'data'}", "--cluster.listen-address="]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--web.route-prefix=/am"]
    process = start(command, stdout=None, stderr=None)
    try:
        yield f"http://127.0.0.1:{port}/am"
    finally:
        process.kill()
        process.wait()


def test_a_real_alertmanager_follows_an_episode(alertmanager: str) -> None:
    """It fires as a warning, gets worse, and is over: one active alert, then another, then none."""

    def active() -> list[str]:
        found = httpx.get(f"{alertmanager}/api/v2/alerts", params={"active": True}).json()
        return sorted(each["labels"]["severity"] for each in found if each["labels"]["episode"] == "episode-0")

    def make(each: Any, _: object) -> Any:
        return alertmanager_alerts(each, None, "/am")

    now = datetime.now(UTC)
    began = now - timedelta(minutes=5)
    with closing(HttpChannel("am", httpx.URL(alertmanager), make, timeout_s=5)) as channel:

        def post(status: Literal["firing", "resolved"], severity: str, after_s: float) -> DeliveryOutcome:
            at = now + timedelta(seconds=after_s)
            return channel.attempt(changed(status, severity=severity, started_at=began, created_at=at), at).outcome

        wait_until(lambda: post("firing", "warning", -2) is DeliveryOutcome.DELIVERED, "Alertmanager")
        assert active() == ["warning"]
        assert post("firing", "critical", -1) is DeliveryOutcome.DELIVERED
        assert active() == ["critical"]
        assert post("resolved", "critical", 0) is DeliveryOutcome.DELIVERED
        assert active() == []
        clock_is_late = changed(started_at=now, created_at=now - timedelta(minutes=5))
        assert channel.attempt(clock_is_late, now).outcome is DeliveryOutcome.DELIVERED
