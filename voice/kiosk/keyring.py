"""Whom the server knows: the tokens of programs, and the browsers that have shown one once.

A browser gets a cookie of its own, 256 random bits again: the token itself stays on nobody's disk.
What the server notes, it notes in one file of its own, seldom, because flash wears out.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from pathlib import Path
from typing import Any

from voice.errors import ConfigError
from voice.kiosk.private import locked, write_private
from voice.kiosk.tokens import Token, TokenFile, digest_of, now

COOKIE = "__Host-hean"
"""Browsers take a name that begins like this only with Secure, for this host and every path."""
COOKIE_DAYS = 400
"""The longest that browsers keep one."""
MOST_SESSIONS = 100
_FILE = "sessions.json"
_NOTED_EVERY = timedelta(hours=1)
_RANDOM_BYTES = 32
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Session:
    """A browser that has shown a token."""

    digest: str
    token: str
    """Digest of the token: when that is revoked, the session ends."""


class Keyring:
    """Finds out who asks. Safe to use from any thread."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._tokens = TokenFile(folder)
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._sessions, self._used = _read(self._path)

    def by_token(self, secret: str) -> Token | None:
        """Return the token that a program has sent, None if it is not known any more."""
        with self._lock:
            return self._noted(self._tokens.find(digest_of(secret)))

    def by_cookie(self, value: str) -> Token | None:
        """Return the token that a browser has shown once, None if it is not known any more."""
        digest, found = digest_of(value), None
        with self._lock:
            for session in self._sessions:
                if compare_digest(session.digest, digest):
                    found = session
            return self._noted(self._tokens.find(found.token)) if found else None

    def knows(self, token: Token) -> bool:
        """Return whether a token that was shown before is still good."""
        with self._lock, suppress(ConfigError):
            return self._tokens.find(token.digest) is not None
        return False

    def begin(self, secret: str) -> tuple[Token, str] | None:
        """Return the token and a new cookie for a browser that shows it, None if it is unknown."""
        token = self.by_token(secret)
        if token is None:
            return None
        value = secrets.token_urlsafe(_RANDOM_BYTES)
        with self._lock:
            self._sessions.append(Session(digest_of(value), token.digest))
            del self._sessions[:-MOST_SESSIONS]
        self._write()
        return token, value

    def end(self, value: str) -> None:
        """Forget a browser."""
        digest = digest_of(value)
        with self._lock:
            self._sessions = [one for one in self._sessions if one.digest != digest]
        self._write()

    def _noted(self, token: Token | None) -> Token | None:
        """Note that a token was used, to the hour."""
        if token is None:
            return None
        time, before = now(), self._used.get(token.digest)
        if before is None or abs(time - before) >= _NOTED_EVERY:
            self._used[token.digest] = time
            # Aside: a slow card must not keep the screens waiting.
            threading.Thread(target=self._write, name="keyring", daemon=True).start()
        return token

    def _write(self) -> None:
        with self._writing:
            with self._lock:
                content = self._content()
            self._store(json.dumps(content, indent=1) + "\n")

    def _content(self) -> dict[str, Any]:
        known = {token.digest for token in self._tokens.tokens()}
        self._sessions = [one for one in self._sessions if one.token in known]
        self._used = {digest: at for digest, at in self._used.items() if digest in known}
        return {
            "sessions": [asdict(session) for session in self._sessions],
            "used": {digest: at.isoformat() for digest, at in self._used.items()},
        }

    def _store(self, text: str) -> None:
        try:
            with locked(self._path.parent):
                write_private(self._path, text)
        except ConfigError as error:
            # A disk that is full or read-only: everybody who is known now stays so until the end.
            _LOGGER.warning("%s; browsers will have to sign in again after a restart", error)


def last_used(folder: Path) -> Mapping[str, datetime]:
    """Return when each token was last used, to the hour, by its digest."""
    return _read(folder / _FILE)[1]


def _read(path: Path) -> tuple[list[Session], dict[str, datetime]]:
    """Return sessions and uses; none of a file that is damaged: people sign in again."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        sessions = [Session(str(one["digest"]), str(one["token"])) for one in content["sessions"]]
        used = {str(key): datetime.fromisoformat(at) for key, at in content["used"].items()}
    except FileNotFoundError:
        return [], {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _LOGGER.warning("%s cannot be read (%s): browsers have to sign in again", path, error)
        return [], {}
    return sessions, used
