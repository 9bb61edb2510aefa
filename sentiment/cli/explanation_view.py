"""An explanation on the terminal: the text in colours, a bar for each word, and the checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from sentiment.cli.tables import FittedTable, line, output, table

if TYPE_CHECKING:
    from training.explanation.explain import ExplainedWord, Explanation

_BAR_WIDTH = 20
_FAINT = 0.1
_STRONG = 0.5


def print_explanation(explanation: Explanation) -> None:
    """Print `explanation`; the coloured text only on a terminal."""
    console = output()
    shares = ", ".join(f"{label} {share:.3f}" for label, share in explanation.probabilities.items())
    console.print(f"{explanation.label}, score {explanation.score:+.3f} ({shares})")
    model = explanation.model
    console.print(line(f"{model.name} {model.version}, fp32, {explanation.method}"), end="\n\n")
    if console.is_terminal:
        console.print(_coloured(explanation), end="\n\n")
    console.print(_bars(explanation))
    for check in _checks(explanation):
        console.print(line(check))


def _coloured(explanation: Explanation) -> Text:
    largest = _largest(explanation)
    text = line(explanation.text)
    for word in explanation.words:
        if style := _style(word, largest):
            text.stylize(style, word.start, word.end)
    return text


def _bars(explanation: Explanation) -> FittedTable:
    largest = _largest(explanation)
    rows: list[tuple[str | Text, ...]] = []
    for word in explanation.words:
        bar = Text("█" * round(_BAR_WIDTH * abs(word.attribution) / largest), style=_style(word, largest))
        down, up = ("", bar) if word.attribution >= 0 else (bar, "")
        rows.append((word.word, f"{word.attribution:+.3f}", down, up))
    return table(("word", "moved the score by", "down", "up"), rows, words=("up",))


def _largest(explanation: Explanation) -> float:
    return max(*(abs(word.attribution) for word in explanation.words), 1e-9)


def _style(word: ExplainedWord, largest: float) -> str:
    share = abs(word.attribution) / largest
    if share < _FAINT:
        return ""
    colour = "green" if word.attribution > 0 else "red"
    return f"bold {colour}" if share >= _STRONG else colour


def _checks(explanation: Explanation) -> list[str]:
    found = explanation.completeness
    verdict = "complete" if found.complete else "not complete: words interact" if found.steps == 0 else "NOT complete"
    steps = f", {found.steps} steps" if found.steps else ""
    lines = [
        f"completeness: the words add up to {found.sum:+.3f}; from the baseline ({found.baseline_score:+.3f}) to the "
        f"text it is {found.difference:+.3f}; off by {found.error:.1%}{steps}: {verdict}"
    ]
    if (faithful := explanation.faithfulness) is not None:
        lines.append(
            f"comprehensiveness: {faithful.comprehensiveness:+.3f} without the top words "
            f"({faithful.random_comprehensiveness:+.3f} without random ones); higher is better"
        )
        lines.append(
            f"sufficiency: {faithful.sufficiency:+.3f} with the top words alone "
            f"({faithful.random_sufficiency:+.3f} with random ones); lower is better"
        )
    if explanation.truncated:
        lines.append(f"only the first {explanation.n_tokens} tokens were read")
    return lines
