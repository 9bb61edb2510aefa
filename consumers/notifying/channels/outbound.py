"""Connections to the receivers of alerts: one time limit for a whole attempt, and no link-local addresses.

A client's own timeouts are for single reads, so a receiver that sends a byte now and then could hold the notifier for
ever. And an address is checked after its name was resolved, because a name can point anywhere: link-local addresses
serve the credentials of cloud machines, and none of them receives alerts.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
import urllib.request
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore
import httpx

from consumers.timing.deadline import run_with_deadline
from sentiment.errors import DeadlineExceeded

_ALWAYS_REFUSED = (
    ipaddress.ip_network("100.100.100.200/32"),  # metadata of Alibaba Cloud
    ipaddress.ip_network("fd00:ec2::/32"),  # metadata of Amazon EC2 over IPv6
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

_FAILURES = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)


class NoAnswer(httpx.TransportError):
    """The receiver could not be reached, or did not answer in time. `reason` is safe to log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ForbiddenAddress(httpcore.ConnectError):
    """The receiver's name leads to an address that no receiver of alerts has."""


def is_forbidden(host: str) -> bool:
    """Whether `host` is an address that is link-local, multicast, unspecified or serves metadata; a name is not."""
    try:
        ip = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        ip = _embedded_ipv4(ip) or ip
    refused = any(ip in network for network in _ALWAYS_REFUSED if network.version == ip.version)
    return refused or ip.is_link_local or ip.is_multicast or ip.is_unspecified


def _embedded_ipv4(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if ip in _NAT64:
        return ipaddress.IPv4Address(ip.packed[-4:])
    return ip.ipv4_mapped or ip.sixtofour


class Outbound(httpcore.NetworkBackend):
    """Opens connections that share one deadline. Call `begin` before each attempt. Not thread-safe."""

    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()
        self._until_s = 0.0

    def begin(self, limit_s: float) -> None:
        """Give the coming attempt `limit_s` seconds, from the resolution of the name to the answer's headers."""
        self._until_s = time.monotonic() + limit_s

    def left_s(self, timeout: float | None, late: type[httpcore.TimeoutException]) -> float:
        """The time left, and at most `timeout`. Raises `late` if nothing is left."""
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise late("the attempt took too long")
        return left_s if timeout is None else min(left_s, timeout)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of `host` that answers; ForbiddenAddress if one of them is refused."""
        failure: Exception = httpcore.ConnectError("the name has no address")
        for address in self._resolve(host, port):
            left_s = self.left_s(timeout, httpcore.ConnectTimeout)
            try:
                stream = self._backend.connect_tcp(address, port, left_s, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _LimitedStream(stream, self)
        raise failure

    def _resolve(self, host: str, port: int) -> list[str]:
        left_s = self.left_s(None, httpcore.ConnectTimeout)
        try:
            found = run_with_deadline(
                lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), left_s, "resolving the name"
            )
        except DeadlineExceeded:
            raise httpcore.ConnectTimeout("the name was not resolved in time") from None
        except OSError:
            raise httpcore.ConnectError("the name cannot be resolved") from None
        addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
        if any(map(is_forbidden, addresses)):
            raise ForbiddenAddress("the receiver has a forbidden address")
        return addresses


class _LimitedStream(httpcore.NetworkStream):
    """A stream whose calls together end by the deadline of its `Outbound`."""

    def __init__(self, stream: httpcore.NetworkStream, outbound: Outbound) -> None:
        self._stream = stream
        self._outbound = outbound

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._outbound.left_s(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._outbound.left_s(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left_s = self._outbound.left_s(timeout, httpcore.ConnectTimeout)
        return _LimitedStream(self._stream.start_tls(ssl_context, server_hostname, left_s), self._outbound)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class LimitedTransport(httpx.BaseTransport):
    """httpx's transport to one receiver, in which a request takes at most `limit_s`, up to the answer's headers.

    Uses the proxy of the environment (`https_proxy`, `no_proxy`) if that names one for the receiver.
    """

    def __init__(self, url: httpx.URL, *, limit_s: float) -> None:
        self._limit_s = limit_s
        self._outbound = Outbound()
        proxy = None if urllib.request.proxy_bypass(url.host) else urllib.request.getproxies().get(url.scheme)
        self._pool = (
            httpcore.ConnectionPool(max_connections=1, network_backend=self._outbound)
            if proxy is None
            else httpcore.HTTPProxy(proxy, max_connections=1, network_backend=self._outbound)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send, and return the answer with its body unread. Raises NoAnswer for every failure."""
        self._outbound.begin(self._limit_s)
        url = request.url
        try:
            answer = self._pool.handle_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                    headers=request.headers.raw,
                    content=request.read(),
                    extensions=request.extensions,
                )
            )
        except _FAILURES as error:
            raise NoAnswer(type(error).__name__) from None  # the error's message may hold the address
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer.stream))

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        self._stream.close()
