"""Who is answered, and with which rules for the browser; and the whole command, to its end."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import cast

import httpx
import pytest
from starlette.testclient import TestClient

from consumers.dashboard.board import LiveBoard, View
from consumers.dashboard.feed import LiveFeed
from consumers.dashboard.server import FILES, HEADERS, application
from tests.brokers import DevBroker, free_port
from tests.consumers.dashboard.live import created_topics, page_of, publish
from tests.consumers.results import START, scored
from tests.processes import run, sentiment
from tests.waiting import wait_until

TOKEN = "a long secret token"


class OneView:
    """A feed that always shows the same."""

    def view(self, known: int | None = None) -> View:
        return LiveBoard().view()


def client(*, token: str | None = None, host: str = "127.0.0.1") -> TestClient:
    return TestClient(application(cast("LiveFeed", OneView()), token=token), base_url=f"http://{host}")


@pytest.mark.parametrize("path", [*FILES, "/view", "/nothing"])
def test_every_answer_has_the_rules_for_the_browser(path: str) -> None:
    """Its own scripts only, nothing from other hosts, no frame, no guessing of types."""
    answer = client().get(path)
    assert answer.status_code == (404 if path == "/nothing" else 200)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    for word in ("<script>", "onclick", "style=", "http://", "https://", "innerHTML"):
        assert word not in answer.text.replace("http://www.w3.org/2000/svg", "")


def test_without_a_token_only_names_of_this_machine_are_answered() -> None:
    """Another site whose name leads here cannot read the page in somebody's browser."""
    assert client(host="localhost:8080").get("/view").status_code == 200
    assert client(host="evil.example.org").get("/view").status_code == 400


def test_with_a_token_everything_asks_for_it() -> None:
    """As a bearer or as a password; the name of the host does not matter."""
    guarded = client(token=TOKEN, host="page.example.org")
    password = base64.b64encode(f"anyone:{TOKEN}".encode()).decode()
    for path in [*FILES, "/view", "/views"]:
        for wrong in (
            "",
            "Bearer x",
            f"Digest {TOKEN}",
            "Basic ä",
            "Basic !!",
            "Basic " + base64.b64encode(b"x:y").decode(),
        ):
            refused = guarded.get(path, headers={"Authorization": wrong.encode("latin-1")} if wrong else {})
            assert refused.status_code == 401
            assert "Basic" in refused.headers["WWW-Authenticate"]
    for right in (f"Bearer {TOKEN}", f"Basic {password}"):
        assert guarded.get("/view", headers={"Authorization": right}).status_code == 200


def test_others_may_not_reach_it_without_a_token(tmp_path: Path) -> None:
    """Exit code 2 before anything is opened; an empty token is none."""
    refused = run(sentiment("dashboard", "--host", "0.0.0.0"))
    assert (refused.returncode, "--token-file" in refused.stderr) == (2, True), refused.stderr
    empty = tmp_path / "token"
    empty.write_text("\n")
    refused = run(sentiment("dashboard", "--host", "0.0.0.0", "--token-file", empty))
    assert (refused.returncode, "is empty" in refused.stderr) == (2, True), refused.stderr


@pytest.mark.slow
def test_a_restart_shows_the_same_and_a_signal_ends_it(dev_broker: DevBroker) -> None:
    """All of it comes from the topics. SIGTERM is exit code 0, also while a page listens."""
    variables = created_topics(dev_broker)
    publish(dev_broker, variables, [scored(number, START, "negative", product="app") for number in range(5)])
    seen = []
    for _ in range(2):
        with page_of(variables, free_port()) as (process, address):
            wait_until(lambda at=address: httpx.get(f"{at}/view").json()["products"], "the results")
            view = httpx.get(f"{address}/view").json()
            seen.append({name: view[name] for name in ("clock", "products", "messages")})
            with httpx.stream("GET", f"{address}/views", timeout=30) as views:
                first = next(line for line in views.iter_lines() if line)
                assert json.loads(first.removeprefix("data: "))["messages"] == view["messages"]
                process.terminate()
                assert process.wait(30) == 0
    assert seen[0] == seen[1]
    assert seen[0]["products"][0]["n"] == 5
