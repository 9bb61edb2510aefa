"""HTML pages: one file each that loads nothing and runs no script. Needs jinja2, of the extra `train`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATES = Path(__file__).parent / "templates"


def page_of(templates: Path, name: str, **values: Any) -> str:
    """The template `name` of the folder `templates`, filled in. Everything that comes from data is escaped.

    It extends `page.html`, which has the head and the looks.
    """
    environment = Environment(
        loader=FileSystemLoader([templates, _TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name).render(**values)
