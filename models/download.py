"""Downloads over HTTP that go on where they stopped."""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from threading import Event
from urllib.error import HTTPError, URLError

from models import ModelStoreError
from models.progress import Counter

ATTEMPTS = 4
_BLOCK_BYTES = 1 << 18
_TIMEOUT_S = 30
_FIRST_WAIT_S = 0.5
"""Doubled before each further attempt."""
_BROKEN = (URLError, HTTPException, ConnectionError, TimeoutError, ssl.SSLError)


class _CutShort(ConnectionError):
    """The connection ended before the file did."""


def download(url: str, target: Path, counter: Counter, cancel: Event) -> None:
    """Download an address to `target`, by way of a `.part` beside it that a later call continues.

    Raises ModelStoreError if the address does not answer, and returns early if `cancel` is set.
    """
    part = target.with_name(target.name + ".part")
    for attempt in range(ATTEMPTS):
        try:
            if _continue(url, part, counter, cancel):
                part.replace(target)
                _tag_file(part).unlink(missing_ok=True)
            return
        except _BROKEN as error:
            if attempt + 1 == ATTEMPTS or not _worth_another(error, part):
                raise ModelStoreError(
                    f"{url} cannot be downloaded: {_reason(error)}", _fix(error)
                ) from error
            cancel.wait(_FIRST_WAIT_S * 2**attempt)


def _continue(url: str, part: Path, counter: Counter, cancel: Event) -> bool:
    """Download the rest of a file; return whether it is whole."""
    start = part.stat().st_size if part.exists() else 0
    with _open(url, start, part) as response:
        if response.status != 206:  # the server sends all of it, or it has changed
            start = 0
        total = start + (response.length or 0)  # not known, or no number: 0
        _tag_file(part).write_text(_plain(response.headers.get("ETag", "")), encoding="utf-8")
        with part.open("ab" if start else "wb") as file:
            while block := response.read(_BLOCK_BYTES):
                file.write(block)
                start += len(block)
                counter(start, total)
                if cancel.is_set():
                    return False
    if start < total:
        raise _CutShort(f"the connection ended after {start} of {total} bytes")
    return True


@contextmanager
def _open(url: str, start: int, part: Path) -> Iterator[HTTPResponse]:
    headers = {"User-Agent": "hean"}
    if start:
        headers["Range"] = f"bytes={start}-"
        tag = _tag_file(part)
        if tag.exists() and (known := _plain(tag.read_text(encoding="utf-8", errors="replace"))):
            headers["If-Range"] = known
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
        yield response


def _plain(tag: str) -> str:
    """Return an entity tag if it can be sent back; "" for what would break the header."""
    return tag if tag.isascii() and tag.isprintable() else ""


def _tag_file(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


def _worth_another(error: Exception, part: Path) -> bool:
    if not isinstance(error, HTTPError):
        return True
    error.close()
    if error.code == 416:  # the part is longer than the file: begin again
        part.unlink(missing_ok=True)
        return True
    return error.code == 429 or error.code >= 500


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"the server answers {error.code} {error.reason}"
    if isinstance(error, URLError):
        return f"no connection ({error.reason})"
    return str(error) or type(error).__name__


def _fix(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return ""
    return "connect to a network and repeat, or bring the files: hean models import PATH"
