"""Model directories for tests that only read manifests: the files verify, but cannot be loaded."""

from __future__ import annotations

from pathlib import Path

from sentiment.model.manifest import (
    CONFIG_FILE,
    TOKENIZER_FILE,
    Manifest,
    hash_files,
    write_manifest,
)


def save_directory(path: Path, version: str, *, name: str = "toy", weights: bytes = b"weights") -> Path:
    """A directory that verifies but cannot be loaded."""
    graph = {"openvino/model.xml": b"<net/>", "openvino/model.bin": weights}
    contents = {CONFIG_FILE: b"{}", TOKENIZER_FILE: b"{}", **graph}
    for file, content in contents.items():
        (path / file).parent.mkdir(parents=True, exist_ok=True)
        (path / file).write_bytes(content)
    files = hash_files(path)
    write_manifest(
        path, Manifest(name=name, version=version, files=files, max_length=32, architecture="none", backbone="none")
    )
    return path
