"""The PIN of the operator area: only its hash is kept, and each wrong try makes the next one wait.

The number of wrong tries is written down before a PIN is compared, and after a start the whole wait
begins anew: neither switching the power off nor a clock that is wrong after a start gains a try.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from llm.files import write_whole
from voice.errors import ConfigError, UsageError, cause

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_DIGITS, MAX_DIGITS = 6, 16
FREE_TRIES = 3
"""Wrong tries after which nobody has to wait yet: fingers slip."""
FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 900.0
"""At the longest wait a million PINs take 28 years."""
_LOGGER = logging.getLogger(__name__)
_DIGITS = re.compile(r"[0-9]+")
_SIMPLE = "01234567890123456789", "98765432109876543210"


class TooSoon(Exception):
    """A PIN was tried while the wait for the wrong one before goes on."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"wait {wait_s:.0f} s")
        self.wait_s = wait_s


def wait_after(wrong: int) -> float:
    """Return the seconds to wait after so many wrong tries in a row."""
    if wrong < FREE_TRIES:
        return 0.0
    return float(min(FIRST_WAIT_S * 2 ** min(wrong - FREE_TRIES, 20), LONGEST_WAIT_S))


class Pin:
    """The PIN of a device, in a folder that only its owner may read."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._hash, self._tries = folder / "pin", folder / "pin-tries"
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting_since_s = clock()
        self._unwritten = 0
        """Wrong tries that the disk did not take."""

    @property
    def is_set(self) -> bool:
        """Tell whether there is a PIN."""
        return self._hash.exists()

    def set(self, digits: str) -> None:
        """Make these digits the PIN, and forget wrong tries. Raises UsageError, ConfigError."""
        _require_good(digits)
        try:
            self._hash.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(self._hash, _hasher().hash(digits) + "\n", private=True)
            self._hash.chmod(0o600)
            self._tries.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(
                f"the PIN cannot be kept in {self._hash}: {cause(error)}",
                "free some space, or give this user the right to write there",
            ) from error

    @property
    def wait_s(self) -> float:
        """Return the seconds for which no PIN is taken; 0 = one may be tried."""
        waited_s = self._clock() - self._waiting_since_s
        return max(0.0, wait_after(self._wrong()) - waited_s)

    def matches(self, digits: str) -> bool:
        """Tell whether these are the digits; one try at a time.

        Raises TooSoon: they were not even compared. ConfigError: there is no PIN, or it is damaged.
        """
        with self._lock:
            if wait_s := self.wait_s:
                raise TooSoon(wait_s)
            self._note(self._wrong() + 1)
            if not self._compare(digits):
                self._waiting_since_s = self._clock()
                return False
            self._note(0)
            return True

    def _compare(self, digits: str) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

        try:
            return _hasher().verify(self._hash.read_text("ascii").strip(), digits)
        except VerifyMismatchError:
            return False
        except (OSError, UnicodeDecodeError, InvalidHashError, VerificationError) as error:
            raise ConfigError(
                "there is no PIN, or its file is damaged", "hean kiosk pin"
            ) from error

    def _wrong(self) -> int:
        """Return how many tries in a row were wrong."""
        try:
            written = int(self._tries.read_text("ascii"))
        except FileNotFoundError:
            written = 0
        except (OSError, ValueError):
            written = FREE_TRIES  # damaged by a power cut, perhaps on purpose
        return max(written, self._unwritten)

    def _note(self, wrong: int) -> None:
        try:
            if wrong:
                write_whole(self._tries, f"{wrong}\n", private=True)
            else:
                self._tries.unlink(missing_ok=True)
            self._unwritten = 0
        except OSError as error:
            # A disk that is full or read-only must not keep the operator out who would mend it.
            _LOGGER.warning("wrong tries of the PIN are counted until the next start: %s", error)
            self._unwritten = wrong


def _hasher() -> PasswordHasher:
    """Return Argon2id with the least that the OWASP Password Storage Cheat Sheet asks for: more
    would take memory from the models, and no hash keeps six digits from who has stolen the file."""
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def _require_good(digits: str) -> None:
    if not _DIGITS.fullmatch(digits) or not MIN_DIGITS <= len(digits) <= MAX_DIGITS:
        raise UsageError(f"a PIN has {MIN_DIGITS} to {MAX_DIGITS} digits", "choose another")
    if len(set(digits)) < 3 or any(digits in run for run in _SIMPLE):
        raise UsageError("that PIN is the first that anybody would try", "choose another")
