"""Model directories, made once for the run; tests that change one copy it first."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sentiment.model.models import save_classifier
from tests.training import tiny
from training.exporting.export import ExportPlan, Provenance, export_model


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A foreign directory: a checkpoint without a manifest."""
    return save_classifier(tmp_path_factory.mktemp("model") / "checkpoint")


@pytest.fixture(scope="session")
def exported(checkpoint: Path) -> Path:
    """The same network as this project exports it."""
    directory = checkpoint.parent / "exported"
    texts = [row["text"] for row in tiny.rows(30, seed=5)]
    plan = ExportPlan(texts, max_length=32)
    export_model(checkpoint, directory, plan, Provenance("tiny", "tiny", licences={"x": "y"}))
    return directory


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[Path], Path]:
    """A function that copies a model directory to where it may be damaged."""
    return lambda directory: Path(shutil.copytree(directory, tmp_path / directory.name))
