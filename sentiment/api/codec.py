"""Decoding by the name of a contract, for the Python API. Inside the project, `sentiment.events` is called directly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, overload

from sentiment.events import (
    Alert,
    FeedbackInput,
    LateLabel,
    ScoredFeedback,
    decode_alert,
    decode_feedback_input,
    decode_label,
    decode_scored,
)

_Event = FeedbackInput | ScoredFeedback | Alert | LateLabel

_DECODERS: dict[str, Callable[[bytes], _Event]] = {
    "feedback": decode_feedback_input,
    "sentiment": decode_scored,
    "alert": decode_alert,
    "label": decode_label,
}


@overload
def decode(value: bytes, schema: Literal["feedback"]) -> FeedbackInput: ...
@overload
def decode(value: bytes, schema: Literal["sentiment"]) -> ScoredFeedback: ...
@overload
def decode(value: bytes, schema: Literal["alert"]) -> Alert: ...
@overload
def decode(value: bytes, schema: Literal["label"]) -> LateLabel: ...
def decode(value: bytes, schema: str) -> _Event:
    """The value of a Kafka record as a checked type of `sentiment.events`; its times are in UTC.

    Args:
        value: the bytes of the record.
        schema: `feedback`, `sentiment` (a result), `alert` or `label` (a late label). `sentiment schema NAME` prints
            each as JSON Schema.

    Raises:
        PoisonRecord: the value is not one of these. `reason` is a code, `path` the JSON path of the fault; the message
            holds nothing of the text.
        ValueError: there is no schema of this name.
    """
    if schema not in _DECODERS:
        raise ValueError(f"there is no schema {schema!r}; there are {', '.join(_DECODERS)}")
    return _DECODERS[schema](value)
