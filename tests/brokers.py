"""Real broker processes for tests: the development broker and Apache Kafka, with one interface.

    with DevBroker() as broker:
        producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
        broker.kill()       # kill -9
        broker.start()      # same port, same data folder

Ports are chosen by the system. A broker made without `data_dir` has a temporary folder that goes with `stop`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

from tests import processes
from tests.waiting import wait_until


class Broker:
    """A broker in a process of its own; subclasses say how it is started."""

    name = "broker"

    def __init__(self, data_dir: Path | None = None, variables: Mapping[str, str] | None = None) -> None:
        self.variables = variables
        self._temporary = Path(tempfile.mkdtemp(prefix="broker-")) if data_dir is None else None
        self.data_dir = data_dir or self._temporary or Path()
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """`host:port`, known once started."""
        return f"127.0.0.1:{self.port}"

    @property
    def log_file(self) -> Path:
        """What the process wrote to stdout and stderr, over all its starts."""
        return self.data_dir.parent / f"{self.data_dir.name}.out"

    def command(self) -> Sequence[str]:
        """Arguments of the process; `self.port` is set."""
        raise NotImplementedError

    def start(self) -> None:
        """Start and wait until the port answers. RuntimeError with the end of the output if it does not."""
        if self.process is not None:
            raise RuntimeError(f"{self.name} is running")
        self.port = self.port or free_port()
        self._log = self.log_file.open("ab")
        self.process = processes.start(self.command(), self.variables, stdout=self._log, stderr=self._log)
        try:
            wait_until(self._answers, f"{self.name} on port {self.port}")
        except AssertionError as error:
            output = self.log_file.read_text(errors="replace")[-2000:]
            self._end(signal.SIGKILL)
            raise RuntimeError(f"{self.name} did not start on port {self.port}:\n{output}") from error

    def _answers(self) -> bool:
        assert self.died() is None, "it ended"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def died(self) -> str | None:
        """The end of the output if the process ended by itself; None while it runs or after `kill` and `stop`."""
        if self.process is None or self.process.poll() is None:
            return None
        return self.log_file.read_text(errors="replace")[-4000:]

    def kill(self) -> None:
        """End the process at once (`kill -9`)."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(timeout=30)
            self.process = None
        if self._log is not None:
            self._log.close()
            self._log = None

    def restart(self) -> None:
        """`kill`, then `start` with the same port and data folder."""
        self.kill()
        self.start()

    def stop(self) -> None:
        """End the process by SIGTERM; a temporary data folder is removed."""
        self._end(signal.SIGTERM)
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self.log_file.unlink(missing_ok=True)

    def __enter__(self) -> Broker:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class DevBroker(Broker):
    """`sentiment broker`; `options` are further flags."""

    name = "development broker"

    def __init__(self, data_dir: Path | None = None, options: Sequence[str] = ()) -> None:
        super().__init__(data_dir)
        self.options = list(options)

    def command(self) -> Sequence[str]:
        """The command line of this checkout."""
        return processes.sentiment("broker", "--port", str(self.port), "--data-dir", self.data_dir, *self.options)


class ApacheKafka(Broker):
    """One KRaft node; `properties` are further server properties, `variables` further environment (KAFKA_ADD_SCRAM)."""

    name = "Apache Kafka"

    def __init__(
        self,
        data_dir: Path | None = None,
        properties: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        # A small heap: tests may run several.
        super().__init__(data_dir, {"KAFKA_HEAP": "384m", **(variables or {})})
        self.properties = dict(properties or {})

    @staticmethod
    def missing() -> str | None:
        """Why it cannot run here; None if it can."""
        if "KAFKA_HOME" not in os.environ or not (kafka_home() / "kafka-server").is_file():
            return "needs Apache Kafka: set KAFKA_HOME to a folder with kafka-server"
        if shutil.which("java") is None:
            return "Apache Kafka needs Java 17 or newer, and there is no java on the PATH"
        return None

    def command(self) -> Sequence[str]:
        """The start script, which gives the controller the next port; the properties are in a file beside the data."""
        server = kafka_home() / "kafka-server"
        arguments = [str(server), "--data-dir", str(self.data_dir), "--port", str(self.port)]
        if not self.properties:
            return arguments
        config = self.data_dir / "further.properties"
        config.write_text("".join(f"{name}={value}\n" for name, value in self.properties.items()))
        return [*arguments, "--config", str(config)]


def kafka_home() -> Path:
    """The folder of Apache Kafka that KAFKA_HOME names; KeyError if it is not set."""
    return Path(os.environ["KAFKA_HOME"]).resolve()


def free_port() -> int:
    """A port that nothing uses; the next one is free too.

    Drawn from below the range that systems take the ports of outgoing connections from: one of those would be taken
    now and then before the server listens on it, or while it restarts.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with contextlib.suppress(OSError), socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", port))
            second.bind(("127.0.0.1", port + 1))
            return port
