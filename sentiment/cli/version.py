"""What `--version` shows: program, shipped model, backend, and the instruction set that all figures depend on."""

from __future__ import annotations

import importlib.metadata
import platform
import re
from pathlib import Path

from sentiment import __version__
from sentiment.errors import ModelError

# Best first. Speed and int8 arithmetic depend on them, so every figure is shown with its instruction set.
_INSTRUCTION_SETS = (
    ("AMX", {"amx_int8"}),
    ("AVX-512 VNNI BF16", {"avx512f", "avx512_vnni", "avx512_bf16"}),
    ("AVX-512 VNNI", {"avx512f", "avx512_vnni"}),
    ("AVX-512", {"avx512f"}),
    ("AVX2 VNNI", {"avx2", "avx_vnni"}),
    ("AVX2", {"avx2"}),
    ("ASIMD dot product", {"asimddp"}),
)


def version_text() -> str:
    """Return four lines: version, model and its version, backend and its version, machine and instruction set."""
    return "\n".join(
        (
            f"sentiment {__version__}",
            f"model     {_model()}",
            f"backend   {_backend()}",
            f"machine   {platform.machine()}, {instruction_set()}",
        )
    )


def instruction_set(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the name of the best vector instruction set of this machine, or that it is unknown."""
    try:
        content = cpuinfo.read_text(errors="replace")
    except OSError:
        return "instruction set unknown"
    line = re.search(r"^(?:flags|Features)\s*:(.*)$", content, re.MULTILINE)
    found = set(line[1].split()) if line else set()
    return next((name for name, needed in _INSTRUCTION_SETS if needed <= found), "instruction set unknown")


def _model() -> str:
    from sentiment.model.loading import shipped_model_path
    from sentiment.model.manifest import load_manifest

    try:
        manifest = load_manifest(shipped_model_path())
    except ModelError as error:
        return f"none ({error.message})"
    return f"{manifest.name} {manifest.version}"


def _backend() -> str:
    try:
        return f"openvino {importlib.metadata.version('openvino')}"
    except importlib.metadata.PackageNotFoundError:
        return "openvino is not installed"
