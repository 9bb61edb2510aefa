"""A contender in its own process, so that its memory can be measured and libraries do not get in each other's way.

The parent sends requests over a pipe, one at a time. Several children live at once, but only the one that was asked
computes. That is how models are timed side by side.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import resource
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sentiment.errors import SentimentError
from training.comparison.contenders import Contender, ContenderSpec, Facts, Read, open_contender

_STOP_DEADLINE_S = 5.0


@dataclass(frozen=True, slots=True)
class Timed:
    """One timed pass. `cpu_s` is processor time of all threads. `n_tokens` is None for a word list."""

    wall_s: float
    cpu_s: float
    n_tokens: int | None


class ContenderProcess:
    """Use it as a context manager. Every call blocks until the child has answered.

    Calls raise the ``SentimentError`` that the child raised, or a ``SentimentError`` if it failed or died.
    """

    def __init__(self, spec: ContenderSpec, *, threads: int, label_map: Mapping[str, str] | None) -> None:
        self.name = spec.name
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        # A daemon process dies with its parent.
        self._process = context.Process(target=_serve, args=(theirs, spec, threads, label_map), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pipe.close()
        self._process.join(0 if kind else _STOP_DEADLINE_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def facts(self) -> Facts:
        """Load the model, unless it is loaded, and return what is known about it."""
        facts: Facts = self._ask("facts")
        return facts

    def answer(self, texts: Sequence[str]) -> Read:
        """See ``Contender.answer``."""
        read: Read = self._ask("answer", texts)
        return read

    def time_batch(self, texts: Sequence[str]) -> Timed:
        """One pass over all `texts` together."""
        timed: Timed = self._ask("time_batch", texts)
        return timed

    def time_singles(self, texts: Sequence[str]) -> list[float]:
        """The seconds that each of `texts` takes alone."""
        seconds: list[float] = self._ask("time_singles", texts)
        return seconds

    def peak_memory_bytes(self) -> int:
        """The peak resident memory of the process, including the runtime and the libraries."""
        peak: int = self._ask("peak_memory_bytes")
        return peak

    def _ask(self, what: str, *arguments: Any) -> Any:
        try:
            self._pipe.send((what, arguments))
            succeeded, answer = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join(_STOP_DEADLINE_S)
            raise SentimentError(
                f"the process that measures {self.name} ended (exit code {self._process.exitcode})",
                hint="-9 usually means that memory ran out: compare fewer or smaller models",
            ) from None
        if not succeeded:
            kind, message, hint = answer
            raise kind(f"{self.name}: {message}", hint=hint)
        return answer


class _Work:
    """What the child does. The names of the methods are the protocol."""

    def __init__(self, spec: ContenderSpec, threads: int, label_map: Mapping[str, str] | None) -> None:
        self._spec, self._threads, self._label_map = spec, threads, label_map
        self._loaded: Contender | None = None

    def facts(self) -> Facts:
        return self._contender().facts

    def answer(self, texts: Sequence[str]) -> Read:
        return self._contender().answer(texts)

    def time_batch(self, texts: Sequence[str]) -> Timed:
        contender = self._contender()
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        read = contender.answer(texts)
        return Timed(time.perf_counter() - wall_s, time.process_time() - cpu_s, read.n_tokens)

    def time_singles(self, texts: Sequence[str]) -> list[float]:
        contender = self._contender()
        seconds = []
        for text in texts:
            began_s = time.perf_counter()
            contender.answer([text])
            seconds.append(time.perf_counter() - began_s)
        return seconds

    def peak_memory_bytes(self) -> int:
        return peak_memory_bytes()

    def _contender(self) -> Contender:
        if self._loaded is None:
            self._loaded = open_contender(self._spec, threads=self._threads, label_map=self._label_map)
        return self._loaded


def peak_memory_bytes(status: Path = Path("/proc/self/status")) -> int:
    """The peak resident memory of this process.

    On Linux it is `VmHWM`. `getrusage` cannot be used there, because a child inherits its parent's figure.
    """
    if status.exists() and (line := re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE)):
        return int(line[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _serve(pipe: Connection, spec: ContenderSpec, threads: int, label_map: Mapping[str, str] | None) -> None:
    """Answer requests until the parent closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles interruptions
    os.dup2(2, 1)  # standard output is for the parent's results
    work = _Work(spec, threads, label_map)
    while True:
        try:
            what, arguments = pipe.recv()
        except EOFError:
            return
        try:
            reply = True, getattr(work, what)(*arguments)
        except SentimentError as error:
            reply = False, (type(error), error.message, error.hint)
        except ImportError as error:
            reply = False, (SentimentError, f"{error.name} is not installed", "install the extra `train`")
        except Exception as error:  # noqa: BLE001 the parent is told its type; the message may contain text
            reply = False, (SentimentError, f"it failed with {type(error).__name__}", None)
        pipe.send(reply)
