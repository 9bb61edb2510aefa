"""How a model errs, from where its versions stand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from sentiment.events import ModelRef
from sentiment.model.errors import errors_of
from sentiment.model.loading import shipped_model_path
from sentiment.model.manifest import load_manifest, write_manifest
from sentiment.model.registry import Registry
from tests.sentiment.model.registries import save_directory

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_the_shipped_model_knows_its_errors() -> None:
    """They are those of the confusion matrix in its manifest; another version has others."""
    manifest = load_manifest(shipped_model_path())
    found = errors_of("", manifest.ref())
    assert found is not None
    table = manifest.metrics["evaluation"]["int8"]["confusion"]
    assert found.recall == table[0][0] / sum(table[0])
    assert found.false_rate == (table[1][0] + table[2][0]) / found.n_other
    assert found.n_negative + found.n_other == manifest.metrics["evaluation"]["int8"]["n"]
    assert errors_of("shipped", ModelRef(name=manifest.name, version="another")) is None


def test_every_version_of_a_registry_is_found(tmp_path: Path) -> None:
    """Also one that no longer serves; one that was never evaluated has no errors to tell."""
    registry = Registry(tmp_path / "models")
    for version, n in (("1", 30), ("2", 0), ("3", 10)):
        directory = save_directory(tmp_path / version, version)
        confusion = [[n, 10, 10], [5, 20, 5], [5, 5, 20]]
        metrics = {"evaluation": {"fp32": {"confusion": confusion}}} if n else {}
        write_manifest(directory, msgspec.structs.replace(load_manifest(directory), metrics=metrics))
        with registry.staged(directory, at=NOW) as staged:
            registry.switch_to(staged, instead_of=registry.current(), at=NOW)
    found = {version: errors_of(str(registry.root), ModelRef(name="toy", version=version)) for version in "123"}
    assert found["1"] is not None
    assert (found["1"].recall, found["1"].false_rate) == (30 / 50, 10 / 60)
    assert found["2"] is None
    assert found["3"] is not None
    assert found["3"].recall == 10 / 30


@pytest.mark.parametrize("place", ["/nowhere", "organisation/model", "."])
def test_a_place_without_models_knows_nothing(place: str) -> None:
    """Nothing is loaded from a hub."""
    assert errors_of(place, ModelRef(name="a", version="1")) is None
