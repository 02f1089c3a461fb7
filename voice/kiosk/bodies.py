"""What may be sent where: the kinds and the size of the bodies of requests.

JSON alone can be sent by no form of a foreign page. Where recordings are taken, forms are too, as
programs send files by them; there is nothing to gain by one: only its sender gets the answer.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import Scope

JSON = "application/json"
FORM = "multipart/form-data"
RECORDINGS = (
    *("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"),
    *("audio/flac", "audio/x-flac", "audio/ogg", "audio/mpeg"),
)
MAX_BODY_BYTES = 262_144
"""A conversation of a chat program; the longest question has 1000 characters."""
MAX_RECORDING_BYTES = 25_000_000
"""Two minutes of stereo at CD quality are 21 MB."""

_JSON = {JSON: MAX_BODY_BYTES}
_FORMS = {FORM: MAX_RECORDING_BYTES}
_RECORDINGS = dict.fromkeys(RECORDINGS, MAX_RECORDING_BYTES)
_OTHERS = {"/v1/ask": _JSON | _FORMS | _RECORDINGS, "/v1/audio/transcriptions": _FORMS}


def body_refusal(scope: Scope) -> tuple[int, str] | None:
    """Return status and reason if a body is not taken, as far as its headers tell."""
    headers = Headers(scope=scope)
    if kind_of(headers) not in bodies_of(scope):
        return 415, f"send {' or '.join(bodies_of(scope))}, named in the header Content-Type"
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > longest_body(scope):
        return 413, f"at most {longest_body(scope)} bytes are read"
    return None


def longest_body(scope: Scope) -> int:
    """Return how many bytes of this request's body are read."""
    return bodies_of(scope).get(kind_of(Headers(scope=scope)), MAX_BODY_BYTES)


def bodies_of(scope: Scope) -> dict[str, int]:
    """Return the kinds of bodies that a path takes, and how long they may be in bytes."""
    return _OTHERS.get(scope["path"], _JSON)


def kind_of(headers: Headers) -> str:
    """Return the type of a body, without its parameters."""
    return headers.get("content-type", "").split(";")[0].strip().lower()
