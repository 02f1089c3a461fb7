"""Who may talk to the server, and in which measure.

This machine's own browser and programs come in plain text by its loopback address and need no
token. Whatever comes encrypted, or was passed on by a proxy, comes from elsewhere, and needs one
for everything but the pages.

A page of a foreign site, opened in the same browser, can send requests here too, also by letting
its own name point to this machine. It cannot choose the headers Host and Origin, so these are what
is looked at.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.status import WS_1008_POLICY_VIOLATION
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from voice.errors import ConfigError
from voice.kiosk import LOOPBACK
from voice.kiosk.bodies import SHORT_JSON, Bodies, body_refusal, longest_body
from voice.kiosk.keyring import COOKIE, Keyring
from voice.kiosk.lasting import while_known
from voice.kiosk.limits import Allowances, Limits, client_of, unmapped
from voice.kiosk.refusals import refusal
from voice.kiosk.rules import GRANT, Rule, Rules
from voice.kiosk.tokens import SCOPES, Token

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
WITH_MICROPHONE = HEADERS["Permissions-Policy"].replace("microphone=()", "microphone=(self)")
"""For a page that gives its microphone to the assistant."""
_HARMLESS = ("GET", "HEAD", "OPTIONS")
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""Headers by which a proxy tells of whom it passes on: no browser and no program of this machine
sends them. A proxy that hides what it does cannot be known, and must not stand before the port."""
_TOKEN = "token"
"""Where the state of a request has the token that it showed."""
_FOR_STRANGERS = ("/login", "/static/")
_WRONG_TOKEN = Token("", SCOPES[0], "", "")
"""Stands for whoever shows a token or cookie that is not known."""


class Refused(Exception):
    """A request is refused: status, reason, headers."""

    def __init__(self, status: int, reason: str, **headers: str) -> None:
        super().__init__(reason)
        self.status, self.reason, self.headers = status, reason, headers


class Access:
    """Middleware that lets requests through or refuses them in one line."""

    def __init__(
        self,
        app: ASGIApp,
        rules: Rules,
        limits: Limits,
        keyring: Keyring | None = None,
        names: tuple[str, ...] = (),
    ) -> None:
        """`names` are those by which other machines reach this one."""
        self._app = app
        self._rules, self._limits = rules, limits
        self._keyring, self._names = keyring, names
        self._changes = Allowances(limits.changes_per_s, limits.changes_at_once)
        self._reads = Allowances(limits.reads_per_s, limits.reads_at_once)
        self._wrong = Allowances(limits.wrong_per_s, limits.wrong_at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        rule = self._rules.find(scope)
        bodies = rule.bodies if rule else SHORT_JSON
        try:
            self._check_site(scope, headers)
            client = self._check_token(scope, headers, rule)
            self._check_measure(scope, headers, bodies, client)
        except Refused as refused:
            await _refuse(refused, scope, receive, send)
            return
        if scope["type"] == "http":
            receive = _limited(self._limits, longest_body(bodies, headers), receive)
        elif token := scope["state"].get(_TOKEN):
            receive, send = while_known(partial(self._knows, token), receive, send)
        await self._app(scope, receive, _hardened(send))

    def _check_site(self, scope: Scope, headers: Headers) -> None:
        """Refuse other names for this machine, and pages of other sites."""
        host = headers.get("host", "")
        if not self._is_own(_name(host), scope):
            known = " and ".join(self._names if _from_elsewhere(scope) else LOOPBACK)
            raise Refused(421, f"this server answers to {known} alone")
        origin = headers.get("origin")
        if origin is not None and _site(origin) != host:
            raise Refused(403, "pages of other sites may not talk to this server")

    def _is_own(self, name: str, scope: Scope) -> bool:
        if not _from_elsewhere(scope):
            return name in LOOPBACK
        # An address in digits is chosen by no foreign site: only names can be made to point here.
        return name in self._names or name == unmapped((scope.get("server") or [""])[0])

    def _check_token(self, scope: Scope, headers: Headers, rule: Rule | None) -> str:
        """Refuse who needs a token and has none that is good; return whom the request counts for.

        Notes in the state of the request how much is allowed.
        """
        state = scope.setdefault("state", {})
        address = client_of((scope.get("client") or [""])[0])
        if not _from_elsewhere(scope):
            state[GRANT] = SCOPES[-1]
            return address
        if _open_to_all(scope, rule):
            return address
        token = self._shown(scope, headers)
        if token is _WRONG_TOKEN and not self._wrong.take(address):
            raise Refused(429, "too many wrong tokens; wait a minute", **{"Retry-After": "60"})
        if token is None or token is _WRONG_TOKEN:
            raise _stranger(scope, rule)
        if rule and not token.allows(rule.scope):
            raise Refused(403, f"the token {token.name} is for {token.scope}, not {rule.scope}")
        state[GRANT], state[_TOKEN] = token.scope, token
        return f"token {token.name}"

    def _shown(self, scope: Scope, headers: Headers) -> Token | None:
        """Return the token that a request shows; None if it shows none."""
        if self._keyring is None:
            return None
        kind, _, secret = headers.get("authorization", "").partition(" ")
        try:
            if kind.lower() == "bearer":
                return self._keyring.by_token(secret.strip()) or _WRONG_TOKEN
            if value := cookie_parser(headers.get("cookie", "")).get(COOKIE):
                _check_own_page(scope, headers)
                return self._keyring.by_cookie(value) or _WRONG_TOKEN
        except ConfigError as error:
            raise Refused(503, error.message) from error
        return None

    def _knows(self, token: Token) -> bool:
        return self._keyring is not None and self._keyring.knows(token)

    def _check_measure(self, scope: Scope, headers: Headers, bodies: Bodies, client: str) -> None:
        """Refuse too much: requests in a time, kinds and sizes of bodies."""
        if scope["type"] == "websocket" or scope["method"] in _HARMLESS:
            allowances = self._reads
        else:
            allowances = self._changes
            unfit = None if _has_nothing(headers) else body_refusal(bodies, headers)
            if unfit:
                raise Refused(*unfit)
        if not allowances.take(client):
            raise Refused(429, "too many requests; wait a second", **{"Retry-After": "1"})


def _has_nothing(headers: Headers) -> bool:
    """Return whether a request has no body and says nothing of one.

    Forms always do. A script of a foreign page can send such a request, with its own Origin.
    """
    told = {"content-type", "transfer-encoding"} & set(headers.keys())
    return not told and headers.get("content-length", "0") == "0"


def _from_elsewhere(scope: Scope) -> bool:
    """Return whether a request came encrypted, or through a proxy: in plain text only this machine
    is listened to, but a proxy on it may speak for any other."""
    encrypted = str(scope["scheme"]) in ("https", "wss")
    headers = Headers(scope=scope)
    return encrypted or any(name in headers for name in _FORWARDED)


def _open_to_all(scope: Scope, rule: Rule | None) -> bool:
    if rule:
        return not rule.scope
    return scope["type"] == "http" and str(scope["path"]).startswith(_FOR_STRANGERS)


def _stranger(scope: Scope, rule: Rule | None) -> Refused:
    """Return how somebody unknown is sent away: from a page, to the one where to sign in."""
    if rule is None and scope["type"] == "http" and not scope["path"].startswith("/v1/"):
        return Refused(303, "sign in at /login", Location="/login")
    reason = "show a token (hean kiosk token create), or sign in at /login"
    return Refused(401, reason, **{"WWW-Authenticate": "Bearer"})


def _check_own_page(scope: Scope, headers: Headers) -> None:
    """Refuse a change, or a WebSocket, with a cookie that no page of ours has sent.

    Browsers send the header Origin with both; that it is ours has been seen already.
    """
    harmless = scope["type"] == "http" and scope["method"] in _HARMLESS
    if not harmless and "origin" not in headers:
        raise Refused(403, "with a cookie, changes must come from a page of this server")


def _name(host: str) -> str:
    """Return the name or address in a Host header, without the port and the brackets of IPv6."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
    try:
        return str(ip_address(name))
    except ValueError:
        return name


def _site(origin: str) -> str:
    """Return the host and port of an Origin header, "" if it has none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


async def _refuse(refused: Refused, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        code = WS_1008_POLICY_VIOLATION
        await send({"type": "websocket.close", "code": code, "reason": refused.reason})
        return
    answer = refusal(refused.status, refused.reason, refused.headers)
    await answer(scope, receive, _hardened(send))


def _limited(limits: Limits, most_bytes: int, receive: Receive) -> Receive:
    """Cut a body off that is longer than it may be, or that comes too slowly."""
    begun_s, received, complete = time.monotonic(), 0, False

    async def limited() -> Message:
        nonlocal received, complete
        if complete:  # what comes now is that the client has gone, whenever that may be
            return await receive()
        allowed_s = limits.body_grace_s + received / limits.slowest_body_bytes_per_s
        try:
            message = await asyncio.wait_for(receive(), begun_s + allowed_s - time.monotonic())
        except asyncio.TimeoutError:
            raise HTTPException(408, "the body comes too slowly") from None
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            if received > most_bytes:
                raise HTTPException(413, f"at most {most_bytes} bytes are read")
        complete = not message.get("more_body", False)
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
