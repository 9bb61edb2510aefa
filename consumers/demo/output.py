"""Reads what a process writes to a file, as it grows."""

from __future__ import annotations

from pathlib import Path


class LineReader:
    """Reads the complete lines of a growing file, each once. The file may not exist yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new_lines(self) -> list[str]:
        """The lines that were completed since the last call, without line ends and blank lines."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [line for line in whole.decode("utf-8", errors="replace").splitlines() if line.strip()]
