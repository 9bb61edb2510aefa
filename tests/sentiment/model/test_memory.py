"""What serving keeps in memory."""

from __future__ import annotations

import pytest

from tests.processes import run_python

_SERVE = """
import re
from pathlib import Path
from sentiment.model.loading import load_model

def resident_mib():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024

classifier = load_model(threads=1)
for count in range(1, 8):
    for words in range(1, 120, 8):
        classifier.predict(["fine " * words] * count)
    print(resident_mib())
"""


@pytest.mark.slow
def test_shapes_that_were_served_are_not_kept() -> None:
    """Batches of every length and of many sizes: below 600 MiB, and the last 60 shapes add less than a tenth.

    Kernels of one shape take 5 MiB, so without a bound these take 800.
    """
    told = run_python(_SERVE)
    assert told.returncode == 0, told.stderr
    resident = [int(line) for line in told.stdout.split()]
    assert max(resident) < 600
    assert resident[-1] < 1.1 * resident[2]
