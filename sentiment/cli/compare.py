"""`sentiment compare`: several models on the same rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentiment.cli.extras import train_extra
from sentiment.cli.flags import FILE, force_option, json_option, seed_option
from sentiment.cli.options import common_options
from sentiment.cli.outputs import print_json, refuse_to_replace

if TYPE_CHECKING:
    from sentiment.settings import Settings
    from training.comparison.measuring import ComparisonRequest
    from training.comparison.records import ModelComparison

_PRICE = click.FloatRange(0.0, 1e6, max_open=True)


@click.command(
    epilog="""\b
Example:
  sentiment compare dev.jsonl.gz --model shipped --model fp32=shipped@torch --lexicon --max-rows 2000
  sentiment compare dev.jsonl.gz --model bert=models/bert --model gpt2=models/gpt2 --model t5=models/t5 \\
    --reference bert --plot comparison.svg --report comparison.md

Needs the extra `train`. Each model is measured in a process of its own; all must fit into memory together. Figures
of speed hold for this machine while nothing else runs on it: read the ratios."""
)
@click.argument("data", metavar="DATA", type=FILE)
@click.option("--model", "models", multiple=True, metavar="[NAME=]DIR|ID|shipped[@openvino|@torch]", help="Repeatable.")
@click.option("--lexicon", is_flag=True, help="Also VADER, a word list: what no training gives.")
@click.option("--reference", metavar="NAME", help="The others are tested against it; default: the first model.")
@click.option("--max-rows", type=click.IntRange(1), metavar="N", help="Compare on a random sample of N rows.")
@click.option("--rounds", type=click.IntRange(1), default=3, help="Of timing, in turns.")
@click.option("--timed-texts", type=click.IntRange(1), default=256, help="Of each round, batched.")
@click.option("--singles", type=click.IntRange(1), default=100, help="Of each round, one by one.")
@click.option("--no-fairness", is_flag=True, help="Leave the counterfactual pairs out.")
@click.option("--assumptions", type=FILE, metavar="FILE.toml", help="Prices and power; the flags below override it.")
@click.option("--price-per-core-hour", type=_PRICE, metavar="X", help="Default 0.04.")
@click.option("--watts-per-core", type=_PRICE, metavar="W", help="Default 5.")
@click.option("--utilisation", type=click.FloatRange(0, 1, min_open=True), metavar="S", help="Share in use; 0.5.")
@click.option("--currency", metavar="NAME", help="Default USD.")
@click.option("--resamples", type=click.IntRange(100), default=1000, help="Of the bootstrap.")
@seed_option
@click.option("--report", type=FILE, metavar="FILE.md", help="Write the tables as Markdown.")
@click.option("--plot", type=FILE, metavar="FILE.svg|.png", help="Plot quality against throughput.")
@force_option
@json_option()
@common_options("inference")
def compare(
    settings: Settings,
    data: Path,
    report: Path | None,
    plot: Path | None,
    force: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Compare models on the labelled rows of DATA (CSV, JSONL or Parquet).

    Macro-F1 with intervals and tests against a reference, calibration, latency and throughput measured in turns, peak
    memory, cost and energy of a million events, fairness gaps; the Pareto front of quality and throughput is marked.
    """
    refuse_to_replace(report, plot, force=force)
    with train_extra("comparing"):
        from training.comparison.compare import compare as run_comparison
        from training.comparison.plot import check_ending, save_plot
        from training.comparison.report import markdown
    if plot is not None:
        check_ending(plot)
    request = _request(settings, data, flags)
    comparison = _run(run_comparison, request)
    if report is not None:
        report.write_text(markdown(comparison), encoding="utf-8")
        click.echo(f"wrote {report}", err=True)
    if plot is not None:
        save_plot(comparison, plot)
        click.echo(f"wrote {plot}", err=True)
    if as_json:
        print_json(comparison)
    else:
        _print(comparison)


def _request(settings: Settings, data: Path, flags: dict[str, Any]) -> ComparisonRequest:
    from sentiment.errors import ConfigurationError
    from training.comparison.contenders import LEXICON, ContenderSpec, parse_spec
    from training.comparison.cost import read_assumptions
    from training.comparison.measuring import ComparisonRequest

    contenders = [parse_spec(text) for text in flags["models"]]
    if flags["lexicon"]:
        contenders.append(ContenderSpec(LEXICON, None, is_lexicon=True))
    if not contenders:
        raise ConfigurationError("there is nothing to compare", hint="give --model NAME=DIR, and more of them")
    return ComparisonRequest(
        data=data,
        contenders=contenders,
        reference=flags["reference"] or contenders[0].name,
        max_rows=flags["max_rows"],
        seed=flags["seed"],
        n_resamples=flags["resamples"],
        rounds=flags["rounds"],
        n_timed_texts=flags["timed_texts"],
        n_singles=flags["singles"],
        threads=settings.model.threads,
        label_map=settings.model.label_map or None,
        fairness=not flags["no_fairness"],
        assumptions=read_assumptions(
            flags["assumptions"],
            price_per_core_hour=flags["price_per_core_hour"],
            watts_per_core=flags["watts_per_core"],
            utilisation=flags["utilisation"],
            currency=flags["currency"],
        ),
    )


def _run(run_comparison: Any, request: ComparisonRequest) -> ModelComparison:
    from sentiment.cli.progress import Ticker
    from sentiment.cli.version import instruction_set

    with Ticker() as ticker:
        comparison: ModelComparison = run_comparison(request, ticker, instruction_set=instruction_set())
    return comparison


def _print(comparison: ModelComparison) -> None:
    from sentiment.cli.tables import line, output, table
    from training.comparison.tables import notes, tables

    console = output()
    for sheet in tables(comparison):
        console.print(table(sheet.columns, sheet.rows, title=sheet.title))
    for note in notes(comparison):
        console.print(line(note))
