"""`/metrics`, `/healthz` and `/readyz` over HTTP. On loopback, unless the configuration says otherwise."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from consumers.runtime.health import Condition, Health
from consumers.runtime.metrics import Metrics
from sentiment.errors import SentimentError
from sentiment.settings import MetricsSettings

_log = structlog.get_logger(__name__)


class PortUnavailableError(SentimentError):
    """The address of the endpoint is in use, or not one of this machine."""


@contextmanager
def serve(settings: MetricsSettings, metrics: Metrics, health: Health) -> Iterator[int]:
    """Serve while the context lasts. Yields the port; 0 if the endpoint is switched off.

    Raises:
        PortUnavailableError: another process uses the port, or the address is not one of this machine.
    """
    if settings.port == 0:
        yield 0
        return
    with serve_on(settings.host, settings.port, metrics, health) as port:
        yield port


@contextmanager
def serve_on(host: str, port: int, metrics: Metrics, health: Health) -> Iterator[int]:
    """Like `serve`, but port 0 lets the system choose one."""
    try:
        server = ThreadingHTTPServer((host, port), _handler(metrics, health))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise PortUnavailableError(
            f"cannot serve metrics on {host}:{port}: {reason.lower()}",
            hint="choose another --metrics-port, or 0 for none",
        ) from None
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    bound = server.server_address[1]
    _log.info("metrics_served", host=host, port=bound)
    try:
        yield bound
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(metrics: Metrics, health: Health) -> type[BaseHTTPRequestHandler]:
    class ProbeHandler(BaseHTTPRequestHandler):
        timeout = 10  # of an idle connection

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(metrics.registry))
            elif path == "/healthz":
                self._condition(health.alive())
            elif path == "/readyz":
                self._condition(health.ready())
            else:
                self._answer(404, "text/plain; charset=utf-8", b"not found\n")

        def log_message(self, *_: object) -> None:
            """Log nothing: probes come every few seconds."""

        def _condition(self, condition: Condition) -> None:
            self._answer(200 if condition.ok else 503, "text/plain; charset=utf-8", f"{condition.reason}\n".encode())

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return ProbeHandler
