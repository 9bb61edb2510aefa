"""`sentiment --version`."""

from __future__ import annotations

from pathlib import Path

import pytest

import sentiment
from sentiment.cli.main import run
from sentiment.cli.version import instruction_set


def test_version_names_what_figures_depend_on(capsys: pytest.CaptureFixture[str]) -> None:
    """Program, model, backend and machine, one line each."""
    assert run(["--version"]) == 0
    program, model, backend, machine = capsys.readouterr().out.splitlines()
    assert program == f"sentiment {sentiment.__version__}"
    assert model.startswith("model ")
    assert backend.startswith("backend   openvino 20")
    assert machine.startswith("machine ")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fpu sse4_2 avx2", "AVX2"),
        ("avx2 avx_vnni", "AVX2 VNNI"),
        ("avx2 avx512f avx512_vnni", "AVX-512 VNNI"),
        ("avx2 avx512f avx512_vnni avx512_bf16 amx_int8", "AMX"),
        ("fpu", "instruction set unknown"),
    ],
)
def test_the_best_instruction_set_is_named(tmp_path: Path, flags: str, expected: str) -> None:
    """The flags of the first processor decide."""
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nflags\t\t: {flags}\n")
    assert instruction_set(cpuinfo) == expected


def test_a_system_without_cpuinfo_is_no_error(tmp_path: Path) -> None:
    """Where the file is missing the set is unknown."""
    assert instruction_set(tmp_path / "none") == "instruction set unknown"
