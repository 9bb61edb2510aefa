"""The whole comparison, from the command line to its tables, report and plot."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.metrics import f1_score

from sentiment.cli.compare import print_comparison
from sentiment.cli.main import cli, run
from sentiment.events import LABELS
from sentiment.model.loading import load_model
from tests.tables import require_whole_figures
from tests.training.tiny import rows
from training.comparison.architectures import save_untrained
from training.comparison.plot import plot_of
from training.comparison.records import ModelComparison
from training.comparison.report import markdown
from training.comparison.tables import FRONT_MARK, tables
from training.evaluation.predicting import probabilities_of

ROWS = rows(40, seed=9)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled rows in a file."""
    file = tmp_path_factory.mktemp("data") / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return file


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained GPT-2 that can be served."""
    directory = tmp_path_factory.mktemp("models") / "small-gpt2"
    save_untrained("gpt2", directory, [row["text"] for row in ROWS], vocabulary_size=300, max_length=32, seed=1)
    return directory


@pytest.fixture(scope="module")
def comparison(data: Path, model: Path) -> ModelComparison:
    """The model and the word list on the rows, by the command."""
    arguments = ["--model", str(model), "--lexicon", "--reference", "lexicon", "--no-fairness", "--threads", "1"]
    sizes = ["--rounds", "2", "--timed-texts", "10", "--singles", "3"]
    result = CliRunner().invoke(cli, ["compare", str(data), *arguments, *sizes, "--json"], catch_exceptions=False)
    return msgspec.json.decode(result.stdout, type=ModelComparison)


@pytest.mark.slow
def test_quality_is_what_scikit_learn_says_of_the_served_answers(comparison: ModelComparison, model: Path) -> None:
    """The figures of the child process are those of the model loaded here, on the same texts."""
    chosen = probabilities_of(load_model(model, threads=1), [row["text"] for row in ROWS]).argmax(axis=1)
    labels = np.array([LABELS.index(row["label"]) for row in ROWS])  # type: ignore[arg-type]
    found, lexicon = comparison.models
    assert found.quality.macro_f1.value == pytest.approx(f1_score(labels, chosen, average="macro"))
    assert found.quality.ece is not None
    assert lexicon.quality.ece is None
    assert found.versus is not None
    assert lexicon.versus is None
    difference = found.quality.macro_f1.value - lexicon.quality.macro_f1.value
    assert found.versus.macro_f1.value == pytest.approx(difference)
    assert (found.name, found.backend) == ("small-gpt2", "torch-cpu-fp32")
    assert found.speed.n_singles == 6
    assert found.peak_memory_mib > lexicon.peak_memory_mib


@pytest.mark.slow
def test_tables_report_and_plot_say_the_same(
    comparison: ModelComparison, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows have one cell a column, and whole figures on any page; Markdown has all; plots are what their names say."""
    for table in tables(comparison):
        assert all(len(row) == len(table.columns) for row in table.rows)
        assert table.title in markdown(comparison)
        assert all(cell in markdown(comparison) for row in table.rows for cell in row)
    assert FRONT_MARK in markdown(comparison)
    require_whole_figures(lambda: print_comparison(comparison), monkeypatch, capsys)
    drawn = plot_of(comparison, ".svg")
    assert drawn == plot_of(comparison, ".svg")
    assert "small-gpt2" in drawn.decode()
    assert plot_of(comparison, ".png").startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing to compare"),
        (["--lexicon", "--reference", "other"], "reference"),
        (["--lexicon", "--model", "lexicon=shipped"], "names must be unique"),
        (["--lexicon", "--plot", "plot.pdf"], "not a name for a plot"),
        (["--lexicon", "--utilisation", "1", "--assumptions", "gone.toml"], "gone.toml"),
    ],
)
def test_wrong_calls_end_with_exit_code_2(
    data: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each says what is wrong before anything is loaded."""
    assert run(["compare", str(data), *arguments]) == 2
    assert said in capsys.readouterr().err


def test_an_existing_report_is_not_overwritten(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --force the file stays as it is."""
    report = tmp_path / "report.md"
    report.write_text("mine")
    assert run(["compare", str(data), "--lexicon", "--report", str(report)]) == 2
    assert report.read_text() == "mine"
    assert "--force" in capsys.readouterr().err


@pytest.mark.slow
def test_fairness_is_of_every_model_and_attribute(data: Path) -> None:
    """Gaps and flips are shares of pairs; a table has a line for each attribute and a column for each model."""
    sizes = ["--rounds", "1", "--timed-texts", "5", "--singles", "1", "--max-rows", "10"]
    result = CliRunner().invoke(cli, ["compare", str(data), "--lexicon", *sizes, "--json"], catch_exceptions=False)
    found = msgspec.json.decode(result.stdout, type=ModelComparison)
    gaps = found.models[0].gaps
    assert gaps
    assert all(0.0 <= gap.mean_abs_gap <= 2.0 and 0.0 <= gap.flip_rate <= 1.0 and gap.n_pairs > 0 for gap in gaps)
    assert found.conditions.n_rows == 10
    assert found.conditions.n_rows_in_file == len(ROWS)
    fairness = tables(found)[-1]
    assert [row[0] for row in fairness.rows] == [gap.attribute for gap in gaps]
