"""What commands of the extra `train` say where it is not installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.processes import run_python

_WITHOUT = """
import sys
for name in ("captum", "jinja2", "matplotlib", "scipy", "sklearn", "torch", "transformers"):
    sys.modules[name] = None
from sentiment.cli.main import run

sys.exit(run(sys.argv[1:]))
"""
CALLS = [
    ["calibrate", "rows.jsonl", "--plot", "plot.svg"],
    ["card"],
    ["compare", "rows.jsonl", "--model", "shipped"],
    ["distill", "rows.jsonl", "--validation", "dev.jsonl", "--teacher", "a", "--student", "b", "--output", "c"],
    ["evaluate", "rows.jsonl", "--report", "report.html"],
    ["explain", "fine"],
    ["export", "a", "--output", "b", "--calibration-file", "rows.jsonl"],
    ["models", "promote", "root", "a", "--data", "rows.jsonl"],
    ["train", "rows.jsonl", "--validation", "dev.jsonl", "--backbone", "a", "--output", "b"],
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call[0])
def test_a_missing_extra_is_named(call: list[str], tmp_path: Path) -> None:
    """The missing package and the command that installs it are said, with exit code 2 and nothing on stdout."""
    (tmp_path / "rows.jsonl").write_text('{"text": "fine", "label": "neutral"}\n' * 60)
    done = run_python(_WITHOUT, *call, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not installed" in done.stderr
    assert "sentiment-pipeline[train]" in done.stderr
