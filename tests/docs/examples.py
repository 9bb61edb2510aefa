"""`python -m tests.docs.examples`: run the commands on the pages again, and put what they print in their place.

For a new shipped model, or when a command prints something else. It takes some ten minutes, and needs the extras
`train` and `dev` and the files in the folder SENTIMENT_DATA. What the prose says about an output, the tables of the
comparison and the audit, and the demo in the README have to be mended by hand.
"""

from __future__ import annotations

import csv
import os
import re
import shlex
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from sentiment.model.loading import shipped_model_path
from sentiment.privacy import redact
from tests import processes
from tests.brokers import DevBroker
from tests.docs.pages import ROOT

_PROMPT = "$ "
_BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```)", re.MULTILINE | re.DOTALL)
# Logs, tickers, phases, speeds of this machine, and the progress bars of NNCF.
_NOISE = re.compile(
    r"^\d{4}-\d\d-\d\dT\S+ \[|rows/s, \d+:\d\d left$|^scored [\d,]+ texts in |^exporting |^step \d+ of "
    r"|^Statistics collection|^Applying "
)


class Examples:
    """Commands run in `folder`, against the broker at `address`."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self._variables = {"SENTIMENT_KAFKA__BOOTSTRAP_SERVERS": address, "NO_COLOR": "1"}

    def run(self, command: str) -> str:
        """What `command` prints: its results, then its remarks, without noise. Its exit code is the page's business."""
        program, *arguments = shlex.split(command)
        assert program == "sentiment", command
        done = processes.run(processes.sentiment(*arguments), self._variables, cwd=self.folder)
        lines = [line.rstrip() for line in (done.stdout + done.stderr).splitlines() if not _NOISE.search(line)]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines).strip("\n"))

    def show(self, name: str, start: str) -> None:
        """Run the block of the page `name` whose first command is `sentiment START…`, and replace what it shows."""
        page = ROOT / name
        text = page.read_text("utf-8")
        block = next(each for each in _BLOCK.finditer(text) if _typed(each[0])[0].startswith(f"sentiment {start}"))
        shown = ""
        for command in _typed(block[0]):
            shown += f"{_PROMPT}{command}\n"
            if printed := self.run(command.replace("\\\n", " ")):
                shown += f"{printed}\n"
        page.write_text(text[: block.start()] + shown + text[block.end() :], "utf-8")


def _typed(block: str) -> list[str]:
    """The commands of a block, each with its continued lines."""
    commands: list[str] = []
    open_end = False
    for line in block.splitlines():
        if line.startswith(_PROMPT):
            commands.append(line.removeprefix(_PROMPT))
        elif open_end:
            commands[-1] += f"\n{line}"
        open_end = line.endswith("\\") and (open_end or line.startswith(_PROMPT))
    return commands


def prepare(folder: Path, data: Path) -> None:
    """The files that the commands read."""
    (folder / "sentiment" / "assets").mkdir(parents=True)
    (folder / "sentiment" / "assets" / "model").symlink_to(shipped_model_path())
    for name in ("train.jsonl.gz", "dev.jsonl.gz"):
        (folder / name).symlink_to(data / name)
    dev = pd.read_json(data / "dev.jsonl.gz", lines=True)
    train = pd.read_json(data / "train.jsonl.gz", lines=True)
    for name, rows in {
        "sample": dev.iloc[::30],
        "other": dev.iloc[7::20],
        "labelled": dev.sample(600, random_state=5),
        "small-dev": dev.iloc[::50],
        "small-train": train.iloc[::340],
    }.items():
        rows.to_json(folder / f"{name}.jsonl", orient="records", lines=True)
    reviews = pd.read_csv(data / "streams" / "netflix_reviews.csv.gz", parse_dates=["at"])
    reviews = reviews.sort_values("at", kind="stable").iloc[::12][["reviewId", "content", "score", "at"]]
    reviews.to_csv(folder / "reviews.csv", index=False)
    reviews.head(200).to_csv(folder / "unlabelled.csv", index=False)
    tweets = pd.read_csv(data / "streams" / "spotify_support.csv.gz")
    times = pd.to_datetime(tweets["created_at"], format="%a %b %d %H:%M:%S %z %Y")
    asked = tweets[tweets["inbound"].eq(True) & tweets["text"].notna() & times.notna()].assign(at=times)
    texts = asked.sort_values("at", kind="stable").iloc[-4000::20].head(180)["text"]
    when = pd.date_range("2024-09-12 06:00", "2024-09-25 18:00", periods=len(texts))
    late = pd.DataFrame({"reviewId": [f"t{number}" for number in range(len(texts))], "content": texts, "at": when})
    late.to_csv(folder / "tweets.csv", index=False)


def fill_sheets(folder: Path) -> None:
    """Two annotators fill in copies of june.csv: the stars of the reviews, and a word list."""
    reviews = pd.read_csv(folder / "reviews.csv")
    texts = (redact(str(text)).text.strip() for text in reviews["content"])
    stars = dict(zip(texts, map(_of_stars, reviews["score"]), strict=True))
    vader = SentimentIntensityAnalyzer()
    _fill(folder / "june.csv", folder / "stars.csv", "label", lambda row: stars[row["text"].strip()])
    _fill(folder / "june.csv", folder / "vader.csv", "label", lambda row: _of_words(vader, row["text"]))


def settle(folder: Path) -> None:
    """Somebody decides what the two left open: here, the stars again."""
    with (folder / "stars.csv").open(newline="", encoding="utf-8") as file:
        stars = {row["item"]: row["label"] for row in csv.DictReader(file)}
    _fill(folder / "open.csv", folder / "chief.csv", "final", lambda row: stars[row["item"]])


def _fill(sheet: Path, filled: Path, column: str, answer: Callable[[dict[str, str]], str]) -> None:
    with sheet.open(newline="", encoding="utf-8-sig") as file, filled.open("w", newline="", encoding="utf-8") as copy:
        rows = csv.DictReader(file)
        writer = csv.DictWriter(copy, rows.fieldnames or ())
        writer.writeheader()
        writer.writerows({**row, column: answer(row)} for row in rows)


def _of_stars(stars: int) -> str:
    return "negative" if stars <= 2 else "neutral" if stars == 3 else "positive"


def _of_words(vader: SentimentIntensityAnalyzer, text: str) -> str:
    score = vader.polarity_scores(text)["compound"]
    return "negative" if score <= -0.05 else "positive" if score >= 0.05 else "neutral"


def monitoring(here: Examples) -> None:
    """The whole loop of docs/monitoring.md."""
    columns = "--text-field content --time-field at --id-field reviewId --product 'Netflix app'"
    here.run(f"sentiment ingest reviews.csv {columns}")
    here.run("sentiment worker --until-idle 3")
    here.show("docs/monitoring.md", "review export")
    fill_sheets(here.folder)
    here.show("docs/monitoring.md", "review import stars.csv vader.csv --items")
    settle(here.folder)
    here.show("docs/monitoring.md", "review import stars.csv vader.csv chief.csv")
    here.run(f"sentiment ingest tweets.csv {columns}")
    here.run("sentiment worker --until-idle 3")
    here.show("docs/monitoring.md", "monitor")
    here.show("docs/monitoring.md", "review suspects")


def main() -> None:
    """All pages."""
    with tempfile.TemporaryDirectory() as folder, DevBroker() as broker:
        here = Examples(Path(folder), broker.bootstrap)
        prepare(here.folder, Path(os.environ["SENTIMENT_DATA"]))
        here.show("README.md", "score")
        here.show("docs/evaluation.md", "evaluate")
        here.show("docs/evaluation.md", "calibrate")
        here.show("docs/explanations.md", 'explain "The')
        here.show("docs/explanations.md", "explain --method")
        here.show("docs/training.md", "distill")
        here.show("docs/training.md", "export")
        here.run("sentiment calibrate other.jsonl --output recalibrated")
        first = "sentiment models promote models sentiment/assets/model --data dev.jsonl.gz --max-rows 1000 --audit off"
        here.run(first)
        here.show("docs/promotion.md", "models promote models recalibrated --data dev.jsonl.gz --max-rows 1000")
        here.show("docs/promotion.md", "models promote models recalibrated --data dev.jsonl.gz --max-rows 1000 --audit")
        monitoring(here)
        here.run(f"sentiment card --output {ROOT / 'docs' / 'model-card.md'} --force")


if __name__ == "__main__":
    main()
