"""The contracts: round trips, bounds, and messages that never contain the text."""

from __future__ import annotations

import codecs
import json
from datetime import UTC, datetime, timedelta, timezone

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.errors import PoisonReason, PoisonRecord
from sentiment.events import (
    MAX_METADATA_DEPTH,
    MAX_METADATA_ITEMS,
    MAX_RECORD_BYTES,
    MAX_TEXT_CHARS,
    SCHEMAS,
    Alert,
    FeedbackEvent,
    FeedbackInput,
    LateLabel,
    ModelRef,
    Probabilities,
    Rate,
    ScoredFeedback,
    SourcePosition,
    decode_alert,
    decode_feedback,
    decode_label,
    decode_scored,
    encode,
    json_schema,
)

POSITION = SourcePosition(topic="feedback", partition=3, offset=41)
NOW_MS = 1_700_000_000_000
SECRET = "canary-7f3a"
OUT_OF_RANGE = PoisonReason.TIMESTAMP_OUT_OF_RANGE
TOO_MANY_ITEMS = json.dumps({"text": "a", "metadata": {"k": [SECRET] * MAX_METADATA_ITEMS}}).encode()
TOO_DEEP = b'{"text":"a","metadata":{"k":' + b"[" * MAX_METADATA_DEPTH + b"]" * MAX_METADATA_DEPTH + b"}}"

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=200)
times = st.datetimes(datetime(1971, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))
names = texts.filter(lambda name: len(name) <= 200)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(texts, children, max_size=3),
    max_leaves=8,
)
metadata = st.dictionaries(texts, json_values, max_size=4)
shares = st.floats(0, 1)

scored = st.builds(
    ScoredFeedback,
    event_id=names,
    position=st.builds(SourcePosition, topic=names, partition=st.integers(0, 999), offset=st.integers(0, 2**62)),
    label=st.sampled_from(["negative", "neutral", "positive"]),
    probabilities=st.builds(Probabilities, negative=shares, neutral=shares, positive=shares),
    score=st.floats(-1, 1),
    text=st.none() | texts,
    product=names,
    source=names,
    author=st.none() | names,
    rating=st.none() | st.floats(-5, 5),
    metadata=metadata,
    created_at=times,
    scored_at=times,
    model=st.builds(ModelRef, name=names, version=names),
    language=st.none() | st.just("en"),
    unsupported_language=st.booleans(),
    n_chunks=st.integers(1, 99),
    truncated=st.booleans(),
    redactions=st.dictionaries(st.sampled_from(["email", "phone"]), st.integers(0, 9)),
)
alerts = st.builds(
    Alert,
    alert_id=names,
    episode_id=names,
    status=st.sampled_from(["firing", "resolved"]),
    segment=names,
    severity=st.sampled_from(["warning", "critical"]),
    window_start=times,
    window_end=times,
    n=st.integers(0, 10**9),
    negatives=st.integers(0, 10**9),
    observed=st.builds(Rate, value=shares, low=shares, high=shares),
    expected=shares,
    probability_of_chance=shares,
    drivers=st.lists(names, max_size=3),
    exemplars=st.lists(texts, max_size=3),
    model=st.none() | st.builds(ModelRef, name=names, version=names),
    started_at=times,
    created_at=times,
    message=texts,
)
late_labels = st.builds(
    LateLabel,
    label=st.sampled_from(["negative", "neutral", "positive"]),
    labelled_at=times,
    event_id=names,
    annotator=st.none() | names,
    inclusion_probability=st.none() | st.floats(0.001, 1),
)
inputs = st.builds(
    FeedbackInput,
    text=texts.filter(lambda text: bool(text.strip())),
    id=st.none() | names,
    created_at=st.none() | times,
    product=st.none() | names,
    author_id=st.none() | names,
    rating=st.none() | st.floats(-5, 5),
    metadata=st.none() | metadata,
)


def poison(value: bytes | None) -> PoisonRecord:
    with pytest.raises(PoisonRecord) as caught:
        decode_feedback(value, position=POSITION, timestamp_ms=NOW_MS)
    assert SECRET not in str(caught.value)
    return caught.value


@given(scored)
def test_a_result_survives_the_wire(result: ScoredFeedback) -> None:
    """decode(encode(x)) == x for every result."""
    assert decode_scored(encode(result)) == result


@given(alerts)
def test_an_alert_survives_the_wire(alert: Alert) -> None:
    """decode(encode(x)) == x for every alert."""
    assert decode_alert(encode(alert)) == alert


@given(late_labels)
def test_a_late_label_survives_the_wire(label: LateLabel) -> None:
    """decode(encode(x)) == x for every late label."""
    assert decode_label(encode(label)) == label


def test_a_late_label_must_name_its_event() -> None:
    """Without an event id or a position, nobody can join it."""
    with pytest.raises(PoisonRecord, match="names the event"):
        decode_label(b'{"label":"negative","labelled_at":"2026-01-01T00:00:00Z"}')


@given(inputs)
def test_feedback_keeps_what_was_given_and_fills_what_was_not(given_event: FeedbackInput) -> None:
    """Every given field is unchanged. A missing id becomes the position, a missing time the record's timestamp."""
    event = decode_feedback(encode(given_event), position=POSITION, timestamp_ms=NOW_MS)
    assert event.text == given_event.text
    assert event.id == (given_event.id or "feedback/3/41")
    assert event.created_at == (given_event.created_at or datetime.fromtimestamp(NOW_MS / 1000, UTC))
    assert event.product == (given_event.product or "unknown")
    assert event.metadata == (given_event.metadata or {})


@given(scored | alerts | inputs | late_labels)
def test_every_record_fits_its_published_schema(record: msgspec.Struct) -> None:
    """What we encode validates against the JSON Schema that we publish."""
    name = next(name for name, kind in SCHEMAS.items() if kind is type(record))
    jsonschema.validate(json.loads(encode(record)), json_schema(name))


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_an_event_or_poison(value: bytes) -> None:
    """No input raises anything but PoisonRecord."""
    try:
        event = decode_feedback(value, position=POSITION, timestamp_ms=NOW_MS)
    except PoisonRecord as error:
        assert error.reason in PoisonReason
    else:
        assert event.text.strip()


@pytest.mark.parametrize(
    ("value", "reason", "path"),
    [
        (None, PoisonReason.TOMBSTONE, None),
        (b"\xff" + SECRET.encode(), PoisonReason.NOT_UTF8, None),
        (SECRET.encode(), PoisonReason.NOT_JSON, None),
        (b'{"text":"' + SECRET.encode(), PoisonReason.NOT_JSON, None),
        (b'["canary-7f3a"]', PoisonReason.SCHEMA, "$"),
        (b'{"id":"canary-7f3a"}', PoisonReason.SCHEMA, "$"),
        (b'{"text":["canary-7f3a"]}', PoisonReason.SCHEMA, "$.text"),
        (b'{"text":"canary-7f3a","rating":"canary-7f3a"}', PoisonReason.SCHEMA, "$.rating"),
        (b'{"text":"canary-7f3a","created_at":"canary-7f3a"}', PoisonReason.SCHEMA, "$.created_at"),
        (b'{"text":"canary-7f3a","created_at":"0001-01-01T00:00:00+14:00"}', OUT_OF_RANGE, "$.created_at"),
        (b'{"text":" \\n "}', PoisonReason.TEXT_EMPTY, "$.text"),
        (b'{"text":"canary-7f3a","schema_version":2}', PoisonReason.SCHEMA_VERSION, "$.schema_version"),
        (json.dumps({"text": SECRET * 4000}).encode(), PoisonReason.TEXT_TOO_LONG, "$.text"),
        (b" " * (MAX_RECORD_BYTES + 1), PoisonReason.RECORD_TOO_LARGE, None),
        (json.dumps({"text": "a", "id": SECRET * 60}).encode(), PoisonReason.SCHEMA, "$.id"),
        (TOO_MANY_ITEMS, PoisonReason.SCHEMA, "$.metadata"),
        (TOO_DEEP, PoisonReason.SCHEMA, "$.metadata"),
        (b'{"text":"a","metadata":' + b'{"k":' * 100_000, PoisonReason.NOT_JSON, None),
    ],
)  # fmt: skip
def test_faults_name_reason_and_path_but_never_the_text(
    value: bytes | None, reason: PoisonReason, path: str | None
) -> None:
    """Each fault has its reason code and JSON path, and its message contains nothing of the record."""
    error = poison(value)
    assert (error.reason, error.path) == (reason, path)


def read(value: bytes) -> FeedbackEvent:
    return decode_feedback(value, position=POSITION, timestamp_ms=NOW_MS)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@given(text=st.text(min_size=1, alphabet=st.characters(codec="utf-8")).filter(str.strip))
def test_a_byte_order_mark_says_the_encoding(encoding: str, text: str) -> None:
    """With a mark, UTF-8, UTF-16 and UTF-32 are read alike."""
    value = json.dumps({"text": text}, ensure_ascii=False)
    assert read(value.encode(encoding)).text == text
    if encoding != "utf-8-sig":
        mark = {"utf-16": codecs.BOM_UTF16_BE, "utf-32": codecs.BOM_UTF32_BE}[encoding]
        assert read(mark + value.encode(f"{encoding}-be")).text == text


@given(st.lists(st.integers(0x21, 0x10FFFF) | st.integers(0xD800, 0xDFFF), min_size=1), st.booleans())
def test_half_a_surrogate_pair_is_a_replacement_character(points: list[int], escaped: bool) -> None:
    """An emoji that somebody cut in half costs itself, not its record; two halves make one again."""
    text = "x" + "".join(map(chr, points))
    units = text.encode("utf-16", "surrogatepass")
    value = json.dumps({"text": text, "metadata": {text: [text]}}, ensure_ascii=escaped)
    event = read(value.encode("utf-8", "surrogatepass"))
    expected = units.decode("utf-16", "replace")
    assert (event.text, event.metadata) == (expected, {expected: [expected]})


def test_nan_is_no_value_and_stays_where_it_is_a_word() -> None:
    """Python and pandas write a missing number as NaN. In a text, and beside escapes, it is left alone."""
    event = read(
        rb'{"text": "NaN \"NaN\ud83d", "rating": NaN, "product": NaN, "metadata": {"NaN": [NaN, -NaN, "NaN"]}}'
    )
    assert event.text == 'NaN "NaN\ufffd'
    assert (event.rating, event.product, event.metadata) == (None, "unknown", {"NaN": [None, None, "NaN"]})


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (b'{"text": "a", "rating": -Infinity}', "Infinity is not a JSON value"),
        (b'{"text": NaN}', "got `null` at $.text"),
        (b'{"text": "a"} canary-7f3a', "trailing characters"),
        (b'{"text": "a', "truncated"),
        (b"\xff\xfe{\x00}", "not UTF-16 at byte"),
        (b'\xef\xbb\xbf{"text": "\xff"}', "not UTF-8 at byte"),
        (b'{"text":"a","metadata":' + b'{"k":' * 100_000, "nested too deeply"),
        (b'{"text": "' + rb"\"" * 300_000 + b"\\", "truncated"),
    ],
)
def test_what_is_not_clear_is_poison_with_the_true_reason(value: bytes, says: str) -> None:
    """The message says what is wrong, and nothing of what the record holds."""
    assert says in poison(value).message


def test_the_longest_text_is_accepted() -> None:
    """A text of the maximum length passes, even with every character escaped. A longer one does not."""
    fits = json.dumps({"text": "\U0001f600" * MAX_TEXT_CHARS}).encode()
    assert len(decode_feedback(fits, position=POSITION, timestamp_ms=0).text) == MAX_TEXT_CHARS
    assert poison(json.dumps({"text": "a" * (MAX_TEXT_CHARS + 1)}).encode()).reason is PoisonReason.TEXT_TOO_LONG


@given(times, st.integers(-12 * 60, 14 * 60))
def test_times_of_every_zone_become_utc(time: datetime, offset_minutes: int) -> None:
    """A time with an offset names the same instant in UTC; one without a zone is UTC already."""
    local = time.astimezone(timezone(timedelta(minutes=offset_minutes)))
    for written, expected in ((local, time), (time.replace(tzinfo=None), time)):
        event = decode_feedback(
            json.dumps({"text": "a", "created_at": written.isoformat()}).encode(), position=POSITION, timestamp_ms=0
        )
        assert event.created_at == expected
        assert event.created_at.utcoffset() == timedelta(0)


@given(scored | alerts | late_labels, st.integers(-12 * 60, 14 * 60))
def test_every_decoder_returns_its_times_in_utc(record: msgspec.Struct, offset_minutes: int) -> None:
    """A time in another zone, or in UTC without a zone, is decoded to the same instant in UTC."""
    decode = {ScoredFeedback: decode_scored, Alert: decode_alert, LateLabel: decode_label}[type(record)]
    zone = timezone(timedelta(minutes=offset_minutes))
    fields = {name: getattr(record, name) for name in record.__struct_fields__}
    for write in (lambda time: time.astimezone(zone), lambda time: time.replace(tzinfo=None)):
        written = {name: write(value) if isinstance(value, datetime) else value for name, value in fields.items()}
        decoded = decode(encode(msgspec.structs.replace(record, **written)))
        assert decoded == record
        read = [getattr(decoded, name) for name, value in fields.items() if isinstance(value, datetime)]
        assert [time.tzinfo for time in read] == [UTC] * len(read)


def test_unknown_fields_pass() -> None:
    """A newer producer's extra field does not stop an older reader."""
    event = decode_feedback(b'{"text":"a","mood":{"x":1}}', position=POSITION, timestamp_ms=0)
    assert event.text == "a"


def test_identity_is_position_and_model_version() -> None:
    """The identity of a result depends on nothing else."""
    result = msgspec.convert(
        {
            "event_id": "e",
            "position": {"topic": "feedback", "partition": 3, "offset": 41},
            "label": "neutral",
            "probabilities": {"negative": 0.0, "neutral": 1.0, "positive": 0.0},
            "score": 0.0,
            "text": None,
            "product": "p",
            "source": "s",
            "author": None,
            "rating": None,
            "metadata": {},
            "created_at": datetime(2024, 1, 1, tzinfo=UTC),
            "scored_at": datetime(2024, 1, 1, tzinfo=UTC),
            "model": {"name": "m", "version": "v1"},
            "language": None,
            "unsupported_language": False,
            "n_chunks": 1,
            "truncated": False,
            "redactions": {},
        },
        ScoredFeedback,
    )
    assert result.identity() == "feedback/3/41@v1"
