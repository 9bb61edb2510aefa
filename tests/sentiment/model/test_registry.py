"""The registry: what serves is always complete, and switches happen one at a time."""

from __future__ import annotations

import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sentiment.errors import CheckFailed, InputError, ModelError
from sentiment.model import registry as registry_module
from sentiment.model.loading import locate
from sentiment.model.registry import Registry, Version, is_registry
from tests.sentiment.model.registries import save_directory
from tests.waiting import WITHIN_S, wait_until

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


def promote(registry: Registry, directory: Path) -> Version:
    with registry.staged(directory, at=NOW) as staged:
        return registry.switch_to(staged, instead_of=registry.current(), at=NOW)


def serving(registry: Registry) -> str:
    return registry.promoted().ref.version


def test_promoting_and_rolling_back_go_through_the_versions(registry: Registry, tmp_path: Path) -> None:
    """A rollback returns to what served before, step by step, and every step is in the history."""
    for version in ("1", "2", "3"):
        promote(registry, save_directory(tmp_path / version, version))
    assert serving(registry) == "3"
    assert registry.rollback(at=NOW).ref.version == "2"
    assert registry.rollback(at=NOW).ref.version == "1"
    with pytest.raises(ModelError, match="no earlier version"):
        registry.rollback(at=NOW)
    assert serving(registry) == "1"
    assert [version.ref.version for version in registry.versions()] == ["1", "2", "3"]
    assert [(event.action, event.version, event.previous) for event in registry.history()] == [
        ("promoted", "toy-1", None),
        ("promoted", "toy-2", "toy-1"),
        ("promoted", "toy-3", "toy-2"),
        ("rolled_back", "toy-2", "toy-3"),
        ("rolled_back", "toy-1", "toy-2"),
    ]


def test_any_version_that_is_there_can_serve(registry: Registry, tmp_path: Path) -> None:
    """By its id or its number, without a gate; the history has it, and a rollback returns to what served before."""
    for version in ("1", "2", "3"):
        promote(registry, save_directory(tmp_path / version, version))
    assert registry.serve("toy-1", at=NOW).ref.version == "1"
    assert registry.serve("2", at=NOW).ref.version == "2"
    assert registry.serve("2", at=NOW).ref.version == "2"
    assert [(event.action, event.version) for event in registry.history()[3:]] == [
        ("served_again", "toy-1"),
        ("served_again", "toy-2"),
        ("served_again", "toy-2"),
    ]
    assert registry.rollback(at=NOW).ref.version == "1"
    assert registry.rollback(at=NOW).ref.version == "3"
    with pytest.raises(ModelError, match="has no version 4") as error:
        registry.serve("4", at=NOW)
    assert "toy-1, toy-2, toy-3" in (error.value.hint or "")
    assert serving(registry) == "3"


def test_a_rollback_passes_over_deleted_versions(registry: Registry, tmp_path: Path) -> None:
    """Old versions may be deleted: a rollback goes to the last one that is there, and at the end names what is left."""
    for version in ("1", "2", "3"):
        promote(registry, save_directory(tmp_path / version, version))
    shutil.rmtree(registry.root / "versions" / "toy-2")
    assert registry.rollback(at=NOW).ref.version == "1"
    with pytest.raises(ModelError, match="no earlier version") as error:
        registry.rollback(at=NOW)
    assert "toy-1, toy-3" in (error.value.hint or "")


def test_a_damaged_version_does_not_serve_again(registry: Registry, tmp_path: Path) -> None:
    """Its files are verified first; the version that serves goes on."""
    for version in ("1", "2"):
        promote(registry, save_directory(tmp_path / version, version))
    (registry.root / "versions/toy-1/openvino/model.bin").write_bytes(b"other")
    with pytest.raises(ModelError, match="is not the file that the manifest describes"):
        registry.serve("toy-1", at=NOW)
    assert serving(registry) == "2"


def test_a_rollback_forgets_the_version_that_it_left(registry: Registry, tmp_path: Path) -> None:
    """After a rollback and another promotion, a rollback goes to the version that served, not to the abandoned one."""
    for version in ("1", "2"):
        promote(registry, save_directory(tmp_path / version, version))
    registry.rollback(at=NOW)
    promote(registry, save_directory(tmp_path / "3", "3"))
    assert registry.rollback(at=NOW).ref.version == "1"


def test_the_root_means_the_promoted_version(registry: Registry, tmp_path: Path) -> None:
    """`--model ROOT` is the promoted version; without one it is an error that says what to do."""
    with registry.staged(save_directory(tmp_path / "1", "1"), at=NOW) as staged:
        with pytest.raises(ModelError, match="without a promoted version") as caught:
            locate(registry.root)
        assert "models promote" in str(caught.value.hint)
        registry.switch_to(staged, instead_of=None, at=NOW)
    opened = locate(registry.root)
    assert (opened.ref.version, opened.path) == ("1", registry.promoted().path)
    assert is_registry(registry.root)
    assert not is_registry(opened.path)


def test_only_what_the_manifest_lists_is_copied_and_all_of_it_is_proved(registry: Registry, tmp_path: Path) -> None:
    """A stray file is not copied. A damaged or a missing one is refused, and the attempt leaves nothing behind."""
    directory = save_directory(tmp_path / "1", "1")
    (directory / "notes.txt").write_text("stray")
    version = promote(registry, directory)
    assert not (version.path / "notes.txt").exists()
    damaged = save_directory(tmp_path / "2", "2")
    (damaged / "openvino" / "model.bin").write_bytes(b"other")
    with pytest.raises(ModelError, match="SHA-256 differs"):
        promote(registry, damaged)
    (damaged / "openvino" / "model.bin").unlink()
    with pytest.raises(ModelError, match=r"model\.bin is missing"):
        promote(registry, damaged)
    assert [path.name for path in (registry.root / "versions").iterdir()] == ["toy-1"]
    assert serving(registry) == "1"


def test_a_version_is_never_changed(registry: Registry, tmp_path: Path) -> None:
    """The same model again is the same version; another model under its name and version is refused."""
    directory = save_directory(tmp_path / "1", "1")
    assert promote(registry, directory) == promote(registry, directory)
    assert registry.earlier() == ()
    other = save_directory(tmp_path / "other", "1", weights=b"others")
    with pytest.raises(ModelError, match="a different model with the same name and version"):
        promote(registry, other)


def test_a_judgement_against_another_version_does_not_hold(registry: Registry, tmp_path: Path) -> None:
    """A candidate that was compared with a version that no longer serves is not promoted."""
    with registry.staged(save_directory(tmp_path / "late", "late"), at=NOW) as staged:
        promote(registry, save_directory(tmp_path / "1", "1"))
        with pytest.raises(CheckFailed, match="promoted in the meantime"):
            registry.switch_to(staged, instead_of=None, at=NOW)
    assert serving(registry) == "1"


def test_a_switch_that_fails_half_way_leaves_the_old_version(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pointer is written last: if that fails, the old version serves and the attempt is in the history."""
    promote(registry, save_directory(tmp_path / "1", "1"))

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(registry_module, "write_pointer", fail)
        with pytest.raises(OSError, match="No space"):
            promote(registry, save_directory(tmp_path / "2", "2"))
    assert serving(registry) == "1"
    assert [event.version for event in registry.history()] == ["toy-1", "toy-2"]
    assert promote(registry, tmp_path / "2").ref.version == "2"


def test_a_damaged_version_is_not_rolled_back_to(registry: Registry, tmp_path: Path) -> None:
    """A rollback verifies the files first."""
    first = promote(registry, save_directory(tmp_path / "1", "1"))
    promote(registry, save_directory(tmp_path / "2", "2"))
    (first.path / "openvino" / "model.bin").write_bytes(b"rotten")
    with pytest.raises(ModelError, match="SHA-256 differs"):
        registry.rollback(at=NOW)
    assert serving(registry) == "2"


def test_many_promotions_at_once_are_one_after_another(registry: Registry, tmp_path: Path) -> None:
    """Of concurrent promotions each is judged against what serves when it switches, none is lost, and a reader
    sees a whole version at any moment.
    """
    promote(registry, save_directory(tmp_path / "0", "0"))
    done = threading.Event()
    faults: list[Exception] = []

    def read() -> None:
        while not done.wait(0.001):
            try:
                locate(registry.root)
            except ModelError as error:
                faults.append(error)

    def switched(staged: Version) -> bool:
        try:
            registry.switch_to(staged, instead_of=registry.current(), at=NOW)
        except CheckFailed:
            return False
        return True

    def switch(version: str) -> None:
        with registry.staged(save_directory(tmp_path / version, version), at=NOW) as staged:
            wait_until(lambda: switched(staged), f"the promotion of {version}")

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=switch, args=(str(number),)) for number in range(1, 7)]
    for thread in (reader, *writers):
        thread.start()
    for writer in writers:
        writer.join(WITHIN_S)
    done.set()
    reader.join(WITHIN_S)
    assert faults == []
    served = [*registry.earlier(), registry.promoted().id]
    assert sorted(served) == [f"toy-{number}" for number in range(7)]
    assert [event.version for event in registry.history()] == served
    assert [event.previous for event in registry.history()] == [None, *served[:-1]]


def test_a_torn_line_of_the_history_costs_only_itself(registry: Registry, tmp_path: Path) -> None:
    """A line that a crash cut short is skipped, and the next decision gets a line of its own."""
    promote(registry, save_directory(tmp_path / "1", "1"))
    with (registry.root / "history.jsonl").open("ab") as file:
        file.write(b'{"at":"2026-03-01T12')
    promote(registry, save_directory(tmp_path / "2", "2"))
    assert [event.version for event in registry.history()] == ["toy-1", "toy-2"]


@pytest.mark.parametrize("content", ["", "{", '{"current": "../../etc"}', '{"current": "a", "format_version": 9}'])
def test_a_broken_pointer_is_an_error_that_names_it(registry: Registry, tmp_path: Path, content: str) -> None:
    """Any content of the pointer is a version of this registry or a clear error."""
    promote(registry, save_directory(tmp_path / "1", "1"))
    (registry.root / "current").write_text(content)
    with pytest.raises(ModelError, match="current"):
        registry.current()


def test_a_directory_of_something_else_is_left_alone(tmp_path: Path) -> None:
    """A root that holds other things is refused before anything is written there, and so is a path that is a file."""
    candidate = save_directory(tmp_path / "1", "1")
    before = sorted(path.name for path in candidate.iterdir())
    with pytest.raises(ModelError, match="neither empty nor a model registry"):
        promote(Registry(candidate), candidate)
    assert sorted(path.name for path in candidate.iterdir()) == before
    with pytest.raises(ModelError, match="not a model registry"):
        Registry(tmp_path).rollback(at=NOW)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError):
        promote(Registry(tmp_path / "file" / "models"), candidate)


def test_what_a_killed_promotion_left_is_cleared_later(registry: Registry, tmp_path: Path) -> None:
    """An abandoned copy is removed after a day; that of a running promotion stays."""
    promote(registry, save_directory(tmp_path / "1", "1"))
    left = registry.root / "versions" / ".staging-left"
    left.mkdir()
    promote(registry, save_directory(tmp_path / "2", "2"))
    assert left.exists()
    soon = datetime.now(UTC) + timedelta(days=2)
    with registry.staged(tmp_path / "2", at=soon):
        assert not left.exists()


def test_names_cannot_leave_the_registry(registry: Registry, tmp_path: Path) -> None:
    """A hub id or a hostile name becomes one directory below versions; results keep the name as it is."""
    version = promote(registry, save_directory(tmp_path / "1", "1/2", name="../owner/name"))
    assert version.path.parent == registry.root / "versions"
    assert (version.ref.name, version.ref.version) == ("../owner/name", "1/2")
    assert registry.promoted() == version
