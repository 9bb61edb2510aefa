"""The model card: what a model is for, what it was made of, and how good it is, as its manifest records it.

After Mitchell et al. 2019, "Model Cards for Model Reporting". Every number on it comes from the manifest; what the
manifest does not hold is said to be missing, with the command that finds it out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sentiment.model.manifest import OPENVINO_FILES, Manifest

_TEMPLATES = Path(__file__).parent / "templates"
_DIGITS = 4


def card(manifest: Manifest) -> str:
    """The card in Markdown. The same manifest gives the same card."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=False,  # noqa: S701 Markdown: cells are escaped by the filter `cell`
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
    """In words: what computes which weights."""
    graphs = [form for form, file in OPENVINO_FILES.items() if file in manifest.files]
    torch = any(name.endswith(".safetensors") for name in manifest.files)
    return [*(f"{form} (OpenVINO)" for form in graphs), *(["safetensors (torch)"] if torch else [])]


def _temperatures(manifest: Manifest) -> list[str]:
    """The forms that have a temperature: torch computes with that of fp32."""
    torch = any(name.endswith(".safetensors") for name in manifest.files)
    return [form for form, file in OPENVINO_FILES.items() if file in manifest.files or (form == "fp32" and torch)]


def _figure(value: object) -> str:
    """A number as people read it: counts with commas, small fractions with four digits, what is no number as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _cell(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.{_DIGITS}f}" if abs(value) >= 10.0**-_DIGITS and abs(value) < 1_000 else f"{value:.{_DIGITS}g}"


def _ends(measure: Mapping[str, Any] | Sequence[float]) -> str:
    """A value with the ends of its interval, or an interval alone."""
    if isinstance(measure, Mapping):
        ends = f"[{_figure(measure['low'])}, {_figure(measure['high'])}]"
        return f"{_figure(measure['value'])} {ends}" if "value" in measure else ends
    return f"[{', '.join(map(_figure, measure))}]"


def _cell(value: object) -> str:
    """Words of others in a table: neither a new cell nor a new line, nor HTML."""
    words = " ".join(str(value).split())
    return words.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def _rows(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every figure of nested tables, by its path: `("recipe seed", "13")`."""
    for key, value in values.items():
        name = f"{prefix} {key}".strip()
        if isinstance(value, Mapping):
            yield from _rows(value, name)
        elif isinstance(value, list | tuple):
            yield name, ", ".join(map(_setting, value))
        else:
            yield name, _setting(value)


def _setting(value: object) -> str:
    """As it was set: all digits of a float, and no commas in it."""
    return f"{value:g}" if isinstance(value, float) else _figure(value)
