"""Who is signed in. Kept in memory alone: a restart signs everybody out."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

IDLE_S = 300.0
"""A screen in a hall must not stay open after the operator has left."""
LONGEST_S = 8 * 3600.0
MOST = 8
_BYTES = 32


@dataclass
class Session:
    """One sign-in. Times are monotonic, in seconds."""

    csrf: str
    """What every change must carry: the page knows it, other sites do not."""
    began_s: float
    used_s: float


class Sessions:
    """All sign-ins, by the SHA-256 of their cookie: how long a look-up takes tells nothing."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[bytes, Session] = {}

    def open(self) -> tuple[str, Session]:
        """Sign somebody in; return the cookie and the session. Beyond MOST the oldest ends."""
        cookie, now_s = secrets.token_urlsafe(_BYTES), self._clock()
        session = Session(secrets.token_urlsafe(_BYTES), now_s, now_s)
        with self._lock:
            while len(self._open) >= MOST:
                del self._open[next(iter(self._open))]
            self._open[_digest(cookie)] = session
        return cookie, session

    def find(self, cookie: str, touch: bool = True) -> Session | None:
        """Return the session of a cookie, None if there is none any more.

        `touch` counts as use: what the page does by itself must not keep a session open.
        """
        with self._lock:
            session = self._open.get(_digest(cookie))
            if session is None:
                return None
            now_s = self._clock()
            if now_s - session.used_s > IDLE_S or now_s - session.began_s > LONGEST_S:
                del self._open[_digest(cookie)]
                return None
            if touch:
                session.used_s = now_s
            return session

    def close(self, cookie: str) -> None:
        """Sign out."""
        with self._lock:
            self._open.pop(_digest(cookie), None)


def _digest(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode(errors="surrogatepass")).digest()
