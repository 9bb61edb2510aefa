"""The figures of `benchmarks.speed` as tables on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sentiment.cli.tables import line, output, table

MIN_AGREEMENT = 0.98


def show(found: Mapping[str, Any]) -> None:
    """Print what was measured, with the conditions first."""
    console = output()
    machine, texts = found["machine"], found["texts"]
    console.print(
        line(
            f"{machine['cores']} cores, {machine['instruction_set']}; {texts['n']:,} texts of "
            f"{texts['mean_tokens']:.0f} tokens, {texts['rounds']} rounds in turns; other programs kept "
            f"{machine['others_before']:.2f} cores busy before and {machine['others_during']:.2f} during the run"
        )
    )
    if machine["busy"]:
        console.print(
            line("The machine was busy: these ratios flatter the worker and are no result.", style="bold red")
        )
    console.print(table(_COLUMNS, [_row(each) for each in found["contenders"]]))
    console.print(
        table(
            ["load", "messages/s", "p50 ms", "p95 ms", "p99 ms"],
            [
                [
                    f"{each['share']:.0%}",
                    f"{each['per_second']:.0f}",
                    *(f"{each[f'p{percent}_ms']:.0f}" for percent in (50, 95, 99)),
                ]
                for each in found["latency"]
            ],
            title="The worker's latency, from sending an event to reading its committed result",
        )
    )
    worker = found["worker"]
    stages = ", ".join(f"{name} {value:.0f}" for name, value in worker["stages_us"].items())
    console.print(line(f"The worker's µs a message by stage: {stages}; {worker['padded_share']:.0%} of tokens padding"))
    for each in found["contenders"]:
        if each["agreement"] < MIN_AGREEMENT:
            console.print(
                line(f"{each['name']} gives other labels than the first: it does not count.", style="bold red")
            )


_COLUMNS = ("who", "messages/s", "ratio (all rounds)", "tokens/s", "same labels", "padding", "CPU ms", "peak MiB")


def _row(each: Mapping[str, Any]) -> Sequence[str]:
    padded = each["padded_share"]
    return [
        each["name"],
        f"{np.median(each['per_second']):.0f}",
        f"{np.median(each['ratios']):.2f} ({min(each['ratios']):.2f}–{max(each['ratios']):.2f})",
        f"{each['tokens_per_second']:,.0f}",
        f"{each['agreement']:.1%}",
        "" if padded is None else f"{padded:.0%}",
        f"{each['cpu_ms']:.2f}",
        f"{each['peak_mib']:.0f}",
    ]
