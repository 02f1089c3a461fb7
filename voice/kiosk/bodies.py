"""What may be sent where: the kinds and the size of the bodies of requests.

JSON alone can be sent by no form of a foreign page. Where recordings are taken, forms are too, as
programs send files by them; there is nothing to gain by one: only its sender gets the answer.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers

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

Bodies = Mapping[str, int]
"""The kinds of bodies that a route takes, each with the most bytes it may have."""
SHORT_JSON: Bodies = {JSON: MAX_BODY_BYTES}
FORMS: Bodies = {FORM: MAX_RECORDING_BYTES}
SOUND: Bodies = dict.fromkeys(RECORDINGS, MAX_RECORDING_BYTES)


def body_refusal(bodies: Bodies, headers: Headers) -> tuple[int, str] | None:
    """Return status and reason if a body is not taken, as far as its headers tell."""
    if kind_of(headers) not in bodies:
        return 415, f"send {' or '.join(bodies)}, named in the header Content-Type"
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > longest_body(bodies, headers):
        return 413, f"at most {longest_body(bodies, headers)} bytes are read"
    return None


def longest_body(bodies: Bodies, headers: Headers) -> int:
    """Return how many bytes of a body are read."""
    return bodies.get(kind_of(headers), MAX_BODY_BYTES)


def kind_of(headers: Headers) -> str:
    """Return the type of a body, without its parameters."""
    return headers.get("content-type", "").split(";")[0].strip().lower()
