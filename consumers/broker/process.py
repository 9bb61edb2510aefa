"""The development broker as a process: it listens, says that it is ready, and serves until a signal."""

import asyncio
import contextlib
import gc
import ipaddress
import os
import resource
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from consumers.broker.broker import Broker
from consumers.broker.codes import BrokerError
from consumers.broker.data_dir import DataDirError, temporary_data_dir
from consumers.broker.durability import FsyncPolicy
from consumers.broker.server import Server
from sentiment.errors import ConfigurationError, SentimentError
from sentiment.outputs import Output

_GC_THRESHOLDS = (50_000, 10, 100)
"""A full collection looks at all objects while everybody waits: half a second for 20,000 topics. So it is rare."""


@dataclass(frozen=True, slots=True)
class BrokerOptions:
    """`port` 0 takes a free one. Without `data_dir` the broker uses a temporary folder and removes it at the end.

    `topics` gives the partitions of topics to create if they are missing. `port_file` gets `host:port` when clients can
    connect. `rebuild_journal` makes a new journal first; see `Broker`.
    """

    host: str = "127.0.0.1"
    port: int = 9092
    data_dir: Path | None = None
    topics: Mapping[str, int] = field(default_factory=dict)
    fsync: FsyncPolicy = FsyncPolicy.INTERVAL
    port_file: Output | None = None
    rebuild_journal: bool = False


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`. Nothing else is served, since there is no authentication."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def run_broker(options: BrokerOptions, ready: Callable[[str, Path], None]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is called with `host:port` and the data folder.

    Raises:
        ConfigurationError: the host is not a loopback address, or a topic cannot be created.
        SentimentError: the port is taken, or the data folder cannot be used.
    """
    if not is_loopback(options.host):
        raise ConfigurationError(
            f"the development broker has no authentication, so it serves loopback only, not {options.host}",
            hint="use --host 127.0.0.1; to serve other machines, run Apache Kafka",
        )
    _raise_file_limit()
    gc.set_threshold(*_GC_THRESHOLDS)
    folder = temporary_data_dir() if options.data_dir is None else contextlib.nullcontext(options.data_dir)
    with folder as data_dir:
        try:
            broker = Broker(data_dir, options.fsync, rebuild=options.rebuild_journal)
        except DataDirError as error:
            raise SentimentError(f"cannot use the data folder: {error}", hint=error.hint) from error
        except OSError as error:
            raise SentimentError(f"cannot use the data folder: {error}") from error
        asyncio.run(_serve(options, broker, ready))


def _raise_file_limit() -> None:
    """Allow many open files: every partition that is written to has one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _serve(options: BrokerOptions, broker: Broker, ready: Callable[[str, Path], None]) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = Server(broker)
    try:
        await _listen(server, options)
        _create_topics(broker, options.topics)
        address = "{}:{}".format(*broker.address)
        if options.port_file is not None:
            options.port_file.write(f"{address}\n".encode())
        ready(address, broker.data_dir)
        await _until_stopped(stopped, broker)
        await server.close()
    finally:
        broker.close()
        if options.port_file is not None:
            options.port_file.clear()


async def _listen(server: Server, options: BrokerOptions) -> None:
    try:
        # `localhost` may be two addresses, and a port that is free for one may be taken for the other.
        await server.start("127.0.0.1" if options.host == "localhost" else options.host, options.port)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise SentimentError(
            f"cannot listen on {options.host}:{options.port}: {reason.lower()}",
            hint="choose another --port; 0 takes a free one",
        ) from error


def _create_topics(broker: Broker, topics: Mapping[str, int]) -> None:
    for name, partitions in topics.items():
        if broker.topics.get(name) is None:
            try:
                broker.topics.create(name, partitions, {})
            except BrokerError as error:
                raise ConfigurationError(f"topic {name}: {error.message}") from error


async def _until_stopped(stopped: asyncio.Event, broker: Broker) -> None:
    upkeep = asyncio.create_task(broker.upkeep())
    waiting = asyncio.create_task(stopped.wait())
    await asyncio.wait((waiting, upkeep), return_when=asyncio.FIRST_COMPLETED)
    if upkeep.done():
        upkeep.result()  # only an unforeseen error ends it: stop rather than serve without it
    upkeep.cancel()
