"""The page in a real browser."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect, sync_playwright

from tests.brokers import DevBroker, free_port
from tests.consumers.dashboard.live import created_topics, page_of, publish
from tests.consumers.notifying.support import alert, changed
from tests.consumers.results import START, scored
from tests.deploy.tools import tool

pytestmark = pytest.mark.slow

HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script> \u202eabc\u0007'


@pytest.fixture
def page(request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of a browser that reports what goes wrong in it. Only axe, which tries colours, may run its own script."""
    program = tool("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        opened = browser.new_page(bypass_csp="colours" in request.fixturenames)
        faults: list[str] = []
        opened.on("pageerror", lambda error: faults.append(str(error)))
        yield opened
        browser.close()
        assert faults == []


def test_an_incident_appears_is_over_and_survives_a_restart(dev_broker: DevBroker, page: Page) -> None:
    """And nothing that a customer writes is more than text."""
    variables, port = created_topics(dev_broker), free_port()
    publish(dev_broker, variables, [scored(1, START, "negative", text=HOSTILE, product="<b>app</b>")])
    with page_of(variables, port) as (_, address):
        page.goto(address)
        rows = page.locator("#messages tr")
        expect(rows).to_have_count(1)
        expect(page.locator("#messages")).to_contain_text("<script>document.title=2</script>")
        expect(page.locator("#products h3")).to_have_text("<b>app</b>")
        expect(page).to_have_title("What customers feel")
        assert page.locator("#messages img, #messages script, #products b").count() == 0

        publish(dev_broker, variables, [alert(exemplars=[HOSTILE])])
        expect(page.locator("#episodes .alarm h3")).to_have_text("app: critical")
        publish(dev_broker, variables, [changed("resolved")])
        expect(page.locator("#episodes .alarm")).to_have_count(0)
        expect(page.locator("#episodes h3")).to_have_text("app: over")

        name = "it's $(id) `id`"
        publish(dev_broker, variables, [changed(episode_id="other", segment=name)])
        expect(page.locator("#episodes .alarm h3")).to_have_text(f"{name}: critical")
        command = page.locator("#episodes .alarm code").text_content() or ""
        assert shlex.split(command) == ["sentiment", "alerts", "explain", name]
        assert command.partition("explain ")[2] == shlex.quote(name).replace("'\"'\"'", "'\\''")
        publish(dev_broker, variables, [changed("resolved", episode_id="other", segment=name)])
        expect(page.locator("#episodes .alarm")).to_have_count(0)
    expect(page.locator("#state")).to_contain_text("does not answer")
    publish(dev_broker, variables, [scored(2, START + timedelta(minutes=1), "positive", text="fine", product="shop")])
    with page_of(variables, port):
        expect(rows).to_have_count(2, timeout=60_000)
        expect(page.locator("#episodes h3")).to_have_count(2)
        page.locator("#by-product").select_option("shop")
        expect(rows).to_have_count(1)
        page.locator("#by-product").select_option("")
        page.locator("#by-text").fill("SCRIPT")
        expect(rows).to_have_count(1)
        page.locator("#by-label").select_option("positive")
        expect(rows).to_have_count(0)


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_has_nothing_to_say(dev_broker: DevBroker, page: Page, colours: Literal["light", "dark"]) -> None:
    """Contrast, names, landmarks and roles: the page and what it shows can be used with a screen reader."""
    variables = created_topics(dev_broker)
    publish(dev_broker, variables, [scored(1, START, "negative"), alert()])
    page.emulate_media(color_scheme=colours)
    with page_of(variables, free_port()) as (_, address):
        page.goto(address)
        for shown in ("#messages tr", "#products article", "#episodes article"):
            expect(page.locator(shown)).to_have_count(1)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", [360, 1_200])
def test_nothing_is_wider_than_the_page(dev_broker: DevBroker, page: Page, width: int) -> None:
    """On a phone, too, and every control can be reached with the keyboard."""
    variables = created_topics(dev_broker)
    publish(dev_broker, variables, [scored(1, START, "negative", text="x" * 400, product="p" * 100), alert()])
    page.set_viewport_size({"width": width, "height": 800})
    with page_of(variables, free_port()) as (_, address):
        page.goto(address)
        expect(page.locator("#messages tr")).to_have_count(1)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        focused = []
        for _ in range(6):
            page.keyboard.press("Tab")
            focused.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
        assert focused[:5] == ["skip", "by-product", "by-label", "by-text", "scroll"]
