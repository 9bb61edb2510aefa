"""The lock files say what pyproject.toml asks for, with hashes, and under licences that somebody has looked at."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import sys
import tomllib
from collections.abc import Iterable
from email.message import Message
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

from tests.processes import run

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "requirements"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ("base", "build", "dev")


def entries(lock: str) -> dict[str, tuple[Requirement, list[str]]]:
    """Name → the requirement and its hashes, of every package that a lock file names."""
    lines = (REQUIREMENTS / f"{lock}.txt").read_text().replace("\\\n", " ").splitlines()
    found = {}
    for line in lines:
        if line and not line.lstrip().startswith("#"):
            requirement = Requirement(line.split(" --hash")[0])
            found[requirement.name] = (requirement, re.findall(r"--hash=(\S+)", line))
    return found


def direct(lock: str) -> list[Requirement]:
    """What pyproject.toml asks for in this use."""
    project, extras = PROJECT["project"], PROJECT["project"]["optional-dependencies"]
    texts: dict[str, Iterable[str]] = {
        "base": project["dependencies"],
        "build": PROJECT["build-system"]["requires"],
        "dev": [*project["dependencies"], *(text for extra in extras.values() for text in extra)],
    }
    return [Requirement(text) for text in texts[lock]]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_direct_dependency_is_locked_within_its_range(lock: str) -> None:
    """`make lock` was run after the last change of pyproject.toml."""
    locked = entries(lock)
    wanted = {requirement.name.lower(): requirement for requirement in direct(lock) if requirement.name != "torch"}
    assert wanted.keys() <= locked.keys()
    for name, requirement in wanted.items():
        [pin] = locked[name][0].specifier
        assert requirement.specifier.contains(pin.version), f"{lock}.txt has {name} {pin.version}, not {requirement}"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_is_one_release_with_hashes(lock: str) -> None:
    """pip then takes no other file than one that was there when the lock was made."""
    for name, (requirement, hashes) in entries(lock).items():
        assert [pin.operator for pin in requirement.specifier] == ["=="], name
        assert hashes, name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in hashes), name


def test_torch_alone_has_no_hash_and_one_version() -> None:
    """torch is in no lock file, and the three places that name its version agree."""
    assert not any("torch" in entries(lock) for lock in LOCKS)
    assert {name: hashes for name, (_, hashes) in entries("torch").items()} == {"torch": []}
    [asked] = [requirement for requirement in direct("dev") if requirement.name == "torch"]
    [described] = [entry for entry in PROJECT["tool"]["uv"]["dependency-metadata"] if entry["name"] == "torch"]
    assert entries("torch")["torch"][0].specifier == asked.specifier == f"=={described['version']}"


def test_what_torch_needs_is_locked() -> None:
    """What pyproject.toml says of torch's needs is what torch says, apart from the libraries of CUDA builds."""
    [described] = [entry for entry in PROJECT["tool"]["uv"]["dependency-metadata"] if entry["name"] == "torch"]
    stated = [Requirement(text) for text in importlib.metadata.requires("torch") or []]
    cuda = re.compile(r"cuda|nvidia|triton")
    needed = {str(r) for r in stated if not cuda.search(r.name) and "extra" not in str(r.marker)}
    assert set(described["requires-dist"]) == needed


def test_the_lock_files_agree() -> None:
    """What is served is what was tested: base and build name the versions that dev names."""
    tested = {name: requirement.specifier for name, (requirement, _) in entries("dev").items()}
    for lock in ("base", "build"):
        assert {
            name: requirement.specifier for name, (requirement, _) in entries(lock).items()
        }.items() <= tested.items()


def test_the_tests_run_on_what_is_locked() -> None:
    """The environment of this run holds the locked versions; `make test` brings it there."""
    here = {name: requirement for name, (requirement, _) in entries("dev").items() if applies(requirement)}
    assert {name: f"=={importlib.metadata.version(name)}" for name in here} == {
        name: str(requirement.specifier) for name, requirement in here.items()
    }


def applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate()


def test_no_lock_file_names_a_host() -> None:
    """Where packages are fetched from is up to who installs them."""
    for lock in (*LOCKS, "torch"):
        text = (REQUIREMENTS / f"{lock}.txt").read_text()
        assert not re.search(r"://|--index-url|--find-links|--trusted-host", text.replace("`pip --find-links`", ""))


def licences() -> ModuleType:
    """requirements/licences.py, which is a script."""
    spec = importlib.util.spec_from_file_location("licences", REQUIREMENTS / "licences.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["licences"] = module
    spec.loader.exec_module(module)
    return module


def test_every_locked_package_has_an_accepted_licence() -> None:
    """The command lists all of them, says which are copyleft, and exits 0."""
    done = run([sys.executable, str(REQUIREMENTS / "licences.py")])
    assert done.returncode == 0, done.stdout + done.stderr
    listed = {line.split()[0]: line for line in done.stdout.splitlines()}
    here = {name for name, (requirement, _) in entries("dev").items() if applies(requirement)}
    assert listed.keys() == here | {"torch"}
    assert "LGPL-2.1-or-later" in listed["crc32c"]


@pytest.mark.parametrize(
    ("expression", "accepted"),
    [
        ("MIT", True),
        ("Apache-2.0 WITH LLVM-exception AND MIT", True),
        ("GPL-3.0-or-later OR MIT", True),
        ("MIT AND GPL-3.0-or-later", False),
        ("MIT OR (GPL-3.0-only AND BSD-2-Clause)", False),  # more complex than what is understood: all has to be
        ("GPL-2.0-only", False),
        ("MPL-2.0", False),  # accepted for the packages that were reviewed, no others
        ("unknown", False),
        ("", False),
    ],
)
def test_a_licence_is_accepted_only_where_it_is_known(expression: str, accepted: bool) -> None:
    """Copyleft and unknown licences need a decision."""
    assert licences().Package("some-package", "1", expression).accepted is accepted


def test_a_review_holds_for_its_package_and_licence() -> None:
    """A reviewed package that changes its licence is looked at again."""
    module = licences()
    assert module.Package("certifi", "1", "MPL-2.0").accepted
    assert not module.Package("certifi", "1", "GPL-3.0-only").accepted


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ([("License-Expression", "MIT OR Apache-2.0"), ("License", "BSD")], "MIT OR Apache-2.0"),
        ([("License", "Apache 2.0")], "Apache-2.0"),
        ([("License", "A" * 200), ("Classifier", "License :: OSI Approved :: BSD License")], "BSD"),
        (
            [("Classifier", "License :: OSI Approved :: MIT License"), ("Classifier", "License :: Other")],
            "MIT AND Other",
        ),
        ([("License", "Beerware")], "Beerware"),
        ([("Classifier", "License :: OSI Approved")], "unknown"),
        ([], "unknown"),
    ],
)
def test_a_licence_is_read_from_any_of_the_fields(fields: list[tuple[str, str]], licence: str) -> None:
    """Packages state it in one of three ways; what cannot be told stays unknown."""
    metadata = Message()
    for name, value in fields:
        metadata[name] = value
    assert licences().licence_of(metadata) == licence
