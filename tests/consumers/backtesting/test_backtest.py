"""A history replayed, and histories made up from it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from consumers.backtesting.backtest import BacktestReport, run_backtest
from consumers.backtesting.history import HistoryFields, read_history
from consumers.backtesting.report import report_html
from consumers.backtesting.trials import Null, false_alarms_a_week, hide_rises
from consumers.cluster.records import OutgoingRecord
from consumers.cluster.transaction import TransactionalProducer
from sentiment import detect_spikes
from sentiment.cli.main import run
from sentiment.errors import InputError
from sentiment.progress import Silent
from sentiment.sources import detect_format, find_input
from sentiment.spikes.segment import SpikeConfig
from tests.brokers import Broker
from tests.consumers.results import a_day, outgoing
from tests.e2e.pipeline import pipeline

START = datetime(2026, 3, 2, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>"


def rows(days: int = 5, product: str = "app", incident_day: int | None = 4) -> list[dict[str, Any]]:
    """A result every three minutes, one in eight negative; on one day for two hours three in four."""
    made: list[dict[str, Any]] = []
    for number in range(days * 480):
        minute = 3 * number
        inside = incident_day is not None and 600 <= minute - incident_day * 1_440 < 720
        negative = number % 4 != 0 if inside else number % 8 == 0
        made.append(
            {
                "id": f"{product}-{number}",
                "created_at": (START + timedelta(minutes=minute)).isoformat(),
                "product": product,
                "label": "negative" if negative else "positive",
                "text": f"payment declined {number}" if inside else f"rather slow {number}",
            }
        )
    return made


def write(path: Path, made: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
    return path


def backtest(path: Path, *, trials: int = 0, fields: Mapping[str, Any] | None = None) -> BacktestReport:
    given = find_input(str(path))
    history = read_history(given, detect_format(given), HistoryFields(**(fields or {})), Silent())
    return run_backtest(history, SpikeConfig(), Silent(), trials=trials, most_segments=10)


def test_it_raises_the_alerts_of_the_detector(tmp_path: Path) -> None:
    """The same alerts as `detect_spikes` over each product, whatever the order of the rows."""
    made = rows() + rows(product="calm", incident_day=None)
    report = backtest(write(tmp_path / "history.jsonl", made[::-1]))
    frame = pd.DataFrame(rows())
    told = detect_spikes(frame["created_at"], frame["label"], segment="app", texts=frame["text"])
    assert [(a.status, a.created_at, a.alert_id, a.n) for a in report.alerts] == [
        (a.status, a.created_at, a.alert_id, a.n) for a in told
    ]
    assert {alert.segment for alert in report.alerts} == {"app"}
    assert report.alerts[0].drivers == ["payment declined"]
    assert START + timedelta(days=4, hours=10) < report.alerts[0].created_at < START + timedelta(days=4, hours=11)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_every_format_tells_the_same(tmp_path: Path, suffix: str) -> None:
    """A table gives the same alerts as JSON lines, also where only a probability is there."""
    frame = pd.DataFrame(rows())
    frame["p_negative"] = np.where(frame.pop("label") == "negative", 0.9, 0.2)
    path = tmp_path / f"history{suffix}"
    if suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)
    told = backtest(write(tmp_path / "history.jsonl", rows()))
    assert [a.alert_id for a in backtest(path).alerts] == [a.alert_id for a in told.alerts] != []


def test_rows_that_cannot_be_used_are_counted_by_reason(tmp_path: Path) -> None:
    """They are left out, and their content is not shown."""
    made = rows()[:50]
    made[3]["created_at"] = "yesterday, secret"
    made[4]["label"] = "secret"
    del made[5]["label"]
    report = backtest(write(tmp_path / "history.jsonl", made))
    assert sum(report.left_out.values()) == 3
    assert len(report.left_out) == 3
    assert "secret" not in str(report.left_out)
    assert report.segments[0].n == 47


def test_a_history_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    """Without a time or a label in any row, or with a column that is not there."""
    unlabelled = write(tmp_path / "a.jsonl", [{"created_at": "2026-01-01", "text": "x"}])
    with pytest.raises(InputError, match="no row that can be used"):
        backtest(unlabelled)
    with pytest.raises(InputError, match="no column 'prodct'"):
        backtest(write(tmp_path / "b.jsonl", rows()[:9]), fields={"product": "prodct", "named": frozenset({"prodct"})})


def test_the_whole_column_tells_day_from_month(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As for `ingest`: one day above twelve tells; without one the command asks."""
    lines = ["created_at,label", *(f"0{1 + n % 9}/02/2026 10:{n % 60:02d},negative" for n in range(40))]
    path = tmp_path / "h.csv"
    path.write_text("\n".join(lines) + "\n")
    arguments = ["backtest", str(path), "--output", "-", "--trials", "0"]
    assert run(arguments) == 2
    assert "--date-order" in capsys.readouterr().err
    assert run([*arguments, "--date-order", "DMY"]) == 0
    path.write_text("\n".join([*lines, "13/02/2026 09:00,positive"]) + "\n")
    assert run(arguments) == 0


def test_a_pipe_tells_day_from_month_by_a_row_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for all rows, or it is refused; never row by row."""
    for last, day in (("31/01/2026", date(2026, 4, 3)), ("01/31/2026", date(2026, 3, 4)), ("2026-01-31", None)):
        content = f"created_at,label\n03/04/2026,negative\n{last},positive\n".encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(content))))
        if day is None:
            with pytest.raises(InputError, match="does not tell"):
                read_history(find_input("-"), "csv", HistoryFields(), Silent())
            continue
        (seen,) = read_history(find_input("-"), "csv", HistoryFields(), Silent()).segments.values()
        assert day in {datetime.fromtimestamp(each.event_ms / 1000, UTC).date() for each in seen}
        assert len(seen) == 2


def test_made_up_weeks_are_like_the_history() -> None:
    """They have the same results in the same minutes, the same share, and rises where they are hidden."""
    minutes = np.arange(0, 14 * 1_440, 5)
    null = Null(minutes, np.full(len(minutes), 6), np.full(len(minutes), 0.2), 0.02, 0.1)
    rng = np.random.default_rng(2)
    drawn = null.draw(rng, [(7 * 1_440, 1_440, 2.0)])
    assert list(drawn) == minutes.tolist()
    assert {n for n, _ in drawn.values()} == {6}
    inside = [k for minute, (_, k) in drawn.items() if 7 * 1_440 <= minute < 8 * 1_440]
    outside = [k for minute, (_, k) in drawn.items() if minute < 7 * 1_440]
    assert np.mean(outside) / 6 == pytest.approx(0.2, abs=0.02)
    assert np.mean(inside) / 6 == pytest.approx(0.4, abs=0.05)


def test_simulations_tell_false_alarms_from_rises() -> None:
    """Few alarms where nothing happens, and rises that nobody could miss are found soon."""
    minutes = np.arange(0, 10 * 1_440, 2)
    null = Null(minutes, np.full(len(minutes), 3), np.full(len(minutes), 0.15), 0.01, 0.0)
    config, rng = SpikeConfig(), np.random.default_rng(4)
    assert np.mean([false_alarms_a_week(null, 0.5, config, rng) for _ in range(3)]) <= 2.0
    found = hide_rises(null, 5.0, 240, config, rng, trials=1)
    assert found.n == found.found >= 1
    assert found.median_minutes is not None
    assert found.median_minutes < 60


def test_the_report_shows_every_figure_and_runs_nothing(tmp_path: Path) -> None:
    """Names and texts from the data are text; the page has its own policy, and a table for each plot."""
    made = rows(product=HOSTILE)
    report = backtest(write(tmp_path / "history.jsonl", made), trials=1)
    page = report_html(report, "history.jsonl")
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    segment = report.segments[0]
    assert segment.simulated
    assert [budget.false_alarms_per_week for budget in segment.budgets] == [0.1, 0.5, 1.0, 2.0, 5.0]
    for budget in segment.budgets:
        assert f"{budget.simulated:.2f}" in page
    for rise in segment.rises:
        assert f">{rise.found}<" in page
    assert all(alert.created_at.strftime("%Y-%m-%d %H:%M UTC") in page for alert in report.alerts)


def test_the_command_writes_alerts_and_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Once; a second time it asks for --force. Wrong columns and clashing flags are one line."""
    path, output, page = write(tmp_path / "h.jsonl", rows()), tmp_path / "alerts.jsonl", tmp_path / "page.html"
    arguments = ["backtest", str(path), "--output", str(output), "--report", str(page), "--trials", "0"]
    assert run(arguments) == 0
    alerts = [json.loads(line) for line in output.read_text().splitlines()]
    assert [alert["status"] for alert in alerts] == ["firing", "resolved"]
    assert "app" in capsys.readouterr().out
    assert page.read_text().startswith("<!doctype html>")
    assert run(arguments) == 2
    assert "already exists" in capsys.readouterr().err
    assert run([*arguments, "--force", "--label-field", "sentiment"]) == 2
    assert "no column 'sentiment'" in capsys.readouterr().err
    assert run([*arguments, "--force", "--product", "a", "--product-field", "product"]) == 2


def test_texts_are_scored_where_there_are_no_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --score the model's own labels are the history."""
    made = [{k: v for k, v in row.items() if k != "label"} for row in rows()[:60]]
    made[7]["text"] = ""
    arguments = ["backtest", str(write(tmp_path / "h.jsonl", made)), "--output", "-", "--score", "--trials", "0"]
    assert run(arguments) == 0
    assert "left out 1 rows: there is no text" in capsys.readouterr().err


def test_the_results_topic_is_a_history(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It tells what the alert worker told; records that are no results are counted, and flags of files are refused."""
    output = tmp_path / "alerts.jsonl"
    arguments = ["backtest", "--output", str(output), "--trials", "0"]
    with pipeline(broker.bootstrap, tmp_path / "run") as here:
        for name, value in here.variables.items():
            monkeypatch.setenv(name, value)
        assert run(arguments) == 2
        assert "holds no result" in capsys.readouterr().err
        topic = here.settings.topics.sentiment
        with closing(TransactionalProducer.open(here.settings, "results")) as producer:
            producer.commit([*outgoing(a_day(), topic), OutgoingRecord(topic, b"not a result", key=b"app")])
        assert here.command("alerts", "run", "--until-idle", "4").start().wait() == 0, here.last_words()
        assert run(["alerts", "list", "--json"]) == 0
        (episode,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert run(arguments) == 0
        assert "left out 1 rows: the record is not a result" in capsys.readouterr().err
        told = [json.loads(line) for line in output.read_text().splitlines()]
        assert [alert["status"] for alert in told] == ["firing", "resolved"]
        assert told[1]["alert_id"] == episode["alert_id"]
        assert told[1]["n"] == episode["n"]
        assert told[0]["exemplars"] != []
        assert run([*arguments, "--force", "--product", "app"]) == 2
        assert "--product is about a file" in capsys.readouterr().err
