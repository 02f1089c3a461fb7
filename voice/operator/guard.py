"""Keeps out whoever has not signed in with the PIN, and pages of other sites."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hmac import compare_digest

from fastapi import HTTPException, Request

from voice.errors import HeanError, translated
from voice.operator.sessions import Sessions

COOKIE = "hean_operator"
CSRF_HEADER = "X-Hean-Session"
_HARMLESS = ("GET", "HEAD")


def same_site(request: Request) -> None:
    """Refuse a change that no page of ours asked for.

    `voice.kiosk.access` refuses a foreign Origin; here none at all is refused too, because every
    browser sends one with a change.
    """
    if request.method not in _HARMLESS and "origin" not in request.headers:
        raise HTTPException(403, "changes must come from the operator page (header Origin)")


class Guard:
    """A dependency of every route for operators."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def __call__(self, request: Request) -> None:
        """Let a signed-in operator through. Raises HTTPException 401 or 403."""
        session = self._sessions.find(request.cookies.get(COOKIE, ""))
        if session is None:
            raise HTTPException(401, "sign in with the PIN at /operator")
        if request.method in _HARMLESS:
            return
        same_site(request)
        if not compare_digest(request.headers.get(CSRF_HEADER, "").encode(), session.csrf.encode()):
            raise HTTPException(403, f"the header {CSRF_HEADER} is not that of this session")


@contextmanager
def refusing() -> Iterator[None]:
    """Answer what cannot be done with status 409 and one line: what happened, what to do."""
    try:
        with translated():
            yield
    except HeanError as error:
        told = f"{error.message}; {error.fix}" if error.fix else error.message
        raise HTTPException(409, told) from error
