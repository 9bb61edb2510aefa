"""Serves the page: files, the present view, and a stream of views (server-sent events).

Nothing comes from other hosts, and the page may run only its own scripts. On loopback only names of this machine are
answered, so that no other site can reach the page through the reader's browser.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from consumers.dashboard.feed import LiveFeed

PAGE = Path(__file__).parent / "page"
FILES = {"/": "index.html", "/page.js": "page.js", "/page.css": "page.css"}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_HERE = ["127.0.0.1", "localhost", "[::1]"]
_EVERY_S = 1.0
_KEEP_ALIVE = 15

_Next = Callable[[Request], Awaitable[Response]]


def application(feed: LiveFeed, *, token: str | None) -> Starlette:
    """The page of `feed`. With a `token` it is asked for: as a bearer, or as the password of any user."""

    async def present(_: Request) -> Response:
        return Response(msgspec.json.encode(feed.view()), media_type="application/json")

    async def stream(request: Request) -> Response:
        return StreamingResponse(_views(feed, request), media_type="text/event-stream")

    def file(name: str) -> Callable[[Request], Awaitable[Response]]:
        async def answer(_: Request) -> Response:
            return FileResponse(PAGE / name)

        return answer

    async def guarded(request: Request, answer: _Next) -> Response:
        if token is not None and not _knows(request.headers.get("authorization", ""), token):
            refused = {"WWW-Authenticate": 'Basic realm="sentiment", charset="UTF-8"', **HEADERS}
            return Response("a token is needed\n", status_code=401, headers=refused)
        response = await answer(request)
        response.headers.update(HEADERS)
        return response

    middleware = [Middleware(BaseHTTPMiddleware, dispatch=guarded)]
    if token is None:
        middleware.insert(0, Middleware(TrustedHostMiddleware, allowed_hosts=_HERE, www_redirect=False))
    pages = [Route(path, file(name)) for path, name in FILES.items()]
    return Starlette(routes=[*pages, Route("/view", present), Route("/views", stream)], middleware=middleware)


async def _views(feed: LiveFeed, request: Request) -> AsyncIterator[bytes]:
    known: int | None = None
    silent = 0
    while not await request.is_disconnected():
        view = await asyncio.to_thread(feed.view, known)
        if view is not None:
            known, silent = view.version, 0
            yield b"data: " + msgspec.json.encode(view) + b"\n\n"
        elif silent >= _KEEP_ALIVE:
            silent = 0
            yield b": still here\n\n"
        silent += 1
        await asyncio.sleep(_EVERY_S)


def _knows(authorization: str, token: str) -> bool:
    kind, _, value = authorization.partition(" ")
    if kind.lower() == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode().partition(":")[2]
        except ValueError:  # neither ASCII, nor base64, nor UTF-8
            return False
    elif kind.lower() != "bearer":
        return False
    return hmac.compare_digest(value.encode(), token.encode())
