"""Training with several processes, as `torchrun` starts them: here two on the processor, over gloo."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from sentiment.model.manifest import load_manifest
from tests.processes import run
from tests.training import tiny

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_two_processes_make_one_model(tmp_path: Path) -> None:
    """Files are written once and one process speaks; a step has the rows of both, and both see the best weights."""
    tiny.save_backbone(tmp_path / "backbone", std=0.2)
    for name, count, seed in (("train", 200, 1), ("dev", 60, 2)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, tiny.rows(count, seed))))
    together = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = ["train", tmp_path / "train.jsonl", "--validation", tmp_path / "dev.jsonl", "--device", "cpu"]
    command += ["--backbone", tmp_path / "backbone", "--output", tmp_path / "model", "--max-length", "32"]
    command += ["--batch-size", "8", "--gradient-accumulation", "2", "--epochs", "1", "--save-every", "0"]
    command += ["--average-from", "0.5", "--evaluations", "2", "--learning-rate", "1e-2"]
    done = run([*together, "-m", "sentiment.cli", *map(str, command)])
    assert done.returncode == 0, done.stderr
    manifest = load_manifest(tmp_path / "model")
    assert manifest.training["recipe"]["effective_batch"] == 32
    assert manifest.training["run"]["processes"] == 2
    assert manifest.training["run"]["steps"] == 7  # 200 rows, 32 a step
    assert done.stdout.count("wrote ") == 1
    assert done.stderr.count("step 7 of 7") == 2  # the last step, and the mean
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backbone", "dev.jsonl", "model", "train.jsonl"]
