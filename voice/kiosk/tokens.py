"""Tokens: what lets programs and screens of other machines in.

A token is 256 random bits, so a plain SHA-256 of it says nothing about it; only that is stored.
The command line writes the file, the server reads it anew when it has changed: a token that is
revoked ends at once, without a restart.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from voice.errors import ConfigError, UsageError
from voice.kiosk.private import locked, write_private

SCOPES = ("ask", "operate", "admin")
"""What a token allows; each includes the ones before it."""
PREFIX = "hean_"
"""How each token begins, so that people and scanners for secrets recognise it."""
_FILE = "tokens.json"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_RANDOM_BYTES = 32


@dataclass(frozen=True)
class Token:
    """What is stored of a token. Times are ISO 8601 in UTC."""

    name: str
    scope: str
    digest: str
    """SHA-256 of the token, in hexadecimal."""
    created: str
    expires: str = ""
    """Empty = never."""

    def allows(self, scope: str) -> bool:
        """Return whether the token is good for a scope."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)

    def expired(self, at: datetime | None = None) -> bool:
        """Return whether its time is over."""
        if not self.expires:
            return False
        return datetime.fromisoformat(self.expires) <= (at or now())


class TokenFile:
    """The tokens of a device, in one file of a folder, readable by its owner alone."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._seen: tuple[int, int, int] | None = None
        self._tokens: tuple[Token, ...] = ()

    def tokens(self) -> tuple[Token, ...]:
        """Return all tokens, the oldest first. Raises ConfigError: the file is damaged."""
        try:
            stat = self._path.stat()
            version = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if version != self._seen:
                self._tokens = _parsed(self._path.read_text(encoding="utf-8"))
                self._seen = version
        except FileNotFoundError:
            self._tokens, self._seen = (), None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"{self._path}: cannot be read ({error})",
                "remove it, then make new tokens: hean kiosk token create NAME",
            ) from error
        return self._tokens

    def create(self, name: str, scope: str, days: int = 0) -> str:
        """Return a new token, good for `days` days (0 = for ever). It cannot be shown again."""
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name}: give the token a plain name", "for example hall-screen")
        secret = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        made = now()
        expires = (made + timedelta(days=days)).isoformat() if days else ""
        with locked(self._path.parent):
            known = self.tokens()
            if any(token.name == name for token in known):
                raise UsageError(
                    f"there is a token {name} already", f"hean kiosk token revoke {name}"
                )
            self._write((*known, Token(name, scope, digest_of(secret), made.isoformat(), expires)))
        return secret

    def revoke(self, name: str) -> None:
        """Let nobody in with a token any more. Raises UsageError."""
        with locked(self._path.parent):
            left = tuple(token for token in self.tokens() if token.name != name)
            if len(left) == len(self.tokens()):
                raise UsageError(f"there is no token {name}", "hean kiosk token list")
            self._write(left)

    def find(self, digest: str) -> Token | None:
        """Return the token with a digest, None if there is none or it is expired.

        All are compared, each in constant time: how long it takes tells nothing.
        """
        found = None
        for token in self.tokens():
            if hmac.compare_digest(token.digest, digest):
                found = token
        return None if found is None or found.expired() else found

    def _write(self, tokens: tuple[Token, ...]) -> None:
        content = {"tokens": [asdict(token) for token in tokens]}
        write_private(self._path, json.dumps(content, indent=1) + "\n")


def _parsed(text: str) -> tuple[Token, ...]:
    rows: list[dict[str, Any]] = json.loads(text)["tokens"]
    tokens = tuple(Token(**row) for row in rows)
    for token in tokens:
        if token.scope not in SCOPES:
            raise ValueError(f"token {token.name}: no scope is called {token.scope}")
        token.expired()  # raises ValueError now rather than when somebody uses it
    return tokens


def digest_of(secret: str) -> str:
    """Return what is stored of a secret of many random bits."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def now() -> datetime:
    """Return the time in UTC, to the second."""
    return datetime.now(timezone.utc).replace(microsecond=0)
