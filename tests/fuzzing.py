"""What all fuzz tests share: damaged files, limits on time and memory, the corpus of findings.

    .venv/bin/pytest tests/unit/test_fuzz_*.py                                 short, as in CI
    .venv/bin/pytest tests/unit/test_fuzz_*.py --hypothesis-profile long       half an hour

The profiles stand in tests/conftest.py. Every finding stays as a small file in
tests/data/fuzz/TARGET/, which is read again in each run.
"""

from __future__ import annotations

import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

CORPUS = Path(__file__).parent / "data" / "fuzz"
LIMIT_S = 10.0
"""Processor time for one input."""
WAIT_S = 120.0
"""Time on the clock, for what only waits."""
LIMIT_BYTES = 700 << 20
"""Address space that reading one small file may take beyond what the tests have already."""
_LONGEST = 6000

NASTY = (
    b"\0", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80", "\u202e\u200b".encode(),
    b"\r\n", b"\n\n", b"\t", b" ", b'"', b"'", b'"""', b"\\", b"\\u0000", b"\\ud800", b"#", b"=",
    b"[", b"]", b"[[", b"]]", b"{", b"}", b",", b".", b":", b"-", b"/", b"../", b"[" * 3000,
    b'{"a":' * 1500, b"9" * 5000, b"-1", b"0", b"1e999", b"nan", b"-inf", b"1e-400", b"true",
    b"null", b"1979-05-27", b"07:32:00", b"1_000", b"0x10", b'""', b"[]", b"{}", b"[[]]", b"[{}]",
    b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80",
    b"\xff\xff\xff\xff\xff\xff\xff\x7f", b"\x01\x00\x00\x00\x00\x00\x00\x80", "核安".encode(),
    "\U0001f1e8\U0001f1f3".encode(), "e\u0301".encode(), "٣".encode(), "²".encode(),
)  # fmt: skip
"""What readers stumble over: nesting, numbers beyond every size, text that is none, other kinds."""


@dataclass(frozen=True)
class Target:
    """A reader of files, what it may raise, and files that it can read."""

    name: str
    read: Callable[[Path], Any]
    errors: tuple[type[Exception], ...]
    seeds: tuple[bytes, ...]
    suffix: str = ""

    def check(self, content: bytes, folder: Path) -> None:
        """Read a file with this content: done, or one of its own errors; in time, in memory."""
        path = folder / f"file{self.suffix}"
        path.write_bytes(content)
        with bounded(self.errors):
            self.read(path)


_ALARMS = (
    (signal.SIGPROF, signal.ITIMER_PROF, LIMIT_S),
    (signal.SIGALRM, signal.ITIMER_REAL, WAIT_S),
)


class Hangs(BaseException):
    """Something takes too long; no `except Exception` may hide that."""


@contextmanager
def bounded(errors: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Let these errors pass. Anything else fails, as do much time and much memory."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = [signal.signal(number, _hang) for number, *_ in _ALARMS]
    for _, timer, limit_s in _ALARMS:
        signal.setitimer(timer, limit_s)
    resource.setrlimit(resource.RLIMIT_AS, (used + LIMIT_BYTES, hard))
    try:
        yield
    except errors as error:
        assert str(error), "an error without a word"
        assert "\n" not in str(error).strip() or isinstance(error, ValueError)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        for (number, timer, _), handler in zip(_ALARMS, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


def _hang(_number: int, _frame: object) -> None:
    raise Hangs(f"more than {LIMIT_S} s of processor time, or {WAIT_S} s of waiting")


@st.composite
def damaged(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """Draw a good file with up to eight places damaged, or bytes that never were one."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=400))
    content = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, len(content)))
        end = min(len(content), at + draw(st.sampled_from((0, 1, 1, 2, 4, 8, 16, 64, 1000))))
        kind = draw(st.integers(0, 4))
        if kind == 0:
            content[at:end] = draw(st.binary(max_size=8))
        elif kind == 1:
            content[at:end] = draw(st.sampled_from(NASTY))
        elif kind == 2:
            del content[at:end]
        elif kind == 3:
            content[at:at] = content[at:end]
        else:
            del content[at:]
    return bytes(content[: max(_LONGEST, *map(len, seeds))])


def corpus(target: str) -> list[Path]:
    """Return the findings of a target."""
    return sorted((CORPUS / target).glob("*"))
