"""Labelled data from outside the repository: tests that need it are skipped where it is missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def data_file(name: str) -> Path:
    """The path of `name` in the folder that SENTIMENT_DATA names; else the test is skipped, with the reason."""
    folder = os.environ.get("SENTIMENT_DATA")
    if not folder:
        pytest.skip(f"needs {name}: set SENTIMENT_DATA to the folder that has it")
    path = Path(folder) / name
    if not path.is_file():
        pytest.skip(f"needs {name}, which the folder SENTIMENT_DATA does not have")
    return path
