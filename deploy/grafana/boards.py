"""The Grafana boards, as code. `python deploy/grafana/boards.py` writes them to the folder `boards` beside it.

Every query asks for metrics of `consumers/runtime/metrics.py` or for what `deploy/prometheus/rules.yml` records.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import VisibilityMode
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DataSourceRef

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
WIDTH, HEIGHT = 8, 8
STAT_WIDTH, STAT_HEIGHT = 6, 4
Z = 1.96


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel with the unit as Grafana names it. `queries` are expressions with their legends."""

    title: str
    unit: str
    queries: Sequence[tuple[str, str]]
    about: str = ""
    now: bool = False
    """One number for the present, in place of a line."""


@dataclass(frozen=True, slots=True)
class Board:
    """A page of panels: its file's name, its title, and its rows of panels by name."""

    name: str
    title: str
    rows: Sequence[tuple[str, Sequence[Panel]]]


def quantiles(histogram: str, by: str = "le") -> list[tuple[str, str]]:
    """The median, and what 5 % and 1 % exceed, over five minutes."""
    return [
        (f"histogram_quantile({q}, sum by ({by}) (rate({histogram}_bucket[5m])))", f"p{round(q * 100)}")
        for q in (0.5, 0.95, 0.99)
    ]


def share_with_interval(part: str, whole: str) -> list[tuple[str, str]]:
    """A share of a count, and the bounds of its 95 % interval (Wilson's). Without a count there is no point."""
    counted = f"({whole} > 0)"
    centre = f"({part} + {Z**2 / 2:g}) / ({counted} + {Z**2:g})"
    half = f"{Z} * sqrt({part} * ({counted} - {part}) / {counted} + {Z**2 / 4:g}) / ({counted} + {Z**2:g})"
    return [
        (f"{part} / {counted}", "share"),
        (f"{centre} - {half}", "lower bound"),
        (f"{centre} + {half}", "upper bound"),
    ]


def labels(label: str) -> Panel:
    """The share of one label among the results of a quarter of an hour."""
    part = f'(sum(increase(sentiment_labels_total{{label="{label}"}}[15m])) or vector(0))'
    return Panel(
        f"Share of {label} results",
        "percentunit",
        share_with_interval(part, "sum(increase(sentiment_labels_total[15m]))"),
        "Over 15 minutes, with its 95 % interval. All products together: `sentiment alerts list` tells them apart.",
    )


PIPELINE = Board(
    "pipeline",
    "Sentiment: pipeline",
    (
        (
            "Now",
            (
                Panel("Events", "ops", [("sentiment:events:rate5m", "")], "Scored or parked.", now=True),
                Panel("Work left", "s", [("max(job:lag_seconds:max)", "")], "At the present rate.", now=True),
                Panel("Dead letters", "percentunit", [("sentiment:dead_letter_share:15m", "")], now=True),
                Panel("Services that answer", "none", [('sum(up{job=~"sentiment-.+"})', "")], now=True),
            ),
        ),
        (
            "Flow",
            (
                Panel(
                    "Events",
                    "ops",
                    [("sum by (outcome) (rate(sentiment_events_total[5m]))", "{{outcome}}")],
                    "Feedback records with a committed outcome.",
                ),
                Panel("Work left", "s", [("job:lag_seconds:max", "{{job}}")], "Seconds to work off the lag."),
                Panel("Lag", "short", [("job:lag_records:sum", "{{job}}")], "Offsets, transaction markers included."),
                Panel("Latency", "s", quantiles("sentiment_event_latency_seconds"), "From record to committed result."),
                Panel(
                    "Cores by stage",
                    "none",
                    [("sum by (stage) (rate(sentiment_stage_seconds_sum[5m]))", "{{stage}}")],
                    "Seconds that a stage takes in a second.",
                ),
                Panel("Records in a batch", "none", quantiles("sentiment_batch_records")),
            ),
        ),
        (
            "Trouble",
            (
                Panel(
                    "Dead letters",
                    "ops",
                    [("sum by (reason) (rate(sentiment_dead_letters_total[5m]))", "{{reason}}")],
                ),
                Panel(
                    "Transactions",
                    "ops",
                    [("sum by (outcome) (rate(sentiment_transactions_total[5m]))", "{{outcome}}")],
                ),
                Panel(
                    "Rebalances and rebuilds",
                    "none",
                    [
                        ("sum by (change) (increase(sentiment_rebalances_total[15m]))", "{{change}}"),
                        ("sum(increase(sentiment_rebuilds_total[15m]))", "rebuilt"),
                    ],
                ),
                Panel("Kafka away", "s", [("max by (job) (sentiment_kafka_unreachable_seconds)", "{{job}}")]),
                Panel(
                    "Partitions that cannot be read",
                    "none",
                    [
                        ("sum by (job) (sentiment_blocked_partitions)", "{{job}} blocked"),
                        ("sum by (job) (sentiment_hanging_transactions)", "{{job}} hanging"),
                    ],
                ),
                Panel(
                    "Records lost to readers",
                    "none",
                    [
                        ("sum by (topic) (increase(sentiment_missed_records_total[1h]))", "{{topic}} removed"),
                        ("sum by (topic) (increase(sentiment_damaged_records_total[1h]))", "{{topic}} damaged"),
                    ],
                    "Removed by retention before they were read, or damaged.",
                ),
            ),
        ),
    ),
)

SENTIMENT = Board(
    "sentiment",
    "Sentiment: what customers feel",
    (
        (
            "Now",
            (
                Panel("Open episodes", "none", [("sum(sentiment_open_episodes)", "")], now=True),
                Panel("Results", "ops", [("sum(rate(sentiment_labels_total[5m]))", "")], now=True),
            ),
        ),
        ("Labels", tuple(labels(label) for label in ("negative", "neutral", "positive"))),
        (
            "Alerts",
            (
                Panel("Open episodes", "none", [("sum by (severity) (sentiment_open_episodes)", "{{severity}}")]),
                Panel(
                    "Alerts in an hour",
                    "none",
                    [("sum by (status) (increase(sentiment_alerts_total[1h]))", "{{status}}")],
                ),
                Panel(
                    "Notifications in an hour",
                    "none",
                    [
                        (
                            "sum by (channel, outcome) (increase(sentiment_notifications_total[1h]))",
                            "{{channel}} {{outcome}}",
                        )
                    ],
                ),
                Panel(
                    "Results in detection",
                    "ops",
                    [("sum by (fate) (rate(sentiment_detection_results_total[5m]))", "{{fate}}")],
                    "What detection did with the results that it read.",
                ),
            ),
        ),
    ),
)

MODEL = Board(
    "model",
    "Sentiment: model",
    (
        (
            "Serving",
            (
                Panel("Versions", "none", [("sum by (name, version) (sentiment_model_info)", "{{name}} {{version}}")]),
                Panel(
                    "Failed reloads in an hour",
                    "none",
                    [("sum(increase(sentiment_model_reload_failures_total[1h]))", "")],
                ),
                Panel(
                    "Layers",
                    "ops",
                    [("sum by (kind) (rate(sentiment_layers_total[5m]))", "{{kind}}")],
                    "Of a model with early exits: computed, and skipped.",
                ),
                Panel("Tokens", "ops", [("sum by (kind) (rate(sentiment_tokens_total[5m]))", "{{kind}}")]),
            ),
        ),
        (
            "Drift",
            (
                Panel(
                    "Population stability",
                    "none",
                    [("sentiment_drift_psi", "{{feature}}")],
                    "Nats; see the docs on drift.",
                ),
                Panel("Distance", "none", [("sentiment_drift_js_distance", "{{feature}}")], "Jensen-Shannon, 0 to 1."),
                Panel("Drifted segments", "none", [("sentiment_drifted_segments", "{{feature}}")]),
            ),
        ),
        (
            "Quality",
            (
                Panel(
                    "Estimated accuracy",
                    "percentunit",
                    [("sentiment_estimated_accuracy", "{{method}}")],
                    "Without labels.",
                ),
                Panel(
                    "Quality on late labels",
                    "percentunit",
                    [("sentiment_labelled_quality", "{{measure}} {{bound}}")],
                    "With the bounds of the 95 % interval.",
                ),
                Panel("Labels", "none", [("sentiment_labelled_pairs", "pairs")]),
            ),
        ),
    ),
)

BOARDS = (PIPELINE, SENTIMENT, MODEL)


def build(board: Board) -> str:
    """The board as JSON."""
    made = (
        dashboard.Dashboard(board.title)
        .uid(f"sentiment-{board.name}")
        .tags(["sentiment"])
        .readonly()
        .time("now-6h", "now")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .annotation(
            dashboard.AnnotationQuery()
            .name("Alerts")
            .datasource(SOURCE)
            .icon_color("red")
            .expr('sum(increase(sentiment_alerts_total{status="firing"}[1m])) > 0')
        )
    )
    for title, panels in board.rows:
        made = made.with_row(dashboard.Row(title))
        for panel in panels:
            made = made.with_panel(_drawn(panel))
    return JSONEncoder(sort_keys=True, indent=1).encode(made.build()) + "\n"


def _drawn(panel: Panel) -> stat.Panel | timeseries.Panel:
    if panel.now:
        drawn = stat.Panel().span(STAT_WIDTH).height(STAT_HEIGHT)
    else:
        drawn = timeseries.Panel().span(WIDTH).height(HEIGHT).min(0).fill_opacity(5).show_points(VisibilityMode.NEVER)
    drawn = drawn.title(panel.title).description(panel.about).unit(panel.unit).datasource(SOURCE)
    for number, (expression, legend) in enumerate(panel.queries):
        query = prometheus.Dataquery().expr(expression).ref_id(chr(ord("A") + number)).datasource(SOURCE)
        drawn = drawn.with_target(query.legend_format(legend) if legend else query)
    return drawn


def main(folder: Path) -> None:
    """Write every board to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for board in BOARDS:
        (folder / f"{board.name}.json").write_text(build(board), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "boards")
