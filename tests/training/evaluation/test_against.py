"""Two evaluations side by side."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from sentiment.cli.evaluation_tables import print_judgement
from sentiment.errors import InputError
from sentiment.events import ModelRef
from sentiment.statistics import Estimate
from tests.html_pages import Page, require_self_contained
from tests.tables import require_whole_figures
from tests.training.evaluation.made import answers, examples
from training.evaluation.against import EarlierEvaluation, beside, difference, read_earlier
from training.evaluation.evaluate import evaluate
from training.evaluation.judgement import DataRef, Judgement, ScoringTime
from training.evaluation.predicting import Answers
from training.evaluation.report import report_html


def judged(version: str, *, sharpness: float, fingerprint: str = "f" * 64) -> Judgement:
    rows = examples(300, seed=1, sources=("mail", "<b>chat</b>"))
    return Judgement(
        model=ModelRef(name="tiny", version=version),
        backend="openvino-int8",
        data=DataRef(file="dev.jsonl", n_in_file=300, fingerprint=fingerprint),
        evaluation=evaluate(
            Answers.most_likely(answers(rows, seed=2, sharpness=sharpness)), rows, seed=3, n_resamples=200
        ),
        reproduction=None,
        errors=(),
        cost=ScoringTime(seconds=1.0, texts_per_s=300.0),
    )


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Judgement:
    """A better model beside an earlier one, whose evaluation is in a file."""
    before, now = judged("old", sharpness=1.0), judged("new", sharpness=2.5)
    file = tmp_path_factory.mktemp("against") / "before.json"
    file.write_bytes(msgspec.json.encode(before))
    against = beside(now.evaluation, now.data.fingerprint, read_earlier(file), file.name)
    return msgspec.structs.replace(now, against=against)


def test_every_figure_stands_beside_the_earlier_one(both: Judgement) -> None:
    """Overall, by class and by slice; a clear gain is outside the interval of its difference."""
    against = both.against
    assert against is not None
    assert against.same_rows
    assert against.model.version == "old"
    by_name = {(each.kind, each.name): each for each in against.figures}
    assert {("overall", "macro-F1"), ("class", "neutral"), ("source", "mail"), ("length", "0-20")} <= by_name.keys()
    gain = by_name["overall", "macro-F1"]
    assert gain.now == both.evaluation.macro_f1
    assert gain.difference.value == pytest.approx(gain.now.value - gain.before.value)
    assert gain.difference.low > 0.0
    assert by_name["overall", "log loss"].difference.high < 0.0


def test_the_interval_covers_the_true_difference_as_often_as_it_says() -> None:
    """Of two normal figures from independent samples, in 95 of 100 draws."""
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(400):
        first, second = (rng.normal(centre, 0.02) for centre in (0.75, 0.7))
        a, b = (Estimate(value, value - 0.0392, value + 0.0392) for value in (first, second))
        found = difference(a, b)
        covered += found.low <= 0.05 <= found.high
    assert covered / 400 == pytest.approx(0.95, abs=0.035)


def test_the_page_and_the_tables_show_both(
    both: Judgement, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a plot, the names as words, and whole figures on any page."""
    page = Page(report_html(both))
    require_self_contained(page)
    assert "Beside tiny old" in page.words
    assert "source: <b>chat</b>" in page.words
    assert page.of("b") == []
    print_judgement(both, n_errors=0)
    assert "against tiny old" in capsys.readouterr().out
    require_whole_figures(lambda: print_judgement(both, n_errors=0), monkeypatch, capsys)


def test_other_rows_are_said() -> None:
    """The fingerprints tell."""
    now, other = judged("new", sharpness=2.0), judged("old", sharpness=2.0, fingerprint="e" * 64)
    earlier = msgspec.json.decode(msgspec.json.encode(other), type=EarlierEvaluation)
    assert not beside(now.evaluation, now.data.fingerprint, earlier, "before.json").same_rows


@pytest.mark.parametrize(("content", "said"), [(None, "cannot read"), (b"{}", "holds no evaluation")])
def test_a_file_without_an_evaluation_is_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    """Before anything is scored."""
    file = tmp_path / "before.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_earlier(file)
