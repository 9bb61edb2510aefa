"""Results as columns of a table, next to all input columns and under names that do not collide.

`sentiment rescore` and `sentiment.score_dataframe` add the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sentiment.scoring import Answer
from sentiment.text import text_fault

RESULT_COLUMNS = ("label", "score", "p_negative", "p_neutral", "p_positive", "model_version")
"""The names of the contract. In the output these columns always hold the result."""

_PREFIX = "input_"

Result = tuple[str | None, float | None, float | None, float | None, float | None, str | None]
UNSCORED: Result = (None, None, None, None, None, None)


@dataclass(frozen=True, slots=True)
class Columns:
    """`inputs` are the names of the input columns in order, `kept_as` their names in the output."""

    inputs: tuple[str, ...]
    kept_as: tuple[str, ...]

    @property
    def outputs(self) -> tuple[str, ...]:
        """All column names of the output, in order."""
        return self.kept_as + RESULT_COLUMNS

    @property
    def renamed(self) -> dict[str, str]:
        """Input columns that have another name in the output, because the result needs theirs."""
        return {before: after for before, after in zip(self.inputs, self.kept_as, strict=True) if before != after}


def plan_columns(inputs: Iterable[str]) -> Columns:
    """Keep every input column under its name, except one with the name of a result: it becomes `input_<name>`.

    So the result always has the same names, and rescoring a rescored file keeps both results.
    """
    names = tuple(inputs)
    taken = {*names, *RESULT_COLUMNS}
    kept = []
    for name in names:
        after = name
        while after in RESULT_COLUMNS or (after != name and after in taken):
            after = _PREFIX + after
        taken.add(after)
        kept.append(after)
    return Columns(names, tuple(kept))


def results_of(values: Sequence[object], score: Callable[[list[str]], Sequence[Answer]]) -> list[Result]:
    """The result columns of each value, in order; one that is not a text to be scored (`text_fault`) gets nulls.

    `score` gives one answer for each text, and is called only if there is a text.
    """
    results: list[Result] = [UNSCORED] * len(values)
    texts = {place: value for place, value in enumerate(values) if isinstance(value, str) and text_fault(value) is None}
    answers = score(list(texts.values())) if texts else []
    for place, answer in zip(texts, answers, strict=True):
        results[place] = _to_result(answer)
    return results


def transpose(results: Sequence[Result]) -> dict[str, list[str | float | None]]:
    """Result columns by name."""
    return {name: [result[index] for result in results] for index, name in enumerate(RESULT_COLUMNS)}


def _to_result(answer: Answer) -> Result:
    shares = answer.probabilities
    return (answer.label, answer.score, shares.negative, shares.neutral, shares.positive, answer.model.version)
