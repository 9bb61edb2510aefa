"""Settings of all training tests."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """More threads only slow tiny networks down: they wait for each other after every operation."""
    torch.set_num_threads(1)
