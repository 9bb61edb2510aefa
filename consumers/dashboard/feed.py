"""Reads the topics into the board, on a thread of its own, from their beginning: so a restart shows the same."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import structlog

from consumers.alerting.inspection import explain_all
from consumers.cluster.reader import CommittedReader
from consumers.cluster.records import Record
from consumers.cluster.topics import ensure_topics
from consumers.dashboard.board import LiveBoard, View
from consumers.timing.backoff import Backoff
from sentiment.errors import PoisonRecord, SentimentError
from sentiment.events import decode_alert, decode_scored
from sentiment.settings import Settings

_log = structlog.get_logger(__name__)

_POLL_S = 0.5
_EXPLAIN_EVERY_S = 15.0
_REASON_HEADER = "dead-letter-reason"


class LiveFeed:
    """Follows results, alerts and dead letters while it runs. `view` may be called from any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._board = LiveBoard()
        self._shown: View | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """End the reading, within a second or two."""
        self._stop.set()
        self._thread.join(5.0)

    def view(self, known: int | None = None) -> View | None:
        """The page now; None if nothing has changed since the version `known`."""
        with self._lock:
            if self._board.version == known:
                return None
            if self._shown is None or self._shown.version != self._board.version:
                self._shown = self._board.view()  # one for all readers
            return self._shown

    def _run(self) -> None:
        backoff = Backoff(None)
        while not self._stop.is_set():
            try:
                self._read(backoff)
            except Exception as error:  # noqa: BLE001 whatever it is, the page says so and tries again
                reason = (
                    error.message if isinstance(error, SentimentError) else f"internal error: {type(error).__name__}"
                )
                _log.warning("feed_interrupted", reason=reason)
                with self._lock:
                    self._board.troubled(reason)
                self._stop.wait(backoff.next_delay())

    def _read(self, backoff: Backoff) -> None:
        """Count everything anew, from the beginning of the topics."""
        topics = self._settings.topics
        names = (topics.sentiment, topics.alerts, topics.dead_letter)
        ensure_topics(self._settings, names)
        board = LiveBoard()
        board.version = self._board.version + 1
        with closing(CommittedReader(self._settings)) as reader:
            reader.follow(*names)
            for record in reader.read_to(reader.ends()):
                self._apply(board, record)
            with self._lock:
                self._board = board
            explain_at_s = 0.0
            while not self._stop.is_set():
                records = reader.poll(_POLL_S)
                backoff.reset()
                explanations = None
                if time.monotonic() >= explain_at_s:
                    explanations = explain_all(self._settings)
                    explain_at_s = time.monotonic() + _EXPLAIN_EVERY_S
                with self._lock:
                    board.troubled("")
                    for record in records:
                        self._apply(board, record)
                    if explanations is not None:
                        board.explained(explanations)

    def _apply(self, board: LiveBoard, record: Record) -> None:
        topics = self._settings.topics
        if record.is_tombstone and record.topic != topics.dead_letter:
            return
        try:
            if record.topic == topics.sentiment:
                board.scored(decode_scored(record.content()))
            elif record.topic == topics.alerts:
                board.alerted(decode_alert(record.content()))
            else:
                reason = dict(record.headers).get(_REASON_HEADER) or b"unknown"
                board.parked(reason.decode("utf-8", "replace")[:40])
        except PoisonRecord:
            return  # not written by this program
