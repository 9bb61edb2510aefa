"""`sentiment export`: write a fine-tuned checkpoint in the forms that are served."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentiment.cli.extras import train_extra
from sentiment.cli.flags import MODEL_DIRECTORY, OUTPUT_FOLDER, force_option, json_option, name_option
from sentiment.cli.forms import parse_forms, print_missing_forms
from sentiment.cli.labelled import labelled_options, layout_of
from sentiment.cli.options import common_options
from sentiment.cli.outputs import check_outputs, print_json

if TYPE_CHECKING:
    from sentiment.sources import ReadingOptions


@click.command(
    epilog="""\b
Example:
  sentiment export my-checkpoint --output my-model --forms fp32,bf16,int8 \\
    --calibration-file train.jsonl.gz --parity-file dev.jsonl.gz
  sentiment score --model my-model "The update made the app faster, great job!"

Requires the `train` extra. The worker serves int8 if the model has it, else bf16, else fp32. torch serves the
safetensors, which every export has. Processors without bf16 (AVX-512 BF16, AMX) compute that form in fp32. Parity is
measured against fp32 on torch."""
)
@click.argument("checkpoint", type=MODEL_DIRECTORY)
@click.option("--output", required=True, type=OUTPUT_FOLDER, metavar="DIR", help="Directory to create.")
@click.option(
    "--forms",
    default="int8",
    metavar="FORM,…",
    callback=parse_forms,
    help="Forms for the CPU: any of fp32, bf16 and int8.",
)
@click.option(
    "--calibration-file",
    required=True,
    metavar="FILE",
    help="Texts like those to be served; 400 of them set the scales of int8.",
)
@click.option("--parity-file", metavar="FILE", help="Texts, labelled or not, on which to compare the forms.")
@click.option(
    "--parity-rows", type=click.IntRange(1), default=1_500, metavar="N", help="Maximum rows to compare, evenly spaced."
)
@labelled_options
@name_option
@click.option(
    "--max-length", type=click.IntRange(8, 8_192), default=128, metavar="N", help="Maximum tokens per window of text."
)
@force_option
@json_option("Print the manifest as JSON.")
@common_options("label-map")
def export(
    checkpoint: Path,
    output: Path,
    forms: tuple[Any, ...],
    calibration_file: str,
    parity_file: str | None,
    parity_rows: int,
    text_field: str,
    label_field: str,
    reading: ReadingOptions,
    name: str | None,
    max_length: int,
    force: bool,
    as_json: bool,
    settings: Any,
) -> None:
    """Write CHECKPOINT in the forms that are served.

    CHECKPOINT is a transformers directory, or a model that was exported before. Every form keeps the temperature of
    the checkpoint (1 if it has none) until `sentiment calibrate` fits each.
    """
    from sentiment.cli.progress import Ticker

    check_outputs(output, force=force)
    with train_extra():
        from training.exporting.export import ExportJob, export_checkpoint
    job = ExportJob(
        checkpoint=checkpoint,
        output=output,
        forms=forms,
        calibration_file=calibration_file,
        parity_file=parity_file,
        parity_rows=parity_rows,
        name=name or output.name,
        max_length=max_length,
        layout=layout_of(settings, text_field, label_field, reading),
    )
    with Ticker() as ticker:
        manifest = export_checkpoint(job, progress=ticker)
    if as_json:
        print_json(manifest)
        return
    print_missing_forms(manifest)
    if parity := manifest.metrics.get("parity"):
        _print_parity(parity)
    size_mb = sum(path.stat().st_size for path in output.rglob("*") if path.is_file()) / 1e6
    click.echo(f"wrote {output} ({manifest.name} {manifest.version}, {size_mb:.1f} MB)")


def _print_parity(parity: dict[str, dict[str, Any]]) -> None:
    from sentiment.cli.tables import output, table

    heads = ("computed by", "labels agree", "mean |Δp|", "max |Δp|", "Δ macro-F1", "alone = batched", "max |Δp| alone")
    title = f"against fp32 on torch, {next(iter(parity.values()))['n_texts']} texts"
    output().print(table(heads, map(_parity_row, parity.values()), title=title))


def _parity_row(measured: dict[str, Any]) -> tuple[str, ...]:
    lost = measured["macro_f1_difference"]
    return (
        measured["backend"],
        f"{measured['label_agreement']:.4f}",
        f"{measured['mean_difference']:.5f}",
        f"{measured['max_difference']:.4f}",
        "–" if lost is None else f"{lost:+.4f}",
        f"{measured['alone_label_agreement']:.4f}",
        f"{measured['alone_max_difference']:.6f}",
    )
