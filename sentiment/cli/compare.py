"""`sentiment compare`: several models on the same rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentiment.cli.extras import train_extra
from sentiment.cli.flags import FILE, OUTPUT, force_option, json_option, resamples_option, seed_option, typed
from sentiment.cli.labelled import labelled_options, layout_of
from sentiment.cli.options import common_options
from sentiment.cli.outputs import apart_from, check_outputs, print_json, write_output

if TYPE_CHECKING:
    from sentiment.outputs import Output
    from sentiment.settings import Settings
    from training.comparison.measuring import ComparisonRequest
    from training.comparison.records import ModelComparison

_PRICE = click.FloatRange(0, 1e6, max_open=True)
_ASSUMPTIONS = ("price_per_core_hour", "watts_per_core", "utilisation", "currency")


@click.command(
    epilog="""\b
Example:
  sentiment compare dev.jsonl.gz --model shipped --model fp32=shipped@torch --lexicon --max-rows 2000
  sentiment compare dev.jsonl.gz --model bert=models/bert --model gpt2=models/gpt2 --model t5=models/t5 \\
    --reference bert --plot comparison.svg --report comparison.md

Requires the `train` extra. Each model runs in a process of its own, and all must fit into memory together. Speeds
hold for this machine while nothing else runs on it; the ratios are more robust."""
)
@click.argument("data", metavar="DATA", type=FILE)
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="[NAME=]MODEL[@BACKEND]",
    help="Directory, hub id or `shipped`, on openvino or torch; repeatable.",
)
@click.option("--lexicon", is_flag=True, help="Also compare VADER, a word list that needs no training.")
@click.option(
    "--reference", metavar="NAME", show_default="the first model", help="Model that the others are tested against."
)
@click.option("--max-rows", type=click.IntRange(1), metavar="N", help="Compare on a random sample of N rows.")
@click.option(
    "--rounds", type=click.IntRange(1), default=3, metavar="N", help="Timing rounds, in which the models take turns."
)
@click.option(
    "--timed-texts", type=click.IntRange(1), default=256, metavar="N", help="Texts per round that run in batches."
)
@click.option(
    "--singles", type=click.IntRange(1), default=100, metavar="N", help="Texts per round that run one at a time."
)
@click.option("--no-fairness", is_flag=True, help="Do not measure fairness gaps.")
@click.option("--assumptions", type=FILE, metavar="FILE.toml", help="TOML file of prices and power.")
@click.option("--price-per-core-hour", type=_PRICE, default=0.04, metavar="X", help="Price of one core for one hour.")
@click.option("--watts-per-core", type=_PRICE, default=5.0, metavar="X", help="Power of a busy core, in watts.")
@click.option(
    "--utilisation",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.5,
    metavar="X",
    help="Share of the rented time that is used.",
)
@click.option("--currency", default="USD", metavar="NAME", help="Currency of the prices.")
@labelled_options
@resamples_option
@seed_option
@click.option("--report", type=OUTPUT, metavar="FILE.md", help="Write the tables as Markdown.")
@click.option("--plot", type=OUTPUT, metavar="FILE.svg|.png", help="Plot quality against throughput.")
@force_option
@json_option()
@common_options("label-map", "threads")
def compare(
    settings: Settings,
    data: Path,
    report: Output | None,
    plot: Output | None,
    force: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Compare models on the labelled rows of DATA (CSV, JSONL or Parquet).

    Measures macro-F1 with intervals and tests against a reference, calibration, latency, throughput, peak memory, cost
    and energy per million events, and fairness gaps. Marks the Pareto front of quality and throughput. Flags override
    the prices and power of --assumptions.
    """
    check_outputs(report, plot, force=force, inputs=(data, flags["assumptions"]), as_json=as_json)
    with train_extra("comparing"):
        from training.comparison.compare import compare as run_comparison
        from training.comparison.plot import PLOT_ENDINGS, plot_of
        from training.comparison.report import markdown
    from sentiment.outputs import ending_of

    ending = "" if plot is None else ending_of(plot, PLOT_ENDINGS, "a plot")
    request = _request(settings, data, flags)
    comparison = _run(run_comparison, request)
    if report is not None:
        write_output(report, markdown(comparison))
    if plot is not None:
        write_output(plot, plot_of(comparison, ending))
    if as_json:
        print_json(comparison)
    else:
        with apart_from(report, plot):
            print_comparison(comparison)


def _request(settings: Settings, data: Path, flags: dict[str, Any]) -> ComparisonRequest:
    from sentiment.errors import ConfigurationError
    from training.comparison.contenders import LEXICON, ContenderSpec, parse_spec
    from training.comparison.cost import read_assumptions
    from training.comparison.measuring import ComparisonRequest

    contenders = [parse_spec(text) for text in flags["models"]]
    if flags["lexicon"]:
        contenders.append(ContenderSpec(LEXICON, None, is_lexicon=True))
    if not contenders:
        raise ConfigurationError("nothing to compare", hint="give --model NAME=DIR, more than once")
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
        layout=layout_of(settings, flags["text_field"], flags["label_field"], flags["reading"]),
        assumptions=read_assumptions(flags["assumptions"], **typed({name: flags[name] for name in _ASSUMPTIONS})),
    )


def _run(run_comparison: Any, request: ComparisonRequest) -> ModelComparison:
    from sentiment.cli.progress import Ticker
    from sentiment.cli.version import instruction_set

    with Ticker() as ticker:
        comparison: ModelComparison = run_comparison(request, ticker, instruction_set=instruction_set())
    return comparison


def print_comparison(comparison: ModelComparison) -> None:
    """Print all tables, then what they mean."""
    from sentiment.cli.tables import line, output, table
    from training.comparison.tables import notes, tables

    console = output()
    for sheet in tables(comparison):
        console.print(table(sheet.columns, sheet.rows, title=sheet.title))
    for note in notes(comparison):
        console.print(line(note))
