"""The requests of services that wake people: PagerDuty, Opsgenie, Alertmanager.

Each knows an episode by its id, so what fires, gets worse and is resolved is one incident there.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args
from urllib.parse import quote

import msgspec

from consumers.notifying.channels.console import as_text
from consumers.notifying.channels.http import Post
from sentiment.events import Alert
from sentiment.settings.channels import Severity

_SOURCE = "sentiment-pipeline"
_SUMMARY_CHARS = 1_024
_MESSAGE_CHARS = 130
_DESCRIPTION_CHARS = 15_000
_FIRES_FOR = timedelta(days=1)
"""Alertmanager takes an alert without an end for resolved after five minutes, unless somebody sends it again."""


def pagerduty_event(alert: Alert, key: str) -> Post:
    """A trigger or a resolution of the Events API v2.

    Source: https://developer.pagerduty.com/docs/send-alert-event
    """
    event: dict[str, Any] = {
        "routing_key": key,
        "event_action": "trigger" if alert.status == "firing" else "resolve",
        "dedup_key": alert.episode_id[:255],
        "client": _SOURCE,
        "payload": {
            "summary": alert.message[:_SUMMARY_CHARS],
            "source": _SOURCE,
            "severity": alert.severity,
            "timestamp": alert.created_at.isoformat(),
            "component": alert.segment,
            "class": "negative feedback",
            "custom_details": _details(alert),
        },
    }
    return Post(msgspec.json.encode(event), path="/v2/enqueue")


def opsgenie_request(alert: Alert, key: str) -> Post:
    """A new alert, or the end of one, of the Alert API v2. The episode is its alias.

    Source: https://docs.opsgenie.com/docs/alert-api
    """
    headers = {"Authorization": f"GenieKey {key}"}
    if alert.status == "resolved":
        path = f"/v2/alerts/{quote(alert.episode_id, safe='')}/close?identifierType=alias"
        return Post(msgspec.json.encode({"source": _SOURCE, "note": alert.message}), headers, path)
    body = {
        "message": alert.message[:_MESSAGE_CHARS],
        "alias": alert.episode_id[:512],
        "description": as_text(alert)[:_DESCRIPTION_CHARS],
        "source": _SOURCE,
        "entity": alert.segment[:512],
        "priority": "P1" if alert.severity == "critical" else "P3",
        "details": {name: str(value) for name, value in _details(alert).items()},
    }
    return Post(msgspec.json.encode(body), headers, "/v2/alerts")


def alertmanager_alerts(alert: Alert, token: str | None, prefix: str = "") -> Post:
    """What Alertmanager's API v2 takes, below the path `prefix`.

    There the labels are the alert, so a change of severity is the end of one alert and the beginning of another.
    Source: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
    """
    found = []
    for severity in get_args(Severity):
        fires = alert.status == "firing" and alert.severity == severity
        ends = alert.created_at + (_FIRES_FOR if fires else timedelta())
        found.append(
            {
                "labels": {
                    "alertname": "NegativeFeedback",
                    "segment": alert.segment,
                    "episode": alert.episode_id,
                    "severity": severity,
                },
                "annotations": {"summary": alert.message, "description": as_text(alert).strip()},
                "startsAt": min(alert.started_at, ends - timedelta(seconds=1)).isoformat(),  # it must be before the end
                "endsAt": ends.isoformat(),
            }
        )
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return Post(msgspec.json.encode(found), headers, f"{prefix}/api/v2/alerts")


def _details(alert: Alert) -> dict[str, Any]:
    return {
        "segment": alert.segment,
        "from": alert.window_start.isoformat(),
        "to": alert.window_end.isoformat(),
        "messages": alert.n,
        "negatives": alert.negatives,
        "observed": round(alert.observed.value, 4),
        "expected": round(alert.expected, 4),
        "drivers": ", ".join(alert.drivers),
        "examples": "\n".join(alert.exemplars),
        "model": "" if alert.model is None else f"{alert.model.name} {alert.model.version}",
    }
