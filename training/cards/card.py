"""The model card: what a model is for, how it was made, and how good it is.

After Mitchell et al. 2019, "Model Cards for Model Reporting". Every number on it comes from the manifest. If the
manifest lacks something, the card says so and names the command that measures it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sentiment.decision import MOST_LIKELY
from sentiment.model.manifest import OPENVINO_FILES, Manifest, listed_graphs

_TEMPLATES = Path(__file__).parent / "templates"
_DIGITS = 4


def card(manifest: Manifest) -> str:
    """The card in Markdown. The same manifest gives the same card."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=False,  # noqa: S701 Markdown: the filter `cell` escapes
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(figure=_figure, cell=_cell, ends=_ends, rows=_rows)
    metrics = manifest.metrics
    validation = metrics.get("validation", {})
    return environment.get_template("card.md").render(
        manifest=manifest,
        forms=_forms(manifest),
        temperatures=_temperatures(manifest),
        decided=list(zip(manifest.labels, manifest.decision.offsets, strict=True))
        if manifest.decision != MOST_LIKELY
        else [],
        validation={name: part for name, part in validation.items() if isinstance(part, Mapping) and "n" in part},
        agreement={
            name.removesuffix("_agrees_with_fp32"): value
            for name, value in validation.items()
            if name.endswith("_agrees_with_fp32")
        },
        by_source={
            name.removesuffix("_macro_f1_by_source"): value
            for name, value in validation.items()
            if name.endswith("_macro_f1_by_source")
        },
        evaluations=metrics.get("evaluation", {}),
        calibration=metrics.get("calibration"),
        audit=metrics.get("audit"),
        cost=metrics.get("cost"),
    )


def _forms(manifest: Manifest) -> list[str]:
    """The forms of the weights, each with the runtime that computes it."""
    graphs = listed_graphs(manifest)
    torch = any(name.endswith(".safetensors") for name in manifest.files)
    return [*(f"{form} (OpenVINO)" for form in graphs), *(["safetensors (torch)"] if torch else [])]


def _temperatures(manifest: Manifest) -> list[str]:
    """The forms that have a temperature. Torch uses that of fp32."""
    torch = any(name.endswith(".safetensors") for name in manifest.files)
    graphs = listed_graphs(manifest)
    return [form for form in OPENVINO_FILES if form in graphs or (form == "fp32" and torch)]


def _figure(value: object) -> str:
    """A number for people: counts with commas, fractions with four digits. Anything else is left as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _cell(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.{_DIGITS}f}" if abs(value) >= 10.0**-_DIGITS and abs(value) < 1_000 else f"{value:.{_DIGITS}g}"


def _ends(measure: Mapping[str, Any] | Sequence[float]) -> str:
    """A value with its interval, or an interval alone."""
    if isinstance(measure, Mapping):
        ends = f"[{_figure(measure['low'])}, {_figure(measure['high'])}]"
        return f"{_figure(measure['value'])} {ends}" if "value" in measure else ends
    return f"[{', '.join(map(_figure, measure))}]"


def _cell(value: object) -> str:
    """Text from the manifest for a table cell: it can neither start a cell or a line nor contain HTML."""
    words = " ".join(str(value).split())
    return words.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def _rows(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every value of nested tables with its path, such as `("recipe seed", "13")`."""
    for key, value in values.items():
        name = f"{prefix} {key}".strip()
        if isinstance(value, Mapping):
            yield from _rows(value, name)
        elif isinstance(value, list | tuple):
            yield name, ", ".join(map(_setting, value))
        else:
            yield name, _setting(value)


def _setting(value: object) -> str:
    """A setting as it was given: floats with all their digits and without commas."""
    return f"{value:g}" if isinstance(value, float) else _figure(value)
