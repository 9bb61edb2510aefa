"""The names in `sentiment`: few, lazy, and seen by editors and type checkers."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sentiment
from sentiment.api.scorer import SentimentModel
from sentiment.api.series import detect_spikes
from sentiment.errors import InputError, PoisonRecord
from sentiment.events import FeedbackInput, LateLabel, json_schema
from tests.consumers.results import scored
from tests.fakes import LexiconClassifier
from tests.processes import run_python


def a_bad_hour() -> tuple[pd.DatetimeIndex, list[bool]]:
    """A day of results with one negative in eight, whose last hour is all negative."""
    return pd.date_range("2026-03-01", periods=720, freq="2min"), [n % 8 == 0 or n >= 690 for n in range(720)]


def run(code: str) -> str:
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_import_loads_nothing() -> None:
    """`import sentiment` brings in two small files, and `dir` lists the names without loading them."""
    loaded = run(
        "import sys; before = set(sys.modules); import sentiment; dir(sentiment); print(*set(sys.modules) - before)"
    )
    assert {name for name in loaded.split() if name.startswith("sentiment")} == {"sentiment", "sentiment.telemetry"}
    assert not {"numpy", "msgspec", "pandas", "openvino"} & {name.split(".")[0] for name in loaded.split()}


def test_every_name_is_there() -> None:
    """Each public name can be had, is documented, and is listed."""
    for name in sentiment.__all__:
        assert getattr(sentiment, name).__doc__
    assert set(sentiment.__all__) <= set(dir(sentiment))
    with pytest.raises(AttributeError, match="no attribute 'predict'"):
        sentiment.predict  # noqa: B018


def test_type_checkers_see_the_same_names() -> None:
    """What is imported for type checkers is what is imported at run time, and the package says that it is typed."""
    path = Path(sentiment.__file__)
    imported = {
        alias.name: node.module
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith("sentiment.")
        for alias in node.names
    }
    assert imported == {name: getattr(sentiment, name).__module__.removesuffix(".redact") for name in imported}
    assert sorted(imported) == sentiment.__all__
    assert (path.parent / "py.typed").exists()


def test_a_model_answers_in_order_however_many_texts_there_are() -> None:
    """More texts than are scored at once come back without a seam."""
    answers = SentimentModel(LexiconClassifier()).predict("great" if n % 3 else "awful" for n in range(2_500))
    assert [answer.label for answer in answers] == ["positive" if n % 3 else "negative" for n in range(2_500)]


@pytest.mark.parametrize(
    ("texts", "error", "said"),
    [
        ("one text", TypeError, r"predict\(\[text\]\)"),
        (["fine", "  "], InputError, r"texts\[1\]: the text is empty"),
        (["fine", None], InputError, r"texts\[1\]: there is no text"),
        (["secretword" * 10_000], InputError, r"texts\[0\]: the text has 100000 characters"),
    ],
)
def test_what_is_no_text_is_refused(texts: list[str], error: type[Exception], said: str) -> None:
    """The message names the place and the fault, and quotes nothing."""
    with pytest.raises(error, match=said) as refused:
        SentimentModel(LexiconClassifier()).predict(texts)
    assert "secretword" not in str(refused.value)


@pytest.mark.parametrize(
    ("event", "schema"),
    [
        (FeedbackInput(text="great", created_at=datetime(2026, 3, 1, tzinfo=UTC), metadata={"a": [1]}), "feedback"),
        (scored(1, datetime(2026, 3, 1, tzinfo=UTC), "negative"), "sentiment"),
        (LateLabel(label="negative", labelled_at=datetime(2026, 3, 1, tzinfo=UTC), event_id="e1"), "label"),
        (detect_spikes(*a_bad_hour())[0], "alert"),
    ],
    ids=["feedback", "sentiment", "label", "alert"],
)
def test_what_is_encoded_is_decoded_again(event: Any, schema: Any) -> None:
    """Each type comes back equal under the name that its JSON Schema has."""
    assert json_schema(schema)["$ref"].endswith(type(event).__name__)
    assert sentiment.decode(sentiment.encode(event), schema) == event


@pytest.mark.parametrize("schema", ["feedback", "sentiment", "alert", "label"])
@pytest.mark.parametrize("value", [b"{", b"[]", b"\xff", b'{"text": ""}', b'{"schema_version": 9}'])
def test_what_is_not_an_event_is_poison(value: bytes, schema: Any) -> None:
    """Always the one error that a consumer has to catch."""
    with pytest.raises(PoisonRecord):
        sentiment.decode(value, schema)


def test_a_schema_must_exist() -> None:
    """The message lists those that do."""
    with pytest.raises(ValueError, match="there are feedback, sentiment, alert, label"):
        sentiment.decode(b"{}", "result")  # type: ignore[call-overload]
