"""The error tree. The class of an error says what a loop or a command does with it.

    SentimentError                    exit code 1
    ├── UsageError                    exit code 2: the user can fix the call
    │   ├── ConfigurationError        a setting is missing or out of range
    │   ├── InputError                a file, column or row cannot be read
    │   └── ModelError                a model directory is broken or not supported
    ├── CheckFailed                   a gate or a check did not pass
    ├── PoisonRecord                  one record can never be processed: park it, go on
    ├── Pressure                      a sink is slow or full: hold the batch, slow down
    ├── TransientError                may succeed later: back off a limited number of times, then stop
    │   ├── BrokerUnavailable
    │   └── TransactionFailed         discard producer and consumer, resume from the committed offsets
    └── FatalError                    stop and leave the offsets; a restart reads the records again
        ├── TooManyPoisonRecords
        └── DeadlineExceeded

Messages are shown to people and written to logs, so they never contain feedback text, keys or secrets.
"""

from __future__ import annotations

from enum import StrEnum


class SentimentError(Exception):
    """An error with a message of one line that says what is wrong and where, and a hint that says what to do."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(SentimentError):
    """The call, the configuration or the input is wrong. It fails again until somebody changes it."""

    exit_code = 2


class ConfigurationError(UsageError):
    """A setting is missing, malformed or out of range."""


class InputError(UsageError):
    """A file, a column or an argument cannot be used."""


class ModelError(UsageError):
    """A model directory is broken, or not supported."""


class CheckFailed(SentimentError):
    """A gate or a check ran and did not pass."""


class PoisonReason(StrEnum):
    """Why a record can never be processed; the value is the dead letter's reason code and a metric label."""

    UNREADABLE = "unreadable"
    TOMBSTONE = "tombstone"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    SCHEMA = "schema"
    SCHEMA_VERSION = "schema_version"
    TEXT_EMPTY = "text_empty"
    TEXT_TOO_LONG = "text_too_long"
    RECORD_TOO_LARGE = "record_too_large"
    TIMESTAMP_OUT_OF_RANGE = "timestamp_out_of_range"
    MODEL_REJECTED = "model_rejected"
    CRASHED = "crashed"


class PoisonRecord(SentimentError):
    """One record can never be processed. `path` is the JSON path of the fault, if there is one."""

    def __init__(self, reason: PoisonReason, message: str, *, path: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.path = path


class Pressure(SentimentError):
    """A sink is slow or full. The same work can be handed over again later."""


class TransientError(SentimentError):
    """A failure that may pass on its own."""


class BrokerUnavailable(TransientError):
    """No usable connection to Kafka; the message names the step that failed."""


class TransactionFailed(TransientError):
    """A transaction call failed. Its producer and the consumer must be discarded and rebuilt."""


class FatalError(SentimentError):
    """The process must stop, and leave the offsets as they are."""


class TooManyPoisonRecords(FatalError):
    """The breaker opened: so many records are poison that the records are probably not to blame."""


class DeadlineExceeded(FatalError):
    """A call that may wait for ever did not return in time."""
