"""How long Kafka has been away, and the one rule for it: every service waits.

While Kafka is away, `/readyz` says no and `sentiment_kafka_unreachable_seconds` rises. With `kafka.exit_after_s` the
service ends instead, after that time. Two sources tell: `ClusterWatch`, which asks the cluster regularly, because a
consumer polls on without an error; and the loop, whose transactions may fail while the cluster still answers questions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

import structlog
from kafka.errors import KafkaError

from consumers.cluster.connection import check_connection
from consumers.cluster.reader import ReadingStalledError
from consumers.runtime.health import Health
from consumers.timing.backoff import Backoff
from consumers.timing.clock import Clock
from sentiment.errors import BrokerUnavailable, DeadlineExceeded, FatalError, TransientError
from sentiment.settings import Settings

_log = structlog.get_logger(__name__)

_REMIND_S = 60.0


class KafkaAwayError(FatalError):
    """Kafka has been away for longer than the service may wait."""


class Source(Enum):
    """Who noticed."""

    WATCH = auto()
    LOOP = auto()


@dataclass(frozen=True, slots=True)
class _Absence:
    since_s: float
    reason: str


class Outage:
    """Since when Kafka is away, as each source sees it. Thread-safe. `exit_after_s` None: wait for ever."""

    def __init__(self, clock: Clock, exit_after_s: float | None) -> None:
        self._clock = clock
        self._exit_after_s = exit_after_s
        self._lock = threading.Lock()
        self._absences: dict[Source, _Absence] = {}
        self._said_s: float | None = None

    def failed(self, source: Source, reason: str, since_s: float | None = None) -> None:
        """Kafka did not answer `source`. The absence began at the monotonic time `since_s`; None: now."""
        now_s = self._clock.monotonic()
        with self._lock:
            before = self._absences.get(source)
            began_s = before.since_s if before is not None else now_s if since_s is None else since_s
            self._absences[source] = _Absence(began_s, reason)
            say = self._said_s is None or now_s - self._said_s >= _REMIND_S
            if say:
                self._said_s = now_s
        if say:
            _log.warning("kafka_unreachable", reason=reason, seconds=round(now_s - began_s))

    def answered(self, source: Source) -> None:
        """Kafka answered `source`."""
        with self._lock:
            over = self._absences.pop(source, None) is not None and not self._absences
            if over:
                self._said_s = None
        if over:
            _log.info("kafka_reachable_again")

    def seconds(self) -> float:
        """For how long Kafka has been away; 0 while it is there."""
        now_s = self._clock.monotonic()
        with self._lock:
            return max((now_s - absence.since_s for absence in self._absences.values()), default=0.0)

    def check(self) -> None:
        """Raise KafkaAwayError if Kafka has been away for longer than the service may wait."""
        away_s = self.seconds()
        if self._exit_after_s is None or away_s < self._exit_after_s:
            return
        with self._lock:
            reasons = [absence.reason for absence in self._absences.values()]
        raise KafkaAwayError(
            f"Kafka has been unreachable for {away_s:.0f} s: {reasons[0] if reasons else 'no answer'}",
            hint=f"--exit-after {self._exit_after_s:g} ends it; a restart resumes from the committed offsets",
        )


def means_away(error: TransientError) -> bool:
    """Whether `error` says that Kafka is away or incomplete, so that waiting helps, not that it refused something."""
    if isinstance(error, ReadingStalledError):
        return False
    cause = error.__cause__
    if isinstance(cause, DeadlineExceeded):
        return True
    if isinstance(cause, KafkaError):
        return bool(cause.retriable)
    return isinstance(error, BrokerUnavailable)


def wait_for_kafka(settings: Settings, outage: Outage, health: Health, stop: threading.Event) -> None:
    """Return as soon as the cluster answers, or `stop` is set.

    Raises:
        KafkaAwayError: see `Outage.check`.
        ConfigurationError: see `check_connection`.
    """
    backoff = Backoff(None, max_s=5.0)
    while not stop.wait(backoff.next_delay()):
        health.beat()
        outage.check()
        try:
            check_connection(settings)
            return
        except BrokerUnavailable as error:
            outage.failed(Source.LOOP, error.message)


def connect(
    settings: Settings, prepare: Callable[[], object], outage: Outage, health: Health, stop: threading.Event
) -> None:
    """Check the connection and call `prepare`; again for `kafka.wait_at_start_s` seconds while the cluster is away.

    Raises what `check_connection` and `prepare` raise; BrokerUnavailable only when the time is over, or `stop` is set.
    """
    backoff = Backoff(None, max_s=5.0)
    while True:
        health.beat()
        try:
            check_connection(settings)
            prepare()
        except BrokerUnavailable as error:
            left_s = settings.kafka.wait_at_start_s - outage.seconds()
            if left_s <= 0:
                raise
            outage.failed(Source.LOOP, error.message)
            if stop.wait(min(left_s, backoff.next_delay() or left_s)):
                raise
        else:
            outage.answered(Source.LOOP)
            return
