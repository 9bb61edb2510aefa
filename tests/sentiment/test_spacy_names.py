"""Pipelines of spaCy: which are found and loaded, what they find, and what is said where one is missing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.cli.main import run
from sentiment.errors import ConfigurationError
from sentiment.model import loading
from sentiment.privacy import names_are_searched, redact, search_names
from sentiment.spacy_names import SpacyNames
from tests.fakes import LexiconClassifier
from tests.processes import run_python

WITHOUT = """
import sys
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name == "spacy" else find(name, *rest)
from sentiment.cli.main import run

sys.exit(run(sys.argv[1:]))
"""


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    """A pipeline with rules in place of a trained recogniser, as a folder."""
    spacy = pytest.importorskip("spacy", reason="needs spaCy: install the extra names")
    nlp = spacy.blank("en")
    patterns = [{"label": label, "pattern": name} for label, name in (("PERSON", "Jane Roe"), ("GPE", "Leeds"))]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)
    nlp.to_disk(tmp_path / "pipeline")
    return tmp_path / "pipeline"


@pytest.fixture(autouse=True)
def _not_searched_afterwards() -> Iterator[None]:
    yield
    search_names(None)


def test_entities_of_many_pieces_in_order(pipeline: Path) -> None:
    """Where each begins and ends, and its label; without pieces, the pipeline only gets ready."""
    recognise = SpacyNames(str(pipeline))
    assert recognise([]) == []
    assert recognise(["Jane Roe of Leeds", "nobody", "by Jane Roe"]) == [
        [(0, 8, "PERSON"), (12, 17, "GPE")],
        [],
        [(3, 11, "PERSON")],
    ]


def test_any_text_can_be_searched(pipeline: Path) -> None:
    """Halves of surrogate pairs, control characters and whatever else is in it; the name is still found."""
    search_names(SpacyNames(str(pipeline)))

    @given(st.text(max_size=80), st.text(max_size=80))
    @settings(max_examples=100, deadline=None)
    def search(before: str, after: str) -> None:
        assert "Jane Roe" not in redact(f"{before} Jane Roe {after}").text

    search()


def test_a_package_is_read_and_not_run(pipeline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pipeline is found by the configuration inside; its code stays where it is."""
    package = tmp_path / "some_names"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('this code was run')")
    pipeline.rename(package / "some_names-1.0")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert SpacyNames("some_names")(["Jane Roe"]) == [[(0, 8, "PERSON")]]
    assert "some_names" not in sys.modules


@pytest.mark.parametrize("name", ["", "no_such_pipeline", "no/such/folder", "json"])
@pytest.mark.usefixtures("pipeline")
def test_a_missing_pipeline_is_named(name: str) -> None:
    """With the setting, before any text is read."""
    with pytest.raises(ConfigurationError, match=r"privacy\.names_pipeline") as caught:
        SpacyNames(name)
    assert caught.value.hint is not None


def test_pickles_are_refused(pipeline: Path) -> None:
    """Loading one runs code from the file."""
    (pipeline / "entity_ruler").mkdir(exist_ok=True)
    (pipeline / "entity_ruler" / "model.pkl").write_bytes(b"")
    with pytest.raises(ConfigurationError, match=r"model\.pkl"):
        SpacyNames(str(pipeline))([])


@pytest.mark.parametrize(
    ("file", "content"), [("config.cfg", b"[nlp"), ("vocab/strings.json", b"{"), ("tokenizer", b"x")]
)
def test_a_broken_pipeline_is_named(pipeline: Path, file: str, content: bytes) -> None:
    """With what spaCy says of it, and without a traceback."""
    (pipeline / file).write_bytes(content)
    with pytest.raises(ConfigurationError, match="cannot be loaded with spaCy"):
        SpacyNames(str(pipeline))([])


def test_a_pipeline_that_finds_no_entities_is_refused(tmp_path: Path) -> None:
    """It would look like protection and be none."""
    spacy = pytest.importorskip("spacy", reason="needs spaCy: install the extra names")
    spacy.blank("en").to_disk(tmp_path)
    with pytest.raises(ConfigurationError, match="finds entities"):
        SpacyNames(str(tmp_path))([])


def test_a_command_takes_it_from_the_settings(
    pipeline: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model reads no name, nor does anybody who reads the answer; a later command without the setting does."""
    model = LexiconClassifier()
    monkeypatch.setattr(loading, "load_configured", lambda _: model)
    monkeypatch.setenv("SENTIMENT_PRIVACY__NAMES", "spacy")
    monkeypatch.setenv("SENTIMENT_PRIVACY__NAMES_PIPELINE", str(pipeline))
    assert run(["score", "Jane Roe was great"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["text"], answer["redactions"], model.seen) == (
        "[PERSON] was great",
        {"person": 1},
        ["person was great"],
    )
    monkeypatch.delenv("SENTIMENT_PRIVACY__NAMES")
    assert run(["score", "Jane Roe was great"]) == 0
    assert not names_are_searched()


def test_without_spacy_the_remedy_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On one line, with exit code 2, before anything is read."""
    monkeypatch.setenv("SENTIMENT_PRIVACY__NAMES", "spacy")
    done = run_python(WITHOUT, "score", "Jane Roe was great", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "sentiment-pipeline[names]" in done.stderr
    assert "Traceback" not in done.stderr
