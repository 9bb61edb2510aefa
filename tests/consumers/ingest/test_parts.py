"""The parts of the ingest that need no Kafka: fields, order, pace, batches, rejects."""

from __future__ import annotations

import dataclasses
import random
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.cluster.records import OutgoingRecord
from consumers.ingest.batches import MAX_ROWS, Prepared, batches, to_record
from consumers.ingest.checking import Plan, check_file, fingerprint
from consumers.ingest.date_order import MOST_WAITING, DateOrders, with_date_order, with_order_ahead
from consumers.ingest.fields import (
    FieldFlags,
    Fields,
    Publishable,
    Reject,
    encoded_bytes,
    resolve_fields,
    to_publishable,
)
from consumers.ingest.ordering import in_order_of_time
from consumers.ingest.pacing import Pace
from consumers.ingest.read_ahead import with_idle_marks
from consumers.ingest.rejects import RejectsFile, collecting
from sentiment.errors import InputError, UsageError
from sentiment.events import FeedbackInput, SourcePosition, decode_feedback
from sentiment.sources import InputFile, ReadingOptions, Row
from sentiment.sources.times import TimeNotation
from tests.consumers.ingest.support import START, write_csv
from tests.fakes import ManualClock
from tests.waiting import wait_until

CANARY = "canary-4f1c"


def publishable(number: int, seconds: float) -> Publishable:
    """A row that happened so long after the start."""
    time = START + timedelta(seconds=seconds)
    return Publishable(number, FeedbackInput(text=f"text {number}", id=f"r{number}", created_at=time), time)


def fields(*columns: str, **flags: str) -> Fields:
    """The fields of a file with these columns."""
    return resolve_fields(FieldFlags(**flags), columns, "x.csv")


def plan(path: Path, *, topic: str = "feedback", time: str | None = "at", rebase_time: bool = False) -> Plan:
    """The plan of a file that `write_csv` made."""
    resolved = resolve_fields(FieldFlags(time=time), ["id", "text", "at"], path.name)
    return Plan(InputFile(path), "csv", resolved, topic, rebase_time)


def test_a_row_becomes_the_event_that_a_worker_reads() -> None:
    """Mapped columns arrive, the event's own names are taken as they are, and nothing else is published."""
    mapping = fields(
        "review",
        "when",
        "app",
        "key",
        "author_id",
        "rating",
        "secret",
        text="review",
        time="when",
        product_field="app",
        id="key",
    )
    values = {
        "review": "good",
        "when": "2024-03-01T00:00:00Z",
        "app": "tv",
        "key": 7.0,
        "author_id": "a1",
        "rating": "4.5",
        "secret": CANARY,
    }
    row = to_publishable(Row(1, 2, values), mapping, "p")
    assert isinstance(row, Publishable)
    record = to_record(row, "feedback", timedelta(hours=1))
    event = decode_feedback(record.value, position=SourcePosition(topic="t", partition=0, offset=0), timestamp_ms=0)
    assert (event.id, event.text, event.product, event.author_id, event.rating) == ("7", "good", "tv", "a1", 4.5)
    assert event.created_at == START + timedelta(hours=1)
    assert record.key == b"7"
    assert CANARY.encode() not in (record.value or b"")


def test_of_mail_only_the_own_words_are_published() -> None:
    """Quoted messages and signatures stay out of the topic; as text they are part of it."""
    mail = "it is slow\n\nOn Monday X wrote:\n> hello\n-- \nJane"
    for kind, text in (("mail", "it is slow"), ("text", mail)):
        mapping = dataclasses.replace(fields("text"), kind=kind)
        row = to_publishable(Row(1, 2, {"text": mail}), mapping, "p")
        assert isinstance(row, Publishable)
        assert row.event.text == text


def test_a_row_without_an_id_gets_one_that_names_its_row() -> None:
    """Made of the file's fingerprint and the row's number: the same again after an interruption."""
    row = to_publishable(Row(12, 13, {"text": "good"}), fields("text"), "3f2a")
    assert isinstance(row, Publishable)
    assert row.event.id == "3f2a-12"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"text": None, "at": START}, "text_missing"),
        ({"text": 5, "at": START}, "text_not_a_string"),
        ({"text": " \n", "at": START}, "text_empty"),
        ({"text": CANARY * 5_000, "at": START}, "text_too_long"),
        ({"text": CANARY, "at": "01/02/2024"}, "time_ambiguous"),
        ({"text": CANARY, "at": ""}, "time_missing"),
        ({"text": CANARY, "at": START.replace(year=1960)}, "timestamp_out_of_range"),
        ({"text": CANARY + "\udcff", "at": START}, "not_utf8"),
        ({"text": CANARY, "at": START, "id": "i" * 600}, "schema"),
        ({"text": CANARY, "at": START, "metadata": {"a": object()}}, "schema"),
    ],
)
def test_a_row_that_no_worker_would_accept_is_rejected_without_its_text(values: dict[str, object], reason: str) -> None:
    """Each fault has a reason code, and neither it nor the message quotes the row."""
    found = to_publishable(Row(3, 4, values), fields("text", "at", "id", "metadata", time="at"), "p")
    assert isinstance(found, Reject)
    assert (found.row, found.line, found.reason) == (3, 4, reason)
    assert CANARY not in found.message


def test_a_missing_column_is_named_with_those_that_exist() -> None:
    """For a named column, and for the text's default name."""
    for flags in ({"text": "body"}, {}):
        with pytest.raises(InputError) as refused:
            fields("review", "when", **flags)
        assert "'review', 'when'" in str(refused.value.hint)
    with pytest.raises(UsageError, match="exclude"):
        fields("text", product="a", product_field="text")


def test_a_file_without_a_header_does_not_show_its_first_row() -> None:
    """What stands in the place of the column names is a feedback text then."""
    with pytest.raises(InputError) as refused:
        fields("17", "I really hate how slow this app is", "jo@example.com", "2024-01-01")
    assert "hate" not in str(refused.value.hint)
    assert "jo@" not in str(refused.value.hint)
    assert "and 2 more" in str(refused.value.hint)
    with pytest.raises(InputError) as refused:
        fields("it is far too slow for what it costs", "call me: jo@example.com")
    assert "is the first line a header?" in str(refused.value.hint)


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(0, 70))
def test_rows_come_in_the_order_of_their_times(seconds: list[int], skip: int) -> None:
    """Sorted by time, ties as in the file, without the first ones: like Python's own stable sort."""
    rows = [publishable(n, second) for n, second in enumerate(seconds, start=1)]
    with in_order_of_time(rows, skip) as ordered:
        assert list(ordered) == sorted(rows, key=lambda row: row.created_at or START)[skip:]


def _play(rows: list[Publishable | None], speed: float | None, busy_s: float = 0.0) -> list[tuple[float, list[str]]]:
    """When each batch is handed out, and the ids in it; publishing one takes `busy_s`."""
    clock = ManualClock()
    prepare = lambda row: Prepared(to_record(row, "t", timedelta()))  # noqa: E731
    played = []
    for batch in batches(rows, prepare, speed=speed, monotonic=clock.monotonic, sleep=clock.advance):
        played.append((clock.seconds, [(row.record.key or b"").decode() for row in batch]))
        clock.advance(busy_s)
    return played


def test_a_replay_keeps_the_distances_of_event_time() -> None:
    """At speed 10, what happened 5 s after the first row is published half a second after it."""
    rows = [publishable(n, seconds) for n, seconds in enumerate([0, 0, 5, 20], start=1)]
    assert _play([*rows], speed=10) == [(0.0, ["r1", "r2"]), (0.5, ["r3"]), (2.0, ["r4"])]


def test_a_replay_that_is_behind_catches_up_in_one_batch() -> None:
    """What is due while Kafka is slow is published together, and nothing early."""
    rows = [publishable(n, seconds) for n, seconds in enumerate([0, 1, 2, 3, 100], start=1)]
    assert _play([*rows], speed=1, busy_s=10) == [(0.0, ["r1"]), (10.0, ["r2", "r3", "r4"]), (100.0, ["r5"])]


@given(st.lists(st.integers(0, 10_000) | st.none(), max_size=80), st.sampled_from([None, 0.5, 60.0]))
def test_batches_hold_every_row_once_and_in_order(seconds: list[int | None], speed: float | None) -> None:
    """Whatever the pace and the pauses."""
    rows = [None if second is None else publishable(n, second) for n, second in enumerate(seconds)]
    played = [key for _, keys in _play([*rows], speed) for key in keys]
    assert played == [f"r{row.number}" for row in rows if row is not None]


def test_at_full_speed_batches_are_bounded_in_rows_and_bytes() -> None:
    """One transaction neither holds a whole file nor a single row."""
    rows = [publishable(n, 0) for n in range(2 * MAX_ROWS + 5)]
    assert [len(keys) for _, keys in _play([*rows], speed=None)] == [MAX_ROWS, MAX_ROWS, 5]
    large = Prepared(OutgoingRecord("t", b"x" * 1_500_000))
    units = list(batches(rows[:7], lambda row: large, speed=None, monotonic=lambda: 0.0, sleep=lambda s: None))
    assert [len(unit) for unit in units] == [3, 3, 1]


@given(st.floats(0.001, 1e6), st.floats(0, 1e7), st.floats(0, 1e6))
def test_nothing_is_early_and_nothing_waits_twice(speed: float, later_s: float, now_s: float) -> None:
    """After the wait, the row is due; late rows do not wait."""
    pace = Pace(speed, START, 0.0)
    time = START + timedelta(seconds=later_s)
    wait = pace.wait_s(time, now_s)
    assert wait == pytest.approx(max(0.0, (time - START).total_seconds() / speed - now_s))


def test_rows_of_a_slow_pipe_do_not_wait_for_more() -> None:
    """Where nothing comes for a while, a mark comes instead, and errors of the reader reach the caller."""

    paused = threading.Event()

    def slow() -> Iterator[int]:
        yield 1
        paused.wait(timeout=30)  # until the consumer has seen the pause
        yield 2
        raise InputError("broken")

    items: list[int] = []

    def consume() -> None:
        for item in with_idle_marks(slow(), lambda item: 1, idle_s=0.01):
            if item is None:
                paused.set()
            else:
                items.append(item)

    with pytest.raises(InputError, match="broken"):
        consume()
    assert items == [1, 2]
    assert paused.is_set()


@pytest.mark.parametrize(
    ("sizes", "ahead"),
    [
        ([1] * 300, 10),  # small rows: bounded by their number
        ([30] * 50, 3),  # large ones: by their bytes
        ([1_000] * 20, 1),  # each is larger than the bound: one at a time
        ([1, 200, 50, 50, 1, 1, 1, 300, 1], 1),
    ],
)
def test_what_is_read_ahead_is_bounded_in_rows_and_bytes(sizes: list[int], ahead: int) -> None:
    """While nobody takes rows, the reader stops at the first bound. Then every row comes, in order."""
    n_read = n_taken = 0

    def source() -> Iterator[int]:
        nonlocal n_read
        for number, size in enumerate(sizes):
            n_read = number + 1
            waiting = sizes[n_taken + 1 : number]  # one more may have been taken than we have heard of
            assert len(waiting) <= 10
            assert len(waiting) <= 1 or sum(waiting) <= 100
            yield size

    items = with_idle_marks(source(), lambda size: size, max_items=10, max_bytes=100)
    taken = [next(items)]
    n_taken = 1
    # One is taken, so many wait, and one more is in the reader's hand.
    wait_until(lambda: n_read == 1 + ahead + 1, lambda: f"the bound; {n_read} rows are read")
    for item in items:
        n_taken += item is not None
        taken.append(item)
    assert [item for item in taken if item is not None] == sizes


def test_the_size_of_a_row_counts_all_of_its_content() -> None:
    """Not only its text: metadata can be much larger."""
    large = FeedbackInput(text="x", id="r", metadata={f"m{n}": "y" * 1_000 for n in range(900)})
    assert encoded_bytes(Publishable(1, large, None)) > 900_000


def test_the_survey_finds_the_order_the_last_time_and_the_rejects(tmp_path: Path) -> None:
    """Counts, order and the newest time; the rejects file has one line for each bad row, and nothing of its text."""
    path = write_csv(tmp_path / "x.csv", 10, newest_first=True)
    with path.open("a") as file:
        file.write(f"bad,{CANARY},01/02/2024\nlong,x,2024-01-01,y\n")
    with collecting(tmp_path / "x.csv.rejects.jsonl") as rejects:
        found = check_file(plan(path), rejects, lambda n: None)
    assert (found.good, found.rejected, found.in_order) == (10, 2, False)
    assert found.last_time == START + timedelta(seconds=9)
    content = rejects.path.read_bytes()
    lines = [msgspec.json.decode(line) for line in content.splitlines()]
    assert [(line["row"], line["line"], line["reason"]) for line in lines] == [
        (11, 12, "time_ambiguous"),
        (12, 13, "field_count"),
    ]
    assert CANARY.encode() not in content


def test_the_rejects_file_is_a_function_of_the_input(tmp_path: Path) -> None:
    """Read again it is the same; where nothing is rejected any more it goes; a fault leaves it as it was."""
    path = tmp_path / "rejects.jsonl"

    def write(n: int, *, fail: bool = False) -> None:
        with collecting(path) as rejects:
            for number in range(n):
                rejects.add(Reject(number, number, "schema", "why"))
            if fail:
                raise InputError("cut off")

    write(3)
    first = path.read_bytes()
    write(3)
    assert path.read_bytes() == first
    with pytest.raises(InputError):
        write(1, fail=True)
    assert path.read_bytes() == first
    write(0)
    assert list(tmp_path.iterdir()) == []


def test_rejects_follow_a_link(tmp_path: Path) -> None:
    """Its target is written, and emptied where nothing is rejected any more."""
    path, target = tmp_path / "rejects.jsonl", tmp_path / "target"
    path.symlink_to(target)
    for n in (2, 0):
        with collecting(path) as rejects:
            for number in range(n):
                rejects.add(Reject(number, number, "schema", "why"))
        assert path.is_symlink()
        assert len(target.read_text().splitlines()) == n


def test_rejects_need_a_place(tmp_path: Path) -> None:
    """A folder that is missing is said, once there is something to write."""
    rejects = RejectsFile(tmp_path / "absent" / "x.rejects.jsonl")
    with pytest.raises(InputError, match=r"the folder of .* does not exist"):
        rejects.add(Reject(1, 1, "schema", "why"))


def test_the_fingerprint_names_content_mapping_and_topic(tmp_path: Path) -> None:
    """Another content, mapping, topic, shift or reading is another ingest; a copy under another name is the same."""
    path = write_csv(tmp_path / "x.csv", 5)
    copy = tmp_path / "y.csv"
    copy.write_bytes(path.read_bytes())
    other = write_csv(tmp_path / "z.csv", 6)
    names = [
        fingerprint(plan(path)),
        fingerprint(plan(other)),
        fingerprint(plan(path, topic="elsewhere")),
        fingerprint(plan(path, time=None)),
        fingerprint(plan(path, rebase_time=True)),
        *(
            fingerprint(dataclasses.replace(plan(path), given=InputFile(path, options)))
            for options in (
                ReadingOptions(delimiter=","),
                ReadingOptions(encoding="cp1252"),
                ReadingOptions(skip_rows=1),
            )
        ),
    ]
    assert len(set(names)) == len(names)
    assert fingerprint(plan(copy)) == names[0]


def test_sorting_a_shuffled_file_is_the_same_every_time(tmp_path: Path) -> None:
    """A resumed ingest skips exactly the rows that were published before."""
    rows = [publishable(n, n % 7) for n in range(100)]
    random.Random(3).shuffle(rows)
    with in_order_of_time(rows, 0) as everything:
        whole = list(everything)
    with in_order_of_time(rows, 40) as rest:
        assert whole[40:] == list(rest)


@given(
    st.lists(st.dates(date(1990, 1, 1), date(2060, 1, 1)), min_size=1, max_size=8),
    st.sampled_from(["DMY", "MDY"]),
)
@settings(deadline=None, max_examples=60)
def test_the_whole_column_tells_the_order_of_dates(days: list[date], order: str) -> None:
    """One value above 12 decides for all rows; without one, the column is refused with the option that says it."""
    pattern = {"DMY": "%d/%m/%Y", "MDY": "%m/%d/%Y"}[order]
    orders = DateOrders()
    for line, day in enumerate(days, start=2):
        orders.add(day.strftime(pattern), f"line {line}")
    if any(day.day > 12 for day in days):
        assert orders.decide("at") == order
    elif all(day.day == day.month for day in days):
        assert orders.decide("at") is not None
    else:
        with pytest.raises(InputError) as refused:
            orders.decide("at")
        assert "--date-order" in str(refused.value.hint)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (["31/01/2024", "05/06/2024", "01/31/2024"], r"day first \(line 2\) and with the month first \(line 4\)"),
        (["31.12.24", "05.06.24"], r"where the year stands \(line 2\)"),
        (["5-Jan-24"], "where the year stands"),
    ],
)
def test_a_column_that_mixes_orders_is_refused_before_anything_is_published(
    tmp_path: Path, values: list[str], says: str
) -> None:
    """With the lines that contradict each other; an order that is told is taken as it is."""
    path = tmp_path / "x.csv"
    path.write_text("text,created_at\n" + "".join(f"a,{value}\n" for value in values))
    with pytest.raises(InputError, match=says) as refused:
        with_date_order(InputFile(path), "csv", fields("text", "created_at"))
    assert refused.value.exit_code == 2
    told = resolve_fields(FieldFlags(times=TimeNotation("DMY")), ["text", "created_at"], "x.csv")
    assert with_date_order(InputFile(path), "csv", told) == told


def test_the_same_row_is_read_by_what_the_rest_of_its_file_tells(tmp_path: Path) -> None:
    """03/04/2024 is a day in April beside 31/01/2024, and one in March beside 01/31/2024."""
    for other, month in [("31/01/2024", 4), ("01/31/2024", 3)]:
        path = tmp_path / "x.csv"
        path.write_text(f"text,created_at\na,03/04/2024\nb,{other}\nc,2024-05-06T07:08:09Z\n")
        found = with_date_order(InputFile(path), "csv", fields("text", "created_at"))
        row = to_publishable(Row(1, 2, {"text": "a", "created_at": "03/04/2024"}), found, "x")
        assert isinstance(row, Publishable)
        assert row.created_at is not None
        assert row.created_at.month == month


def dates_of_a_pipe(values: list[str], said: list[str] | None = None) -> Iterator[tuple[int, str | None]]:
    """The line of each row, in the order in which they come, with its day, or None where that is rejected."""
    rows = [Row(n, n, {"text": "a", "created_at": value}) for n, value in enumerate(values, start=1)]
    found = resolve_fields(FieldFlags(), ["text", "created_at"], "a pipe")
    say = (said if said is not None else []).append
    for row, times in with_order_ahead(rows, "created_at", TimeNotation(), "a pipe", say):
        read = to_publishable(row, dataclasses.replace(found, times=times), "x")
        day = read.created_at if isinstance(read, Publishable) else None
        yield row.number, None if day is None else day.date().isoformat()


@pytest.mark.parametrize(
    ("values", "days"),
    [
        (["03/04/2024", "31/01/2024"], ["2024-04-03", "2024-01-31"]),
        (["03/04/2024", "01/31/2024"], ["2024-03-04", "2024-01-31"]),
        (["31/01/2024", "03/04/2024", "01/31/2024"], ["2024-01-31", "2024-04-03", None]),
        (["2024-01-01", "5 May 2024", "03/04/2024", "2024-02-02", "31.01.2024"],
         ["2024-01-01", "2024-05-05", "2024-04-03", "2024-02-02", "2024-01-31"]),
        (["05-06-24", "31-12-75"], ["2024-06-05", "1975-12-31"]),
    ],
)  # fmt: skip
def test_dates_of_a_pipe_have_the_order_that_a_row_ahead_tells(values: list[str], days: list[str | None]) -> None:
    """In their order. What contradicts a row before it is rejected."""
    assert list(dates_of_a_pipe(values)) == list(enumerate(days, start=1))


@pytest.mark.parametrize("values", [["03/04/2024", "2024-01-01"], ["03/04/2024"] * (MOST_WAITING + 5), ["05-Jan-24"]])
def test_dates_of_a_pipe_that_nothing_tells_are_refused(values: list[str]) -> None:
    """With the option that says it, before any of them is published; so much is said while rows wait."""
    said: list[str] = []
    with pytest.raises(InputError, match="does not tell") as refused:
        next(dates_of_a_pipe(values, said))
    assert "--date-order" in str(refused.value.hint)
    assert len(said) == 1
    assert "--date-order" in said[0]


def test_rows_of_a_pipe_wait_only_where_their_dates_are_open() -> None:
    """Each comes before the next one is read, as long as no date needs another to be understood."""
    values = iter(["2024-01-01", "31/01/2024", "03/04/2024", "04/05/2024"])
    n_read = 0

    def rows() -> Iterator[Row]:
        nonlocal n_read
        for value in values:
            n_read += 1
            yield Row(n_read, n_read, {"text": "a", "created_at": value})

    dated = with_order_ahead(rows(), "created_at", TimeNotation(), "a pipe", lambda _: None)
    for number, _ in enumerate(dated, start=1):
        assert n_read == number


@given(st.lists(st.dates(date(1970, 1, 1), date(2060, 1, 1)), min_size=1, max_size=30), st.sampled_from(["DMY", "MDY"]))
def test_a_pipe_and_its_file_say_the_same(days: list[date], order: str) -> None:
    """Where the file can be read, the pipe gives the same days; where it is refused, the pipe is, too."""
    pattern = "%d/%m/%Y" if order == "DMY" else "%m/%d/%Y"
    values = [day.strftime(pattern) for day in days]
    orders = DateOrders()
    for value in values:
        orders.add(value, "here")
    try:
        orders.decide("x")
    except InputError:
        with pytest.raises(InputError):
            list(dates_of_a_pipe(values))
        return
    assert [day for _, day in dates_of_a_pipe(values)] == [day.isoformat() for day in days]
