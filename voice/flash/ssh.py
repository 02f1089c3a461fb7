"""Another machine, reached by the system's ssh: send what is missing, then let it flash itself.

The device runs the same program; nothing but `hean slots incoming|receive` and `hean flash
--received` is asked of it. A link that breaks is taken up where it broke.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from llm.flash.bundle import BLOCK_BYTES, Bundle
from voice.errors import FlashFault, HeanError, LinkFault, error_of
from voice.flash.here import Flashed, Progress, Step, Wish

_T = TypeVar("_T")
_SSH_FAILED = 255
_OPTIONS = (
    *("-o", "BatchMode=yes"),
    *("-o", "ConnectTimeout=10"),
    *("-o", "ServerAliveInterval=5"),
    *("-o", "ServerAliveCountMax=3"),
)


@dataclass(frozen=True)
class Link:
    """How a device is reached."""

    to: str
    """user@host, as ssh takes it."""
    ssh_options: tuple[str, ...] = ()
    """More options of ssh, for example -F FILE."""
    command: str = "hean"
    """How the program is called there."""
    attempts: int = 6
    """How often a broken link is taken up again before giving up."""
    wait_s: float = 2.0
    """Wait before the second attempt; doubled each time."""


def flash_by_ssh(link: Link, bundle: Bundle, wish: Wish, progress: Progress) -> Flashed:
    """Send a bundle and have it flashed there.

    Raises LinkFault: no link even after all attempts; what has arrived is kept for the next time.
    FlashFault, HealthFault: what the device says.
    """
    if not link.to or link.to.startswith("-"):
        raise LinkFault(f"{link.to!r} is no host", "name it as user@host")
    began_s = time.monotonic()
    if wish.dry_run or not _send(link, bundle, progress):
        _ask(link, _incoming(bundle))
        manifest = bundle.manifest
        return Flashed(bundle.head.id, manifest.name, manifest.version, changed=False)
    sent_s = round(time.monotonic() - began_s, 3)
    progress(Step("examining"))
    words = ["flash", "--received", bundle.head.id, "--json"]
    if wish.downgrade:
        words += ["--allow-downgrade", wish.downgrade]
    answer = _with_patience(link, lambda: _ask(link, words))
    flashed = Flashed(**answer)
    flashed.seconds["sending"] = sent_s
    return flashed


def _send(link: Link, bundle: Bundle, progress: Progress) -> bool:
    """Send what the device does not have yet; False if it uses that slot already."""

    def attempt() -> bool:
        arrived = _ask(link, _incoming(bundle))
        if not arrived["in_use"]:
            _stream(link, bundle, arrived["bytes"], progress)
        return not arrived["in_use"]

    return _with_patience(link, attempt)


def _incoming(bundle: Bundle) -> list[str]:
    total = bundle.path.stat().st_size
    return ["slots", "incoming", bundle.head.id, "--bytes", str(total), "--json"]


def _stream(link: Link, bundle: Bundle, offset: int, progress: Progress) -> None:
    total = bundle.path.stat().st_size
    words = ["slots", "receive", bundle.head.id, "--offset", str(offset), "--json"]
    with (
        bundle.path.open("rb") as source,
        subprocess.Popen(
            _command(link, words),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process,
    ):
        assert process.stdin is not None
        source.seek(offset)
        with suppress(BrokenPipeError):  # the link broke: the exit code tells
            while block := source.read(BLOCK_BYTES):
                process.stdin.write(block)
                offset += len(block)
                progress(Step("sending", offset, total))
        out, err = _end(process)
        answer = _answer(link, process.returncode, out, err)
        if answer["bytes"] != total:
            raise LinkFault(f"the link to {link.to} broke", "try again")


def _end(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """Return what a process has said, once it has ended."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.close()
    process.stdin = None
    return process.communicate()


def _with_patience(link: Link, attempt: Callable[[], _T]) -> _T:
    """Try until the link holds; errors of the device itself are not tried again."""
    for number in range(link.attempts):
        try:
            return attempt()
        except LinkFault:
            if number + 1 == link.attempts:
                raise
            time.sleep(link.wait_s * 2**number)
    raise AssertionError("attempts is positive")


def _ask(link: Link, words: Sequence[str]) -> Any:
    done = subprocess.run(
        _command(link, words), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return _answer(link, done.returncode, done.stdout, done.stderr)


def _answer(link: Link, code: int, out: bytes, err: bytes) -> Any:
    """Return the JSON that a device answers. Raises LinkFault, or the error of the device."""
    said = err.decode(errors="replace").strip().rpartition("\n")[2]
    try:
        answer = json.loads(out)
    except ValueError:
        if code == _SSH_FAILED or code < 0 or not said:
            raise LinkFault(f"no link to {link.to}: {said or 'it broke'}", "try again") from None
        raise FlashFault(f"{link.to}: {said}", "is hean installed there?") from None
    if isinstance(answer, dict) and "error" in answer:
        raise _remote_error(link, answer["error"])
    return answer


def _remote_error(link: Link, row: dict[str, str]) -> HeanError:
    error = error_of(str(row.get("code")), f"{link.to}: {row.get('message')}")
    error.fix = str(row.get("fix", ""))
    return error


def _command(link: Link, words: Sequence[str]) -> list[str]:
    remote = f"{link.command} {shlex.join(words)}"
    return ["ssh", *_OPTIONS, *link.ssh_options, link.to, remote]
