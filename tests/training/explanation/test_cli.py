"""`sentiment explain` on a tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sentiment.cli.main import run
from tests.training.explanation.made import save_classifier


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny BERT classifier."""
    return str(save_classifier(tmp_path_factory.mktemp("bert"), "bert"))


@pytest.mark.parametrize("method", ["integrated-gradients", "occlusion"])
def test_json_explains_the_redacted_text(method: str, model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One document: words are slices of the redacted text, and there is no personal data in it."""
    text = "the order was slow, write to jo@example.org"
    assert run(["explain", text, "--model", model, "--method", method, "--json"]) == 0
    shown = capsys.readouterr().out
    assert "example.org" not in shown
    document = json.loads(shown)
    assert document["method"] == method
    assert document["text"] == "the order was slow, write to email"
    assert [word["word"] for word in document["words"]][:4] == ["the", "order", "was", "slow"]
    assert all(document["text"][word["start"] : word["end"]] == word["word"] for word in document["words"])
    assert sum(word["attribution"] for word in document["words"]) == pytest.approx(document["completeness"]["sum"])
    assert document["score"] == pytest.approx(
        document["probabilities"]["positive"] - document["probabilities"]["negative"]
    )
    assert set(document["faithfulness"]) >= {"comprehensiveness", "sufficiency"}


def test_the_table_has_no_colours_without_a_terminal(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each word has a line, the checks follow, and no escape sequence gets into a file."""
    assert run(["explain", "the [bold]order[/bold] was slow", "--model", model]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert all(
        word in shown for word in ("order", "slow", "bold", "completeness:", "comprehensiveness:", "sufficiency:")
    )


def test_nothing_to_explain_is_exit_code_2(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty text, invisible signs and a missing model are wrong input."""
    assert run(["explain", "  "]) == 2
    assert run(["explain", "\u200b", "--model", model]) == 2
    assert run(["explain", "fine", "--model", str(Path(model) / "none")]) == 2
    assert "Traceback" not in capsys.readouterr().err
