"""The real commands as processes, in a corner of a shared broker that no other test uses."""

from __future__ import annotations

import random
import secrets
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from consumers.cluster.topics import ensure_topics
from consumers.demo.verify import Observer, Tally
from sentiment.events import Alert, ScoredFeedback
from sentiment.settings import KafkaSettings, Settings, TopicSettings, WorkerSettings
from tests.processes import sentiment, start
from tests.waiting import WITHIN_S, wait_until


@dataclass(slots=True)
class Command:
    """A running `sentiment` command; `log` gets its stderr over all its starts, `output` its stdout."""

    arguments: tuple[str, ...]
    variables: dict[str, str]
    log: Path
    output: Path
    process: subprocess.Popen[bytes] | None = None
    started_at: int = 0

    def start(self) -> Command:
        """Start, or start again."""
        self.started_at = self.log.stat().st_size
        with self.log.open("ab") as stderr, self.output.open("ab") as stdout:
            self.process = start(
                sentiment(*self.arguments), self.variables, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
            )
        return self

    def kill(self) -> None:
        """`kill -9`. A command that was killed on purpose has not failed."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def wait(self) -> int:
        """The exit code, once it has ended by itself."""
        assert self.process is not None
        return self.process.wait(WITHIN_S)

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def has_said(self, words: str) -> bool:
        """Whether `words` are in its log since its last start."""
        return words.encode() in self.log.read_bytes()[self.started_at :]

    @property
    def failed(self) -> bool:
        """Whether it has ended with an error."""
        return self.process is not None and self.process.poll() not in {None, 0}

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process is not None and self.process.poll() is None


@dataclass(slots=True)
class Pipeline:
    """Topics and groups of its own on one broker, commands that work there, and an observer who counts."""

    settings: Settings
    folder: Path
    observer: Observer
    variables: dict[str, str]
    commands: list[Command] = field(default_factory=list)
    results: list[ScoredFeedback] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)

    @property
    def tally(self) -> Tally:
        """What was counted so far."""
        return self.observer.tally

    def command(self, *arguments: str, **variables: str) -> Command:
        """A command, not started yet; `variables` are further environment."""
        name = f"{len(self.commands)}-{arguments[0]}"
        command = Command(
            arguments, self.variables | variables, self.folder / f"{name}.log", self.folder / f"{name}.out"
        )
        command.log.touch()
        command.output.touch()
        self.commands.append(command)
        return command

    def look(self) -> None:
        """Take in what is new on the topics."""
        for seen in self.observer.poll(0.1):
            if isinstance(seen, Alert):
                self.alerts.append(seen)
            else:
                self.results.append(seen)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Look until `condition` holds; AssertionError with the commands' last words where it does not."""

        def holds() -> bool:
            assert not any(each.failed for each in self.commands), f"waiting for: {what}\n{self.last_words()}"
            if condition():
                return True
            self.look()
            return False

        wait_until(holds, lambda: f"{what}\n{self.last_words()}")

    def until_results(self, n: int) -> None:
        """Look until there are `n` results."""
        self.until(lambda: len(self.results) >= n, f"{n} results")

    def last_words(self) -> str:
        """The ends of all logs."""
        return "\n".join(f"{each.log.name}: {each.log.read_text()[-1500:]}" for each in self.commands)


@contextmanager
def pipeline(bootstrap: str, folder: Path, *, partitions: int = 4) -> Iterator[Pipeline]:
    """A pipeline without running commands yet; what still runs at the end is killed.

    The session and transaction timeouts are as short as Apache Kafka's defaults allow, so that kills are noticed soon.
    """
    corner = uuid.uuid4().hex[:8]
    sections = {
        "kafka": {"bootstrap_servers": bootstrap, "session_timeout_ms": 6_000, "transaction_timeout_ms": 10_000},
        "topics": {
            "feedback": f"{corner}.feedback",
            "sentiment": f"{corner}.sentiment",
            "dead_letter": f"{corner}.dead-letter",
            "alerts": f"{corner}.alerts",
            "parked_alerts": f"{corner}.alerts-parked",
            "alert_state": f"{corner}.alert-state",
            "ingest_state": f"{corner}.ingest-state",
            "silences": f"{corner}.silences",
            "partitions": partitions,
        },
        "worker": {"group_id": f"{corner}.worker"},
        "alerts": {"group_id": f"{corner}.alerts"},
        # A receiver that takes its time on a busy machine has not failed: asked again, it would count twice.
        "notify": {"group_id": f"{corner}.notify", "timeout_s": 60},
        "model": {"threads": 1},
        "privacy": {"hash_key": secrets.token_hex(16)},
    }
    flat = {f"SENTIMENT_{s}__{name}".upper(): str(v) for s, values in sections.items() for name, v in values.items()}
    settings = Settings.model_construct().model_copy(
        update={
            "kafka": KafkaSettings(**sections["kafka"]),  # type: ignore[arg-type]
            "topics": TopicSettings(**sections["topics"]),  # type: ignore[arg-type]
            "worker": WorkerSettings(**sections["worker"]),  # type: ignore[arg-type]
        }
    )
    ensure_topics(settings)
    folder.mkdir(exist_ok=True)
    observer = Observer(settings)
    made = Pipeline(settings, folder, observer, flat)
    try:
        yield made
    finally:
        for command in made.commands:
            if command.running:
                command.kill()
        observer.close()


_OPENINGS = ("Honestly,", "Well,", "Just so you know,", "After a month of use:", "Update:", "To be fair,", "hm,", "So,")
_THINGS = ("the app", "the delivery", "support", "the new version", "the price", "the login page", "my order")
_VERDICTS = (
    "is great and I love it",
    "is terrible, I am angry",
    "was fine",
    "made my day, thank you",
    "does not work at all",
    "has a blue button",
    "keeps getting better",
    "is the worst I have seen",
)


def write_feedback(file: Path, rows: int, *, seed: int, seconds_apart: float = 1.0) -> set[str]:
    """A JSONL file of made-up feedback, every text different; returns the ids."""
    draw = random.Random(seed)
    start_s = 1_773_446_400.0  # 2026-03-14
    ids = set()
    with file.open("wb") as out:
        for row in range(rows):
            identifier = f"row-{row:05}"
            text = f"{draw.choice(_OPENINGS)} {draw.choice(_THINGS)} {draw.choice(_VERDICTS)} ({row})"
            event = {
                "id": identifier,
                "text": text,
                "created_at": start_s + row * seconds_apart,
                "product": f"product {draw.randrange(5)}",
            }
            out.write(msgspec.json.encode(event) + b"\n")
            ids.add(identifier)
    return ids


def assert_each_once(found: Sequence[ScoredFeedback], ids: set[str], tally: Tally) -> None:
    """Every row was published once and scored once, and nothing was parked."""
    assert len(tally.events) == len(ids)
    assert (tally.missing, tally.doubled, tally.unknown, tally.dead_letters.total()) == (0, 0, 0, 0)
    assert len(found) == len(ids)
    assert {result.event_id for result in found} == ids
