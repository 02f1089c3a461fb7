"""How a request is refused: one form for everything, {"error": {"code", "message"}}."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from asr import RecognitionError
from voice.errors import InputError
from voice.lending.aside import Busy
from voice.tts import SynthesisError


class Refusal(BaseModel):
    """What happened."""

    code: str
    message: str


class Problem(BaseModel):
    """The body of every refusal."""

    error: Refusal


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": text}
    for status, text in {
        400: "The request cannot be read",
        401: "No token, or one that is not known any more",
        403: "A page of another site, or a token for less",
        404: "There is no such thing",
        405: "Another method than this route has",
        408: "The body comes too slowly",
        409: "Not in this state",
        413: "The body is too long",
        415: "A body of another kind than this route takes",
        421: "Another name than those of this machine",
        422: "A field is wrong; the message names it",
        429: "Too many requests; Retry-After tells when to come back",
        503: "Not possible just now",
    }.items()
}
"""What every route may answer."""


def refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return the response that refuses a request in one line."""
    code = HTTPStatus(status).phrase.lower().replace(" ", "_")
    return JSONResponse({"error": {"code": code, "message": message}}, status, dict(headers or {}))


def refuse_in_one_form(app: FastAPI) -> None:
    """Make the framework's own refusals look like ours."""

    @app.exception_handler(HTTPException)
    async def refused(_request: Request, error: HTTPException) -> JSONResponse:
        return refusal(error.status_code, error.detail, error.headers)

    @app.exception_handler(Busy)
    async def busy(_request: Request, error: Busy) -> JSONResponse:
        return refusal(503, str(error), {"Retry-After": str(error.retry_s)})

    @app.exception_handler(InputError)
    @app.exception_handler(SynthesisError)
    async def unusable(_request: Request, error: InputError | SynthesisError) -> JSONResponse:
        return refusal(422, str(error))

    @app.exception_handler(RecognitionError)
    async def failed(_request: Request, error: RecognitionError) -> JSONResponse:
        return refusal(500, str(error))

    @app.exception_handler(RequestValidationError)
    async def malformed(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        return refusal(422, f"{place}: {first['msg']}")
