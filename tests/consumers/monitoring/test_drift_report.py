"""The page of a run of the monitor: expected against observed, by window and by product."""

from __future__ import annotations

import base64
from datetime import timedelta
from xml.etree import ElementTree

import numpy as np
import pytest

from consumers.monitoring.drift_report import drift_report
from sentiment.drift.monitor import Monitor, MonitorConfig
from sentiment.drift.reports import MonitorSummary, WindowReport
from sentiment.events import LateLabel, SourcePosition
from tests.consumers.results import START, scored
from tests.html_pages import Page, require_self_contained

PRODUCTS = ("app", "<b>site</b> $x$")
PER_HOUR = 300
CONFIG = MonitorConfig(window_ms=3_600_000)
Run = tuple[list[WindowReport], MonitorSummary]


def monitored(n_hours: int, drift_from: int, products: tuple[str, ...] = PRODUCTS) -> Run:
    """Results on `products`. From hour `drift_from`, nearly all are negative. The first 60 have labels."""
    rng = np.random.default_rng(3)
    monitor = Monitor(CONFIG)
    for number in range(n_hours * PER_HOUR):
        hour = number // PER_HOUR
        negative = rng.random() < (0.8 if hour >= drift_from else 0.2)
        at = START + timedelta(hours=number / PER_HOUR)
        product = products[number % len(products)]
        monitor.add_result(scored(number, at, "negative" if negative else "positive", product=product))
    for number in range(60):
        place = SourcePosition(topic="feedback", partition=0, offset=number)
        monitor.add_label(LateLabel(label="positive", labelled_at=START, position=place))
    return monitor.finish(), monitor.summary()


@pytest.fixture(scope="module")
def found() -> Run:
    return monitored(4, drift_from=3)


def page_of(found: Run) -> Page:
    return Page(drift_report(*found, CONFIG.drift, reference="june<1>.jsonl"))


def test_the_page_shows_expected_against_observed(found: Run) -> None:
    """By window and by product, with the histograms of what drifted; names are words, not markup."""
    page = page_of(found)
    require_self_contained(page)
    windows, summary = found
    assert summary.n_drifted == 1
    assert "1 of 4 windows drifted" in page.words
    assert "june<1>.jsonl" in page.words
    assert page.of("b") == []
    drifted = windows[-1].drifted
    assert {each.segment for each in drifted} == {"*", *PRODUCTS}
    assert len(page.of("img")) == 3 + len(drifted)
    for product in PRODUCTS:
        assert f"Label of {product}" in page.words
    negative = next(bin for bin in drifted[0].bins if bin.bin == "negative")
    assert f"{100 * negative.reference:.1f} %" in page.words
    assert f"{100 * negative.window:.1f} %" in page.words
    assert "60" in page.words  # labels


def test_plots_have_the_names_as_words(found: Run) -> None:
    """Every image parses as SVG; a dollar sign in a product starts no formula."""
    drawn = [base64.b64decode(str(image["src"]).partition(",")[2]) for image in page_of(found).of("img")]
    words = [" ".join(ElementTree.fromstring(plot).itertext()) for plot in drawn]  # noqa: S314 our own
    assert "confidence" in words[0]
    assert "by confidence" in words[1]
    assert {"all results", *PRODUCTS} <= {name for name in ("all results", *PRODUCTS) if name in words[2]}
    assert "expected" in words[3]
    assert "observed" in words[3]


def test_a_run_without_windows_is_a_page_too() -> None:
    """Nothing was read: that is said, and nothing is drawn."""
    page = page_of(([], Monitor(CONFIG).summary()))
    require_self_contained(page)
    assert "0 of 0 windows drifted" in page.words
    assert page.of("img") == []


def test_one_product_is_one_finding() -> None:
    """If all results are of one product, it is not reported beside the whole that it is."""
    (*_, last), _ = monitored(2, drift_from=1, products=("app",))
    assert {each.segment for each in last.comparisons} == {"*"}
    assert [each.feature for each in last.drifted] == ["label"]
