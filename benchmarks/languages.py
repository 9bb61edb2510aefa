"""How many texts are flagged as in another language than the model's: `python -m benchmarks.languages FILE…`.

Files are read as `sentiment score --file` reads them: one text a line, CSV, JSONL or Parquet, also packed.
"""

from __future__ import annotations

import click

from sentiment.cli.inputs import text_field_option
from sentiment.cli.text_lines import read_lines
from sentiment.language import detect_language
from sentiment.privacy import redact_all
from sentiment.sources import find_input
from sentiment.text import normalise


@click.command()
@click.argument("files", nargs=-1, required=True)
@text_field_option("Text column of a table.")
def main(files: tuple[str, ...], text_field: str) -> None:
    """Print the share of flagged texts of each of FILES."""
    for file in files:
        texts = [line.text for line in read_lines(find_input(file), text_field) if line.text is not None]
        flagged = sum(detect_language(normalise(each.text)).unsupported for each in redact_all(texts))
        click.echo(f"{file}: {flagged:,} of {len(texts):,} flagged ({flagged / max(1, len(texts)):.1%})")


if __name__ == "__main__":
    main()
