"""Receivers that answer slowly, without end, or from an address that no receiver has."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from consumers.notifying.channels.channel import Attempt, DeliveryOutcome
from consumers.notifying.channels.outbound import is_forbidden
from consumers.notifying.channels.webhook import WebhookChannel
from sentiment.errors import ConfigurationError
from tests.consumers.notifying.support import alert
from tests.consumers.results import START


@contextmanager
def dripping(head: bytes, drip: bytes, every_s: float) -> Iterator[str]:
    """A receiver that sends `head` and then `drip` again and again, until the other side closes."""
    over = threading.Event()
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            try:
                connection.sendall(head)
                while not over.wait(every_s):
                    connection.sendall(drip)
            except OSError:
                return  # the client closed

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/hook"
    finally:
        over.set()
        thread.join()
        server.close()


def test_a_receiver_that_drips_is_given_up_in_time() -> None:
    """Each byte comes long before the timeout, but the headers never end."""
    with (
        dripping(b"HTTP/1.1 200 OK\r\nX: ", b"x", 0.02) as url,
        closing(WebhookChannel(url, None, timeout_s=0.5)) as webhook,
    ):
        assert webhook.attempt(alert(), START) == Attempt(DeliveryOutcome.UNAVAILABLE, "ReadTimeout")


def test_an_endless_body_is_not_read() -> None:
    """The status decides. What follows it is left on the wire."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with (
        dripping(head, b"5\r\nhello\r\n", 0.001) as url,
        closing(WebhookChannel(url, None, timeout_s=5.0)) as webhook,
    ):
        assert webhook.attempt(alert(), START) == Attempt(DeliveryOutcome.DELIVERED)


def test_endless_headers_are_refused() -> None:
    """A receiver cannot fill the memory with headers, however fast it sends them."""
    with (
        dripping(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65_536, 0.0001) as url,
        closing(WebhookChannel(url, None, timeout_s=30.0)) as webhook,
    ):
        assert webhook.attempt(alert(), START) == Attempt(DeliveryOutcome.UNAVAILABLE, "RemoteProtocolError")


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[fd00:ec2::254]", "0.0.0.0"],
)
def test_a_link_local_url_is_a_configuration_error(host: str) -> None:
    """Found at the start."""
    with pytest.raises(ConfigurationError, match="link-local"):
        WebhookChannel(f"http://{host}/latest/meta-data", None, timeout_s=1.0)


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1%2", "100.100.100.200"])
def test_a_name_that_leads_to_a_link_local_address_is_not_connected(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address is checked after the resolution, also if another address of the name is fine."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 80)) for each in ("127.0.0.1", address)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: found)
    with closing(WebhookChannel("http://hooks.example.org/x", None, timeout_s=1.0)) as webhook:
        assert webhook.attempt(alert(), START) == Attempt(DeliveryOutcome.UNAVAILABLE, "ForbiddenAddress")


@pytest.mark.parametrize("address", ["10.1.2.3", "192.168.1.1", "127.0.0.1", "203.0.113.7", "fd12::1", "2001:db8::1"])
def test_private_and_public_addresses_are_allowed(address: str) -> None:
    """Many receivers live in a private network."""
    assert not is_forbidden(address)
