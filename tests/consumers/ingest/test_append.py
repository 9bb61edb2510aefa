"""`--append`: of an export that is written anew, each row is published once, in whatever shape it comes."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import signal
import subprocess
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kafka.admin import KafkaAdminClient

from consumers.ingest import FieldFlags, IngestReport, IngestRequest, run_ingest
from sentiment.errors import InputError, UsageError
from sentiment.settings import load_settings
from tests.brokers import Broker
from tests.consumers import kafka_io
from tests.consumers.ingest.support import START, Recorded, new_topic, read_committed, settings_for, wait_for_records
from tests.processes import sentiment, start

pytestmark = pytest.mark.slow

Rows = Sequence[tuple[str, str]]
"""Id and text; the time follows from the place in the whole history."""


def rows(first: int, end: int) -> list[tuple[str, str]]:
    """Rows of a history that grows."""
    return [(f"r{n}", f"line one of {n}\nline two") for n in range(first, end)]


def at(row_id: str) -> str:
    """When it happened."""
    return (START + timedelta(seconds=int(row_id[1:]))).isoformat()


def as_csv(given: Rows, *, with_ids: bool = True, line_end: str = "\n") -> bytes:
    """The export as CSV."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "text", "at"] if with_ids else ["text", "at"])
    for row_id, text in given:
        writer.writerow([row_id, text, at(row_id)] if with_ids else [text, at(row_id)])
    return out.getvalue().replace("\n", line_end).encode()


def append(broker: Broker, path: Path, topic: str, *, flag: bool = True, restart: bool = False) -> IngestReport:
    """Run an ingest, with `--append` unless `flag` is false."""
    fields = FieldFlags(time="at")
    request = IngestRequest(argument=str(path), fields=fields, append=flag, restart=restart, topic=topic)
    return run_ingest(settings_for(broker), request, Recorded())


def texts(broker: Broker, topic: str) -> Counter[str]:
    """How often each text is on the topic, with plain line ends."""
    return Counter(value["text"].replace("\r\n", "\n") for value in read_committed(broker, topic))


def once_each(given: Rows) -> Counter[str]:
    """How often each text should be there."""
    return Counter(text for _, text in given)


@pytest.mark.parametrize("with_ids", [True, False])
def test_an_export_that_grows_is_published_row_by_row_once(broker: Broker, tmp_path: Path, with_ids: bool) -> None:
    """Rows are added at both ends and in between, and moved; others fall out, and come back."""
    topic = new_topic()
    rng = random.Random(5)
    seen: set[tuple[str, str]] = set()
    for number in range(4):
        export = [
            row for row in rows(0, 300 + number * 400) if rng.random() < 0.7 or (row in seen and rng.random() < 0.9)
        ]
        rng.shuffle(export)
        path = tmp_path / f"export-{number}.csv"
        path.write_bytes(as_csv(export, with_ids=with_ids))
        report = append(broker, path, topic)
        assert (report.published, report.published_before) == (len(export), len(seen & {*export}))
        seen |= {*export}
    assert texts(broker, topic) == once_each(sorted(seen))
    published = [value["id"] for value in read_committed(broker, topic)]
    assert len({*published}) == len(published), "ids that are made up are made up once"


@pytest.mark.parametrize("with_ids", [True, False])
def test_it_is_the_same_file_in_any_shape(dev_broker: Broker, tmp_path: Path, with_ids: bool) -> None:
    """Gzipped, with other line ends, with a mark, under another name, as JSON or Parquet, through a pipe."""
    topic = new_topic()
    export = rows(0, 30)
    whole = as_csv(export, with_ids=with_ids)
    objects = [{"text": text, "at": at(row_id)} | ({"id": row_id} if with_ids else {}) for row_id, text in export]
    shapes = {
        "a.csv": whole,
        "a.csv.gz": gzip.compress(whole),
        "windows.csv": as_csv(export, with_ids=with_ids, line_end="\r\n"),
        "marked.csv": b"\xef\xbb\xbf" + whole,
        "a.jsonl": b"".join(msgspec.json.encode(each) + b"\r\n" for each in objects),
        "a.json": json.dumps(objects, indent=1).encode("utf-16"),
    }
    for name, content in shapes.items():
        (tmp_path / name).write_bytes(content)
    pq.write_table(pa.Table.from_pylist(objects), tmp_path / "a.parquet")
    reports = [append(dev_broker, tmp_path / name, topic) for name in [*shapes, "a.parquet"]]
    assert [report.published_before for report in reports] == [0] + [30] * 6
    for name, file_format in (("windows.csv", "csv"), ("a.json", "jsonl")):
        said = append_pipe(dev_broker, shapes[name], topic, file_format)
        assert said[-1].startswith("nothing to do: all 30 rows")
    assert texts(dev_broker, topic) == once_each(export)


def start_append(
    broker: Broker, source: Path | str, topic: str, *flags: str, **options: int
) -> subprocess.Popen[bytes]:
    """Run an ingest as users do."""
    variables = {
        "SENTIMENT_KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap,
        "SENTIMENT_KAFKA__TRANSACTION_TIMEOUT_MS": "10000",
    }
    command = sentiment("ingest", source, "--topic", topic, "--time-field", "at", *flags)
    return start(command, variables, stderr=subprocess.PIPE, **options)


def append_pipe(broker: Broker, content: bytes, topic: str, file_format: str = "csv") -> list[str]:
    """Send an export through a pipe, and return the lines that are said."""
    process = start_append(broker, "-", topic, "--format", file_format, "--append", stdin=subprocess.PIPE)
    _, said = process.communicate(content)
    assert process.returncode == 0, said
    return said.decode().splitlines()


def test_rows_of_an_interrupted_ingest_without_the_flag_count(broker: Broker, tmp_path: Path) -> None:
    """What was published before the kill is left out, also if the export has changed since."""
    topic = new_topic()
    path = tmp_path / "x.csv"
    path.write_bytes(as_csv(rows(0, 2_000)))
    process = start_append(broker, path, topic, "--speed", "500")
    wait_for_records(broker, topic, 600, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    path.write_bytes(as_csv(rows(0, 2_500)[::-1]))
    report = append(broker, path, topic)
    assert report.published == 2_500
    assert 300 < report.published_before < 2_000
    assert texts(broker, topic) == once_each(rows(0, 2_500))


def test_killed_at_random_moments_while_the_export_grows(broker: Broker, tmp_path: Path) -> None:
    """kill -9 in the middle of transactions; a pipe publishes the rest. Nothing is missing or doubled in the end."""
    topic = new_topic()
    path = tmp_path / "x.csv"
    rng = random.Random(11)
    reached = n_rows = 0
    for _ in range(3):
        n_rows += 1_000
        path.write_bytes(as_csv(rows(0, n_rows)[::-1], with_ids=False))
        process = start_append(broker, path, topic, "--append", "--speed", "1000")
        reached = wait_for_records(broker, topic, reached + rng.randint(1, 400), process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    export = rows(0, n_rows)
    append_pipe(broker, as_csv(export, with_ids=False, line_end="\r\n"), topic)
    assert append(broker, path, topic).published_before == n_rows
    assert texts(broker, topic) == once_each(export)


def test_a_broker_that_is_killed_holds_an_export_up_and_no_more(broker: Broker, tmp_path: Path) -> None:
    """kill -9 of the broker in the middle: the same run goes on, and the state is that of what is published."""
    topic = new_topic()
    path = tmp_path / "x.csv"
    path.write_bytes(as_csv(rows(0, 500)))
    append(broker, path, topic)
    path.write_bytes(as_csv(rows(0, 2_500)))
    process = start_append(broker, path, topic, "--append", "--speed", "1000")
    wait_for_records(broker, topic, 900, process)
    broker.restart()
    _, said = process.communicate()
    assert process.returncode == 0, said
    path.write_bytes(as_csv(rows(0, 2_600)))
    assert append(broker, path, topic).published_before == 2_500
    assert texts(broker, topic) == once_each(rows(0, 2_600))


def test_a_row_that_was_rejected_is_published_once_it_is_mended(dev_broker: Broker, tmp_path: Path) -> None:
    """Only rows that are published are left out. Rows with an id and rows without one may stand in one export."""
    topic = new_topic()
    path = tmp_path / "x.jsonl"
    lines = [{"id": "r1", "text": "one", "at": "2024-03-01"}, {"id": None, "text": "two", "at": "2024-03-02"}]
    for mended, published in (("yesterday", 2), ("2024-04-03", 3)):
        path.write_bytes(b"\n".join(map(msgspec.json.encode, [*lines, {"id": "r3", "text": "three", "at": mended}])))
        report = append(dev_broker, path, topic)
        assert (report.published, report.rejected) == (published, 3 - published)
    assert texts(dev_broker, topic) == Counter(["one", "two", "three"])


def test_equal_rows_without_ids_are_counted(dev_broker: Broker, tmp_path: Path) -> None:
    """Three people may say the same. If two of them are published, one is new. With ids, one id is one row."""
    topic = new_topic()
    path = tmp_path / "x.csv"
    for copies in (2, 3, 1, 3):
        path.write_bytes(as_csv([*rows(0, 1) * copies, *rows(5, 6)], with_ids=False))
        append(dev_broker, path, topic)
    assert texts(dev_broker, topic) == once_each(rows(0, 1) * 3 + rows(5, 6))
    topic = new_topic()
    path.write_bytes(as_csv([*rows(0, 1) * 3, *rows(5, 6)]))
    reports = [append(dev_broker, path, topic) for _ in range(2)]
    assert [(each.published, each.published_before, each.repeated) for each in reports] == [(2, 0, 2), (2, 2, 2)]
    assert texts(dev_broker, topic) == once_each(rows(0, 1) + rows(5, 6))


def test_an_edited_row_is_told_and_a_foreign_export_is_refused(dev_broker: Broker, tmp_path: Path) -> None:
    """An id is published once. If most ids have another text, it is another export: nothing is left out silently."""
    topic = new_topic()
    path = tmp_path / "x.csv"
    path.write_bytes(as_csv(rows(0, 40)))
    append(dev_broker, path, topic)
    path.write_bytes(as_csv([(row_id, text + "!" * (n < 5)) for n, (row_id, text) in enumerate(rows(0, 50))]))
    report = append(dev_broker, path, topic)
    assert (report.published, report.published_before, report.changed) == (50, 40, 5)
    path.write_bytes(as_csv([(row_id, "another text") for row_id, _ in rows(0, 60)]))
    with pytest.raises(InputError, match="50 of 50 ids that were published have another text"):
        append(dev_broker, path, topic)
    assert texts(dev_broker, topic) == once_each(rows(0, 50))
    assert append(dev_broker, path, topic, restart=True).published_before == 0
    assert append(dev_broker, path, topic).published_before == 60


def test_an_export_without_ids_that_gains_a_column_is_not_published_again(dev_broker: Broker, tmp_path: Path) -> None:
    """All of its rows would be new, though their texts and times are not. A few edited rows are new rows."""
    topic = new_topic()
    path = tmp_path / "x.jsonl"
    objects = [{"text": text, "at": at(row_id)} for row_id, text in rows(0, 60)]

    def write(*added: dict[str, object]) -> None:
        path.write_bytes(
            b"\n".join(msgspec.json.encode({**one, **two}) for one, two in zip(objects, added, strict=True))
        )

    write(*[{}] * 60)
    assert append(dev_broker, path, topic).published == 60
    write(*[{"rating": 4}] * 60)
    with pytest.raises(InputError, match="60 of 60 rows that would be new have the text and the time"):
        append(dev_broker, path, topic)
    write(*[{"rating": 4}] * 3, *[{}] * 57)
    report = append(dev_broker, path, topic)
    assert (report.published, report.published_before) == (60, 57)


def test_exports_topics_and_products_do_not_mix(dev_broker: Broker, tmp_path: Path) -> None:
    """The same ids in another topic, of another product or in another column are other rows."""
    topic = new_topic()
    path = tmp_path / "x.csv"
    path.write_bytes(as_csv(rows(0, 5)))
    settings = settings_for(dev_broker)
    for given in (FieldFlags(), FieldFlags(product="a"), FieldFlags(product="b"), FieldFlags(id="at")):
        request = IngestRequest(argument=str(path), fields=given, append=True, topic=topic)
        reports = [run_ingest(settings, request, Recorded()) for _ in range(2)]
        assert [report.published_before for report in reports] == [0, 5]
    assert append(dev_broker, path, new_topic()).published_before == 0


def test_the_state_does_not_depend_on_offsets_and_says_nothing_of_the_rows(broker: Broker, tmp_path: Path) -> None:
    """It is in the compacted topic, 16 bytes a row, and no consumer group is left behind."""
    topic = new_topic()
    settings = settings_for(broker)
    path = tmp_path / "x.csv"
    path.write_bytes(as_csv(rows(0, 1_000)))
    before = kafka_io.read_committed(broker.bootstrap, settings.topics.ingest_state)
    append(broker, path, topic)
    added = kafka_io.read_committed(broker.bootstrap, settings.topics.ingest_state)[len(before) :]
    newest = {record.key: record.value for record in added}
    assert sum(map(len, newest.values())) < 1_000 * 16 + 500
    assert not any(b"line" in record.key + record.value for record in added)
    with closing(KafkaAdminClient(bootstrap_servers=broker.bootstrap)) as admin:
        assert not [group for group in admin.list_groups() if group["group_id"].startswith("ingest")]


def test_a_shift_of_times_is_refused(tmp_path: Path) -> None:
    """Each run would shift the same rows differently."""
    request = IngestRequest(argument="x.csv", append=True, rebase_time=True)
    with pytest.raises(UsageError, match="exclude"):
        run_ingest(load_settings(None, {}), request, Recorded())
