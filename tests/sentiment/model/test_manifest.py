"""The manifest: what is written is read, and a file that was changed is noticed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from sentiment.errors import ModelError
from sentiment.events import LABELS
from sentiment.model.manifest import (
    Calibration,
    Manifest,
    hash_files,
    load_manifest,
    verify_files,
    version_of,
    write_manifest,
)
from tests.sentiment.model.models import edit_json


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "openvino").mkdir()
    (tmp_path / "openvino" / "model.bin").write_bytes(b"weights")
    (tmp_path / "config.json").write_text("{}")
    write_manifest(tmp_path, manifest_of(tmp_path))
    return tmp_path


def manifest_of(directory: Path) -> Manifest:
    files = hash_files(directory)
    return Manifest(
        name="m",
        version=version_of(files),
        files=files,
        max_length=64,
        architecture="A",
        backbone="b",
        calibration=Calibration(temperature_int8=1.25),
        metrics={"dev": {"macro_f1": 0.5}},
    )


def test_what_is_written_is_read(directory: Path) -> None:
    """A manifest survives the file, writing it again changes no byte, and it never lists itself."""
    content = (directory / "manifest.json").read_bytes()
    manifest = load_manifest(directory)
    assert manifest == manifest_of(directory)
    write_manifest(directory, manifest)
    assert (directory / "manifest.json").read_bytes() == content
    assert sorted(manifest.files) == ["config.json", "openvino/model.bin"]
    assert manifest.files["openvino/model.bin"] == hashlib.sha256(b"weights").hexdigest()


def test_untouched_files_pass(directory: Path) -> None:
    """Every file that was hashed verifies."""
    manifest = load_manifest(directory)
    verify_files(directory, manifest, manifest.files)
    assert manifest.labels == LABELS


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda file: file.write_bytes(b"Weights"), "SHA-256 differs"),
        (lambda file: file.unlink(), "is missing"),
    ],
)
def test_a_changed_or_missing_file_is_named(directory: Path, damage: Any, said: str) -> None:
    """The error names the file and what is wrong with it."""
    damage(directory / "openvino" / "model.bin")
    with pytest.raises(ModelError, match=rf"openvino/model\.bin .*{said}"):
        verify_files(directory, load_manifest(directory), ["openvino/model.bin"])


def test_a_file_that_is_not_listed_is_not_trusted(directory: Path) -> None:
    """A file that was added later does not verify."""
    (directory / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match=r"does not list tokenizer\.json"):
        verify_files(directory, load_manifest(directory), ["tokenizer.json"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": ["positive", "neutral", "negative"]}, "labels positive, neutral, negative"),
        ({"labels": ["a", "b", "c"]}, "needed, in this order: negative, neutral, positive"),
        ({"format_version": 2}, "format version 2"),
        ({"max_length": 2}, "not a model manifest"),
        ({"name": None}, "not a model manifest"),
        ({"files": {"config.json": "short"}}, "not a model manifest"),
        ({"files": {"../config.json": "0" * 64}}, "outside of its directory"),
        ({"files": {"/etc/passwd": "0" * 64}}, "outside of its directory"),
        ({"calibration": {"temperature_int8": 0.0}}, "not a model manifest"),
    ],
)
def test_a_wrong_manifest_is_refused(directory: Path, changes: dict[str, Any], said: str) -> None:
    """Other labels, another format, impossible values and foreign paths are refused with the reason."""
    edit_json(directory / "manifest.json", **changes)
    with pytest.raises(ModelError, match=said):
        load_manifest(directory)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_a_file_that_is_no_manifest_is_refused(directory: Path, content: bytes) -> None:
    """Bytes that are not a JSON object give a clear error, not a traceback."""
    (directory / "manifest.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"manifest\.json is not a model manifest"):
        load_manifest(directory)


def test_the_version_depends_on_every_file(directory: Path) -> None:
    """One byte of one file makes another version; the order in which files are found does not."""
    files = hash_files(directory)
    (directory / "config.json").write_text("{ }")
    assert version_of(hash_files(directory)) != version_of(files)
    assert version_of(dict(reversed(files.items()))) == version_of(files)
