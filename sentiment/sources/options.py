"""How a file is to be read, where it does not tell by itself."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from sentiment.errors import UsageError
from sentiment.sources.rows import FileFormat

_NO_ENCODINGS_OF_FILES = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "utf_7"}
_NO_DELIMITERS = '"\r\n\0'


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """What the user says of a file. None: the file tells, by its name, its first bytes or its first rows.

    `skip_rows` rows after the header of a CSV file are left out, for instance a second header.
    """

    file_format: FileFormat | None = None
    delimiter: str | None = None
    encoding: str | None = None
    skip_rows: int = 0

    def check(self, file_format: FileFormat) -> None:
        """Raises UsageError: an option has no meaning in this format, or cannot be."""
        if file_format != "csv" and (self.delimiter is not None or self.skip_rows):
            raise UsageError("--delimiter and --skip-rows are for CSV", hint="leave them out, or add --format csv")
        if file_format == "parquet" and self.encoding is not None:
            raise UsageError("--encoding is for text: Parquet has one of its own")
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in _NO_DELIMITERS):
            raise UsageError("--delimiter is one character, and neither a quote nor a line end")
        if self.skip_rows < 0:
            raise UsageError("--skip-rows is at least 0")
        if self.encoding is not None:
            require_text_encoding(self.encoding)


DEFAULT_READING = ReadingOptions()


def require_text_encoding(name: str) -> None:
    """Raises UsageError: there is no such encoding of text."""
    try:
        "".encode(name)
        known = codecs.lookup(name).name.replace("-", "_") not in _NO_ENCODINGS_OF_FILES
    except (LookupError, UnicodeError, ValueError):
        known = False
    if not known:
        raise UsageError(f"there is no encoding {name!r}", hint="for instance utf-8, cp1252, utf-16, iso-8859-15")
