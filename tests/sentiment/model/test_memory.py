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
for counts, step in (((1, 2, 4, 8, 16, 32, 64), 16), ((3, 7, 13, 29, 50), 11)):
    for count in counts:
        for words in range(8, 128, step):
            classifier.predict(["fine " * words] * count)
    print(resident_mib())
"""


@pytest.mark.slow
def test_memory_stays_bounded_over_shapes() -> None:
    """Batches of every length and of many sizes: below 600 MiB, and other lengths and sizes add less than a tenth.

    Kernels of one shape take several MiB, so without few shapes memory would grow with every new one.
    """
    told = run_python(_SERVE)
    assert told.returncode == 0, told.stderr
    resident = [int(line) for line in told.stdout.split()]
    first, second = resident
    assert max(resident) < 600
    assert second < 1.1 * first
