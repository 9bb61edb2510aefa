"""The ingest through Kafka: each row exactly once, however often and by whatever it is interrupted."""

from __future__ import annotations

import gzip
import random
import re
import signal
import subprocess
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from consumers.cluster.clients import make_producer
from consumers.cluster.records import OutgoingRecord
from consumers.cluster.topics import ensure_topics
from consumers.ingest import FieldFlags, IngestReport, IngestRequest, run_ingest
from consumers.ingest.batches import Prepared
from consumers.ingest.identity import DIGEST_BYTES
from consumers.ingest.publisher import IngestTakenOverError, Publisher
from consumers.ingest.state import WriterName
from sentiment.errors import InputError, UsageError
from sentiment.sources import ReadingOptions
from tests.brokers import Broker
from tests.consumers.ingest.support import (
    START,
    Recorded,
    new_topic,
    read_committed,
    settings_for,
    wait_for_records,
    write_csv,
)
from tests.processes import run, sentiment, start
from tests.waiting import WITHIN_S, wait_until

pytestmark = pytest.mark.slow
FLAGS = FieldFlags(time="at")


def ingest(broker: Broker, path: Path, topic: str, **options: object) -> IngestReport:
    """Run an ingest in this process."""
    request = IngestRequest(argument=str(path), topic=topic, **{"fields": FLAGS} | options)  # type: ignore[arg-type]
    return run_ingest(settings_for(broker), request, Recorded())


def start_process(
    broker: Broker,
    path: Path | str,
    topic: str,
    *flags: str,
    stdin: int | None = None,
    timed: bool = True,
    **variables: str,
) -> subprocess.Popen[bytes]:
    """Run an ingest as users do, with further environment `variables`. `timed`: the times are in the column `at`."""
    variables["SENTIMENT_KAFKA__BOOTSTRAP_SERVERS"] = broker.bootstrap
    variables["SENTIMENT_KAFKA__TRANSACTION_TIMEOUT_MS"] = "10000"
    times = ["--time-field", "at"] if timed else []
    command = sentiment("ingest", path, "--topic", topic, *times, *flags)
    return start(command, variables, stdin=stdin, stderr=subprocess.PIPE)


def prepared(topic: str, first: int, n: int) -> list[Prepared]:
    """Rows `first` to `first + n`, ready to publish."""
    rows = range(first, first + n)
    return [Prepared(OutgoingRecord(topic, b'{"id":"r%d"}' % row), row.to_bytes(DIGEST_BYTES)) for row in rows]


def expected_ids(n_rows: int) -> list[str]:
    """The ids of a file that `write_csv` made, sorted."""
    return sorted(f"r{n}" for n in range(n_rows))


def ids(broker: Broker, topic: str) -> list[str]:
    """The ids on the topic, sorted."""
    return sorted(value["id"] for value in read_committed(broker, topic))


def test_killed_at_random_moments_and_repeated_each_row_is_there_once(broker: Broker, tmp_path: Path) -> None:
    """kill -9 in the middle of transactions, three times; the last run completes what is missing."""
    n_rows = 4_000
    path = write_csv(tmp_path / "x.csv", n_rows, newest_first=True)
    topic = new_topic()
    rng = random.Random(7)
    reached = 0
    for _ in range(3):
        goal = reached + rng.randint(1, n_rows // 5)
        process = start_process(broker, path, topic, "--speed", "1000")  # four seconds for the whole file
        reached = wait_for_records(broker, topic, goal, process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert ingest(broker, path, topic).published == n_rows
    assert ids(broker, topic) == expected_ids(n_rows)


def test_an_ingest_that_is_killed_while_it_sorts_leaves_no_row_behind(dev_broker: Broker, tmp_path: Path) -> None:
    """What it has sorted is on the disk, and there is nothing in the temporary folder that anybody could read."""
    path = write_csv(tmp_path / "x.csv", 30_000, newest_first=True)
    folder = tmp_path / "temporary"
    folder.mkdir()
    # At this speed it would have the sorted rows at hand for months.
    process = start_process(dev_broker, path, new_topic(), "--speed", "0.001", TMPDIR=str(folder))
    wait_until(lambda: unnamed_bytes(process, folder) > 1_000_000, "rows on the disk")
    process.kill()
    process.communicate()
    assert list(folder.iterdir()) == []


def unnamed_bytes(process: subprocess.Popen[bytes], folder: Path) -> int:
    """What the process has written to files of `folder` that have no name any more, as Linux tells it."""
    assert process.poll() is None
    n_bytes = 0
    for file in Path(f"/proc/{process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed just now
            if re.fullmatch(rf"{folder}/.* \(deleted\)", str(file.readlink())):
                n_bytes += file.stat().st_size
    return n_bytes


def test_an_interrupted_ingest_says_how_to_go_on_and_does(broker: Broker, tmp_path: Path) -> None:
    """SIGINT and SIGTERM end it with 130 and a message; the same command publishes the rest."""
    n_rows = 3_000
    path = write_csv(tmp_path / "x.csv", n_rows)
    topic = new_topic()
    for number, goal in ((signal.SIGINT, 1), (signal.SIGTERM, 700)):
        process = start_process(broker, path, topic, "--speed", "500")
        wait_for_records(broker, topic, goal, process)
        process.send_signal(number)
        _, said = process.communicate()
        assert process.returncode == 130
        assert b"the same command again" in said
    report = ingest(broker, path, topic)
    assert 0 < report.published_before < n_rows
    assert ids(broker, topic) == expected_ids(n_rows)


def test_a_finished_ingest_does_nothing_again_unless_it_is_told_to_forget(broker: Broker, tmp_path: Path) -> None:
    """The second run publishes nothing, `--restart` everything, and a further run nothing again."""
    path = write_csv(tmp_path / "x.csv", 20)
    topic = new_topic()
    reports = [ingest(broker, path, topic, restart=restart) for restart in (False, False, True, False)]
    assert [(report.published, report.published_before) for report in reports] == [(20, 0), (20, 20), (20, 0), (20, 20)]
    assert ids(broker, topic) == sorted(expected_ids(20) * 2)


def test_the_second_of_two_takes_over_and_no_row_is_doubled(broker: Broker, tmp_path: Path) -> None:
    """The first is fenced and says why; the second goes on from where the first was."""
    topic = new_topic()
    settings = settings_for(broker)
    ensure_topics(settings, [topic, settings.topics.ingest_state])

    first = Publisher(settings, WriterName("test", topic), run="first")
    second = Publisher(settings, WriterName("test", topic), run="second")
    with closing(first), closing(second):
        assert first.open(restart=False, shift_us=5).published == 0
        first.publish(prepared(topic, 0, 3))
        taken = second.open(restart=False, shift_us=9)
        assert (taken.published, taken.shift_us) == (3, 5)
        with pytest.raises(IngestTakenOverError):
            first.publish(prepared(topic, 3, 2))
        second.publish(prepared(topic, 3, 2))
    assert ids(broker, topic) == expected_ids(5)


def test_a_run_that_died_before_its_commit_holds_nobody_up(broker: Broker, tmp_path: Path) -> None:
    """Its open transaction hides the progress until it is settled: the next run settles it, and loses nothing."""
    topic = new_topic()
    settings = settings_for(broker)
    ensure_topics(settings, [topic, settings.topics.ingest_state])
    state = settings.topics.ingest_state
    dead = make_producer(settings, transactional_id=f"ingest.test.{topic}")
    with closing(dead), closing(Publisher(settings, WriterName("test", topic), run="next")) as publisher:
        dead.init_transactions()
        dead.begin_transaction()
        dead.send(topic, b'{"id":"lost"}').get(timeout=WITHIN_S)
        dead.send(state, b'{"published":1,"run":"dead"}', f"test/{topic}".encode(), partition=0).get(timeout=WITHIN_S)
        assert publisher.open(restart=False, shift_us=0).published == 0
        publisher.publish(prepared(topic, 0, 1))
    assert ids(broker, topic) == expected_ids(1)


def test_a_broker_that_is_killed_is_waited_for(broker: Broker, tmp_path: Path) -> None:
    """kill -9 of the broker between and during transactions: the same run goes on and nothing is lost or doubled."""
    topic = new_topic()
    settings = settings_for(broker)
    ensure_topics(settings, [topic, settings.topics.ingest_state])
    with closing(Publisher(settings, WriterName("test", topic), run="only")) as publisher:
        publisher.open(restart=False, shift_us=0)
        for unit in range(3):
            publisher.publish(prepared(topic, unit * 10, 10))
            if unit == 1:
                broker.restart()
        assert publisher.published == 30
    assert ids(broker, topic) == expected_ids(30)


def test_rows_arrive_in_the_order_of_their_times_and_shifted_to_now(broker: Broker, tmp_path: Path) -> None:
    """A file that stands newest first is published oldest first; with rebased times the last is now."""
    path = write_csv(tmp_path / "x.csv", 50, step_s=60, newest_first=True)
    topic = new_topic()
    settings = settings_for(broker).model_copy(
        update={"topics": settings_for(broker).topics.model_copy(update={"partitions": 1})}
    )
    before = datetime.now(UTC)
    request = IngestRequest(argument=str(path), fields=FLAGS, topic=topic, rebase_time=True)
    run_ingest(settings, request, Recorded())
    values = read_committed(broker, topic)
    assert [value["id"] for value in values] == [f"r{n}" for n in range(50)]
    times = [datetime.fromisoformat(value["created_at"]) for value in values]
    assert before <= times[-1] <= datetime.now(UTC)
    assert times[-1] - times[0] == timedelta(minutes=49)


def test_rejects_are_counted_and_told_the_same_way_every_time(dev_broker: Broker, tmp_path: Path) -> None:
    """Bad rows do not stop the others; the rejects file of a repeated run is the same."""
    path = write_csv(tmp_path / "x.csv", 10)
    with path.open("a") as file:
        file.write(f"bad,text,yesterday\nempty,,{START.isoformat()}\n")
    topic = new_topic()
    reports = []
    contents = []
    for _ in range(2):
        reports.append(ingest(dev_broker, path, topic))
        contents.append(reports[-1].rejects_file.read_bytes())
    assert [(report.published, report.rejected) for report in reports] == [(10, 2), (10, 2)]
    assert contents[0] == contents[1]
    assert ids(dev_broker, topic) == expected_ids(10)


def test_a_pipe_is_published_as_it_comes(broker: Broker, tmp_path: Path) -> None:
    """Rows are there before the pipe ends; that it cannot be resumed is said; gzip is unpacked."""
    topic = new_topic()
    lines = write_csv(tmp_path / "x.csv", 40).read_bytes().splitlines(keepends=True)
    process = start_process(broker, "-", topic, "--format", "csv", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"".join(lines[:21]))
    process.stdin.flush()
    wait_for_records(broker, topic, 20, process)
    _, said = process.communicate(b"".join(lines[21:]))
    assert process.returncode == 0
    assert b"cannot be resumed" in said
    assert ids(broker, topic) == expected_ids(40)


def test_a_survey_of_a_spreadsheet_is_published(dev_broker: Broker, tmp_path: Path) -> None:
    """Semicolons, cp1252, two columns of one name, a second header; the rejects name the option that is missing."""
    path = tmp_path / "survey.csv"
    path.write_bytes("id;Answer;Answer;\nno;Why?;And?;\n1;so, so;\u00e9t\u00e9;\n2;a;b;\n".encode("cp1252"))
    fields, topic = FieldFlags(text="Answer#2"), new_topic()
    reading = ReadingOptions(encoding="cp1252", skip_rows=1)
    assert ingest(dev_broker, path, topic, fields=fields, reading=reading).published == 2
    assert sorted((row["id"], row["text"]) for row in read_committed(dev_broker, topic)) == [
        ("1", "\u00e9t\u00e9"),
        ("2", "b"),
    ]
    report = ingest(dev_broker, path, new_topic(), fields=fields)
    assert (report.published, report.rejected) == (2, 1)
    assert "--encoding cp1252" in report.rejects_file.read_text()
    with pytest.raises(InputError, match="several columns 'Answer'"):
        ingest(dev_broker, path, topic, fields=FieldFlags(text="Answer"))


def test_rows_of_json_are_published_by_their_own_keys(dev_broker: Broker, tmp_path: Path) -> None:
    """From a file and a pipe: the first row decides nothing. A column that was named and is nowhere is refused."""
    path = tmp_path / "x.jsonl"
    path.write_text(
        'nonsense\n{"other":1}\n{"text":"a","id":"1","created_at":"2024-03-01T00:00:00Z"}\n'
        '{"text":"b","id":"2","created_at":"2024-03-02T00:00:00Z","product":"p"}\n{"id":"3","rating":NaN}\n'
    )
    for pipe in (False, True):
        topic = new_topic()
        if pipe:
            process = start_process(dev_broker, "-", topic, "--format", "jsonl", stdin=subprocess.PIPE, timed=False)
            process.communicate(path.read_bytes())
            assert process.returncode == 0
        else:
            assert ingest(dev_broker, path, topic, fields=FieldFlags()).rejected == 3
        found = sorted(
            (row["id"], row["created_at"][:10], row.get("product")) for row in read_committed(dev_broker, topic)
        )
        assert found == [("1", "2024-03-01", None), ("2", "2024-03-02", "p")]
    for flags in (["--id-field", "nowhere"], ["--text-field", "nowhere"]):
        process = start_process(dev_broker, "-", topic, "--format", "jsonl", *flags, stdin=subprocess.PIPE, timed=False)
        _, said = process.communicate(path.read_bytes())
        assert process.returncode == 2
        assert b"standard input has no column 'nowhere'" in said
        with pytest.raises(InputError, match="has no column 'nowhere'"):
            ingest(dev_broker, path, topic, fields=FieldFlags(text="nowhere"))
    assert len(read_committed(dev_broker, topic)) == 2


def test_a_gzipped_file_and_a_pipe_of_it_say_the_same(dev_broker: Broker, tmp_path: Path) -> None:
    """Both ways in unpack by themselves."""
    packed = tmp_path / "x.csv.gz"
    packed.write_bytes(gzip.compress(write_csv(tmp_path / "x.csv", 5).read_bytes()))
    topic = new_topic()
    assert ingest(dev_broker, packed, topic).published == 5
    with packed.open("rb") as file:
        process = start_process(dev_broker, "-", topic, "--format", "csv", stdin=file.fileno())
        process.communicate()
    assert process.returncode == 0
    assert ids(dev_broker, topic) == sorted(expected_ids(5) * 2)


def test_nothing_is_published_from_a_file_that_is_cut_off(dev_broker: Broker, tmp_path: Path) -> None:
    """The fault is found before the first row is published, however far into the file it is."""
    whole = write_csv(tmp_path / "whole.csv", 5_000).read_bytes()
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(gzip.compress(whole)[:-200])
    unclosed = tmp_path / "unclosed.csv"
    unclosed.write_bytes(whole + b'bad,"never closed,2024-01-01\n')
    topic = new_topic()
    for path in (cut, unclosed):
        with pytest.raises(InputError):
            ingest(dev_broker, path, topic)
    assert read_committed(dev_broker, topic) == []


def test_a_call_that_makes_no_sense_is_refused(dev_broker: Broker, tmp_path: Path) -> None:
    """A replay without times, a shift of a pipe, and a file of which no row is fit."""
    topic = new_topic()
    path = tmp_path / "x.csv"
    path.write_text("text\nhello\n")
    request = IngestRequest(argument=str(path), topic=topic, speed=2.0)
    with pytest.raises(UsageError, match="needs the times"):
        run_ingest(settings_for(dev_broker), request, Recorded())
    pipe = IngestRequest(argument="-", reading=ReadingOptions("csv"), topic=topic, rebase_time=True)
    with pytest.raises(UsageError, match="needs a file"):
        run_ingest(settings_for(dev_broker), pipe, Recorded())
    path.write_text('text,n\n"",1\n" ",2\n')
    with pytest.raises(InputError, match=r"no row that can be published; the first \(line 2\): the text is empty"):
        run_ingest(settings_for(dev_broker), IngestRequest(argument=str(path), topic=topic), Recorded())


def test_no_broker_is_said_at_once(tmp_path: Path) -> None:
    """Exit code 1, one line that names the step, and nothing else."""
    path = write_csv(tmp_path / "x.csv", 1)
    command = sentiment("ingest", path, "--time-field", "at")
    done = run(command, {"SENTIMENT_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    assert done.returncode == 1
    assert done.stderr.startswith("error: cannot reach Kafka at 127.0.0.1:1: TCP connection failed")
    assert "Traceback" not in done.stderr
