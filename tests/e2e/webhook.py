"""A receiver of notifications."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(slots=True)
class Webhook:
    """Every request that came: its headers (names in lower case) and its body."""

    url: str
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def everything(self) -> bytes:
        """All that was received, to search in."""
        return b"\n".join(repr(headers).encode() + body for headers, body in self.requests)


@contextmanager
def webhook() -> Iterator[Webhook]:
    """A server on a free port that answers 200 to every POST."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received = Webhook(f"http://127.0.0.1:{server.server_port}/alerts")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
