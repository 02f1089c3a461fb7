"""Who may talk to the server: the browser and the programs of this machine, within measure.

A page of a foreign site, opened in the same browser, can send requests here too, also by letting
its own name point to this machine. It cannot choose the headers Host and Origin, so these are what
is looked at.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from voice.kiosk import LOOPBACK
from voice.kiosk.bodies import SHORT_JSON, Bodies, body_refusal, longest_body
from voice.kiosk.refusals import refusal
from voice.kiosk.rules import Rules

ASKED_PER_S, ASKED_AT_ONCE = 5.0, 20.0
"""Changes that are asked for; more than people can touch, far less than would disturb a voice."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


@dataclass
class Allowance:
    """A token bucket: `rate` in a second, `most` at once."""

    rate: float
    most: float
    clock: Callable[[], float] = time.monotonic
    _left: float = field(init=False)
    _at_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._left, self._at_s = self.most, self.clock()

    def take(self) -> bool:
        """Take one; False if none is left."""
        now_s = self.clock()
        self._left = min(self.most, self._left + (now_s - self._at_s) * self.rate)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Access:
    """Middleware that lets requests through or refuses them in one line."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app = app
        self._rules = rules
        self._allowance = Allowance(ASKED_PER_S, ASKED_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        rule = self._rules.find(scope)
        bodies = rule.bodies if rule else SHORT_JSON
        refused = self._refusal(scope, bodies)
        if not refused:
            await self._app(scope, _limited(scope, bodies, receive), _hardened(send))
        elif scope["type"] == "http":
            await refusal(*refused)(scope, receive, _hardened(send))
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": refused[1]})

    def _refusal(self, scope: Scope, bodies: Bodies) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        if _name(headers.get("host", "")) not in LOOPBACK:
            return 421, "this server answers to 127.0.0.1 and localhost alone"
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != headers["host"]:
            return 403, "pages of other sites may not talk to this server"
        if scope["type"] == "websocket" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return None
        if unfit := body_refusal(bodies, headers):
            return unfit
        if not self._allowance.take():
            return 429, "too many requests; wait a second"
        return None


def _name(host: str) -> str:
    """Return the name or address in a Host header, without the port and the brackets of IPv6."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _limited(scope: Scope, bodies: Bodies, receive: Receive) -> Receive:
    """Cut a body off that is longer than it said."""
    left = longest_body(bodies, Headers(scope=scope))

    async def limited() -> Message:
        nonlocal left
        message = await receive()
        if message["type"] == "http.request":
            left -= len(message.get("body", b""))
            if left < 0:
                return {"type": "http.disconnect"}
        return message

    return limited


def _hardened(send: Send) -> Callable[[Message], Awaitable[None]]:
    async def hardened(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return hardened
