"""The live page as a process."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from consumers.cluster.connection import check_connection
from consumers.dashboard.feed import LiveFeed
from consumers.dashboard.server import application
from consumers.runtime.shutdown import StopRequest
from sentiment.errors import ConfigurationError
from sentiment.settings import Settings
from sentiment.settings.section import read_secret


def run_dashboard(settings: Settings, stop: StopRequest, host: str, port: int, token_file: Path | None) -> None:
    """Serve until asked to stop.

    Raises:
        ConfigurationError: the address is not of this machine or in use, or others can reach it without a token.
        BrokerUnavailable: the cluster cannot be reached at the start.
    """
    token = read_secret(None, token_file, "--token-file")
    if token is None and not _is_loopback(host):
        raise ConfigurationError(
            f"{host} can be reached by others", hint="--token-file FILE, whose content readers give as the password"
        )
    listener = _bound(host, port)
    check_connection(settings)
    feed = LiveFeed(settings)
    config = uvicorn.Config(
        application(feed, token=token), log_config=None, access_log=False, timeout_graceful_shutdown=1, lifespan="off"
    )
    server = _Server(config)
    feed.start()
    threading.Thread(target=server.end_with, args=(stop,), daemon=True).start()
    try:
        server.run(sockets=[listener])
    finally:
        feed.stop()


class _Server(uvicorn.Server):
    """A server that leaves signals to `stop_on_signals`."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    def end_with(self, stop: StopRequest) -> None:
        """Wait for `stop`, and end then."""
        stop.event.wait()
        self.should_exit = True


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bound(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ConfigurationError(f"cannot serve on {host}:{port}: {reason}", hint="choose another --port") from None
