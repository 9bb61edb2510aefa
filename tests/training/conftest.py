"""Settings of all training tests."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Tiny networks only lose by more threads: these wait for each other after every operation."""
    torch.set_num_threads(1)
