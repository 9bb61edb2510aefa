"""Re-scoring: the output appears complete, earlier work is safe, and interruptions do not change the result."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumers.rescore.inputs import PART_ROWS
from sentiment.cli.main import run
from sentiment.columns import RESULT_COLUMNS
from sentiment.errors import FatalError, InputError, SentimentError, UsageError
from sentiment.model.classifier import BatchInfo, Prediction
from sentiment.sources import ReadingOptions
from tests.consumers.rescore.support import TEXTS, rescore, write_rows
from tests.fakes import LexiconClassifier
from tests.processes import start
from tests.waiting import wait_until


class Interrupting(LexiconClassifier):
    """Interrupted, as by Ctrl-C, when it is called for the n-th time."""

    calls_left = 0

    def predict(self, texts: Sequence[str]) -> tuple[list[Prediction], BatchInfo]:
        """Like the original, until the last allowed call."""
        self.calls_left -= 1
        if self.calls_left < 0:
            raise KeyboardInterrupt
        return super().predict(texts)


def interrupt(source: Path, output: Path, after_parts: int, **options: object) -> None:
    """Leave the partial work of an interrupted run."""
    classifier = Interrupting()
    classifier.calls_left = after_parts
    with pytest.raises(KeyboardInterrupt):
        rescore(source, output, classifier, **options)


@pytest.mark.parametrize("name", ["y.csv", "y.jsonl.gz", "y.parquet"])
def test_an_interrupted_run_resumes_to_the_same_file(tmp_path: Path, name: str) -> None:
    """After three interruptions the output has the same bytes as that of an uninterrupted run."""
    source = write_rows(tmp_path / "x.csv", 4 * PART_ROWS + 17)
    rescore(source, tmp_path / ("whole-" + name))
    output = tmp_path / name
    for after_parts in (2, 0, 1):
        interrupt(source, output, after_parts, resume=True)
        assert not output.exists()
    report, watch = rescore(source, output, resume=True)
    assert watch.phases[-1] == ("scoring", 4 * PART_ROWS + 17, 3 * PART_ROWS)
    assert report.n_rows == 4 * PART_ROWS + 17
    assert output.read_bytes() == (tmp_path / ("whole-" + name)).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["x.csv", name, "whole-" + name])


@pytest.mark.slow
def test_killed_at_random_moments_it_resumes_to_the_same_file(tmp_path: Path) -> None:
    """kill -9 in the middle of scoring and writing, twice; the last run completes the file."""
    source = write_rows(tmp_path / "x.csv", 8 * PART_ROWS)
    rescore(source, tmp_path / "whole.parquet")
    output = tmp_path / "y.parquet"
    rng = random.Random(5)
    done = 0
    for _ in range(2):
        process = _start(source, output, "resume", 0.0001)
        goal = done + rng.randint(1, 3)
        _wait_for(tmp_path / "y.parquet.partial" / f"part-{goal:06}", process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        done = goal
    assert not output.exists()
    _, watch = rescore(source, output, resume=True)
    assert watch.phases[-1][2] > 0
    assert output.read_bytes() == (tmp_path / "whole.parquet").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(("suffix", "target"), [("csv", "parquet"), ("jsonl", "csv"), ("parquet", "jsonl")])
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, suffix: str, target: str) -> None:
    """Of 120 MB more in the file, less than half is ever in memory; what the libraries keep varies by 20 to 40 MB."""

    def peak(n_rows: int) -> int:
        source = tmp_path / f"{n_rows}.{suffix}"
        notes = [f"{n} " + "word " * 800 for n in range(n_rows)]  # in a column that costs nothing to score
        frame = pd.DataFrame({"text": [TEXTS[n % 3] for n in range(n_rows)], "note": notes})
        if suffix == "csv":
            frame.to_csv(source, index=False)
        elif suffix == "jsonl":
            frame.to_json(source, orient="records", lines=True)
        else:
            frame.to_parquet(source)
        process = _start(source, tmp_path / f"{n_rows}.out.{target}", "-", 0.0)
        printed, _ = process.communicate()
        assert process.returncode == 0
        return int(printed)

    assert peak(36_000) - peak(6_000) < 60_000_000


def _wait_for(part: Path, process: subprocess.Popen[bytes]) -> None:
    def written() -> bool:
        assert process.poll() is None, "it ended before it was killed"
        return part.exists()

    wait_until(written, part.name)


def _start(source: Path, output: Path, flags: str, seconds_per_text: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.consumers.rescore.rescore_process"]
    return start(
        [*command, str(source), str(output), flags, str(seconds_per_text)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_earlier_work_is_never_overwritten_unasked(tmp_path: Path) -> None:
    """An existing output and interrupted work each need --resume or --force, which exclude each other."""
    source = write_rows(tmp_path / "x.csv", 2 * PART_ROWS)
    output = tmp_path / "y.csv"
    output.write_text("precious")
    with pytest.raises(InputError, match="exists"):
        rescore(source, output)
    with pytest.raises(InputError, match="not the result of this input"):
        rescore(source, output, resume=True)
    interrupt(source, output, 1, force=True)
    assert output.read_text() == "precious"
    with pytest.raises(InputError, match="interrupted"):
        rescore(source, output)
    with pytest.raises(UsageError, match="exclude"):
        rescore(source, output, resume=True, force=True)
    rescore(source, output, resume=True)
    assert output.read_text().startswith("id,text,label")


def test_a_finished_run_has_nothing_to_resume(tmp_path: Path) -> None:
    """--resume of a complete output has nothing to do; it is refused if another model made the output."""
    source = write_rows(tmp_path / "x.csv", 10)
    output = tmp_path / "y.csv"
    rescore(source, output)
    before = output.read_bytes()
    assert rescore(source, output, resume=True)[0].already_complete
    assert output.read_bytes() == before
    other = LexiconClassifier()
    other.model = msgspec.structs.replace(other.model, version="2")
    with pytest.raises(InputError, match="not the result"):
        rescore(source, output, other, resume=True)


def test_work_is_resumed_only_for_the_same_job(tmp_path: Path) -> None:
    """Another input or model is refused, naming what changed: results would be mixed. --force starts again."""
    source = write_rows(tmp_path / "x.csv", 2 * PART_ROWS)
    output = tmp_path / "y.csv"
    interrupt(source, output, 1)
    other = LexiconClassifier()
    other.model = msgspec.structs.replace(other.model, version="2")
    with pytest.raises(InputError, match="model_version"):
        rescore(source, output, other, resume=True)
    write_rows(source, 2 * PART_ROWS + 1)
    with pytest.raises(InputError, match="input_sha256"):
        rescore(source, output, resume=True)
    write_rows(source, 2 * PART_ROWS)
    with pytest.raises(InputError, match="encoding, skip_rows changed"):
        rescore(source, output, resume=True, reading=ReadingOptions(encoding="cp1252", skip_rows=1))
    with pytest.raises(InputError, match="names changed"):
        rescore(source, output, resume=True, names="en_core_web_md")
    write_rows(source, 2 * PART_ROWS + 1)
    report, _ = rescore(source, output, force=True)
    assert report.n_rows == 2 * PART_ROWS + 1


def test_a_survey_of_a_spreadsheet_is_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Semicolons, cp1252, a column without a name, two of one name, a second header: all of it is in the output."""
    source = tmp_path / "survey.csv"
    source.write_bytes(
        "sep=;\n;Answer;Answer\nrow;Why?;And?\n1;\u00e9t\u00e9;great app\n2;so, so;awful\n".encode("cp1252")
    )
    flags = ["--encoding", "cp1252", "--skip-rows", "1", "--text-field", "Answer#2"]
    rescore(source, tmp_path / "y.csv", text_field="Answer#2", reading=ReadingOptions(encoding="cp1252", skip_rows=1))
    found = pd.read_csv(tmp_path / "y.csv")
    assert found[["#1", "Answer", "Answer#2", "label"]].values.tolist() == [
        [1, "\u00e9t\u00e9", "great app", "positive"],
        [2, "so, so", "awful", "negative"],
    ]
    assert run(["rescore", str(source), *flags, "--delimiter", ";;", "--output", str(tmp_path / "z.csv")]) == 2
    assert run(["rescore", str(source), *flags[2:], "--output", str(tmp_path / "z.csv")]) == 2
    assert "line 4: not UTF-8" in capsys.readouterr().err


def test_two_at_once_do_not_mix(tmp_path: Path) -> None:
    """While one run is working, another one for the same output is refused, even with --force."""
    source = write_rows(tmp_path / "x.csv", 10)
    refused = []

    class Meddling(LexiconClassifier):
        def predict(self, texts: Sequence[str]) -> tuple[list[Prediction], BatchInfo]:
            """Start a second run in the middle of the first."""
            with pytest.raises(SentimentError, match="another process"):
                rescore(source, tmp_path / "y.csv", force=True)
            refused.append(True)
            return super().predict(texts)

    rescore(source, tmp_path / "y.csv", Meddling())
    assert refused == [True]


def test_a_model_that_miscounts_is_not_believed(tmp_path: Path) -> None:
    """One answer too few would give every later row another row's label."""
    source = write_rows(tmp_path / "x.csv", 3)

    class Forgetful(LexiconClassifier):
        def predict(self, texts: Sequence[str]) -> tuple[list[Prediction], BatchInfo]:
            """All answers but one."""
            predictions, info = super().predict(texts)
            return predictions[:-1], info

    with pytest.raises(FatalError, match="2 answers to 3 texts"):
        rescore(source, tmp_path / "y.csv", Forgetful())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"text,n\na,1\nb,2,3\n", "line 3: 3 fields, the header has 2"),
        (b'text\n"open\n', "never closed"),
        (b"text\n\xff\xfe\n", "line 2: not UTF-8"),
        (b"body\na\n", "has no column 'text'"),
        (gzip.compress(b"text\n" + os.urandom(3_000).hex().encode())[:2_000], "cut off"),
        (b"\x00\x01", "binary"),
    ],
)
def test_an_input_that_cannot_be_kept_whole_is_refused_before_anything_is_done(
    tmp_path: Path, content: bytes, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, a message with the place, neither output nor partial work."""
    source = tmp_path / "x.csv"
    source.write_bytes(content)
    assert run(["rescore", str(source), "--output", str(tmp_path / "y.csv")]) == 2
    assert says in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [source]


def test_an_output_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """The input itself, a folder, a missing folder, packed Parquet."""
    source = write_rows(tmp_path / "x.csv", 3)
    for output in (source, tmp_path, tmp_path / "absent" / "y.csv", tmp_path / "y.parquet.gz", tmp_path / "y.csv.xz"):
        with pytest.raises(UsageError):
            rescore(source, output, force=True)
    assert list(tmp_path.iterdir()) == [source]


def test_an_input_without_rows_gives_an_output_without_rows(tmp_path: Path) -> None:
    """With all its columns, in their types."""
    source = tmp_path / "x.parquet"
    pq.write_table(pa.table({"text": pa.array([], pa.string()), "at": pa.array([], pa.timestamp("us"))}), source)
    rescore(source, tmp_path / "y.parquet")
    result = pq.read_table(tmp_path / "y.parquet")
    assert result.num_rows == 0
    assert result.schema.names == ["text", "at", *RESULT_COLUMNS]
    assert result.schema.field("at").type == pa.timestamp("us")


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_stdout_a_pipe_and_a_link_get_the_bytes_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], ending: str
) -> None:
    """In the format of the input; the pipe and the link are still there, and no work is left behind."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    source = tmp_path / f"x.{ending}"
    write_rows(tmp_path / "x.csv", PART_ROWS + 3)
    if ending == "jsonl":
        rescore(tmp_path / "x.csv", source)
    rescore(source, tmp_path / f"whole.{ending}")
    whole = (tmp_path / f"whole.{ending}").read_bytes()
    rescore(source, "-")
    assert capfdbinary.readouterr().out == whole
    os.mkfifo(tmp_path / "pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    rescore(source, tmp_path / "pipe")
    reader.join()
    assert got == [whole]
    assert (tmp_path / "pipe").is_fifo()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(f"elsewhere/target.{ending}")
    rescore(source, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "elsewhere" / f"target.{ending}").read_bytes() == whole
    assert not list((tmp_path / "temporary").iterdir())
    assert not list(tmp_path.rglob("*.partial"))


def test_what_needs_a_file_is_refused_elsewhere(tmp_path: Path) -> None:
    """Parquet and --resume; an ending of another format, wherever it goes."""
    source = write_rows(tmp_path / "x.csv", 3)
    rescore(source, tmp_path / "x.parquet")
    with pytest.raises(UsageError, match="Parquet cannot be written to -"):
        rescore(tmp_path / "x.parquet", "-")
    with pytest.raises(UsageError, match="cannot be resumed"):
        rescore(source, os.devnull, resume=True)
    for name in ("y.xlsx", "y.tsv", "y.json", "y.xlsx.gz"):
        with pytest.raises(UsageError, match="not a name for results"):
            rescore(source, tmp_path / name)
    rescore(source, tmp_path / "y")
    assert (tmp_path / "y").read_text().startswith("id,text,label,")


def test_of_mail_only_the_own_words_are_scored(tmp_path: Path) -> None:
    """With the kind `mail`; the column itself is kept."""
    source, output = tmp_path / "mails.jsonl", tmp_path / "out.jsonl"
    mail = "awful app\n\nOn Monday X wrote:\n> great, great app"
    source.write_text(json.dumps({"text": mail}) + "\n")
    rescore(source, output, kind="mail")
    (row,) = [json.loads(line) for line in output.read_text().splitlines()]
    assert (row["text"], row["label"]) == (mail, "negative")
