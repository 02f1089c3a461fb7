"""Questions of programs, in writing or recorded, before the answer policy."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool

from llm.answer import MAX_QUESTION_CHARS, Answer
from voice.kiosk import Controls
from voice.kiosk import speech_formats as formats
from voice.kiosk.bodies import FORM, FORMS, JSON, RECORDINGS, SHORT_JSON, SOUND, kind_of
from voice.kiosk.messages import answer_of
from voice.kiosk.rules import allows, needs
from voice.kiosk.uploads import Uploads, while_here
from voice.lending.aside import Aside, Busy, Cancelled, Said
from voice.lending.shared_answerer import SharedAnswerer
from voice.reply import spoken_parts

_WAV = formats.MEDIA_TYPES["wav"]
_TEXTS = ("understood", "language", "decision", "answer", "details", "reason")
_LISTS = ("facts", "sources", "passages", "problems", "offers")
_SAID = {"type": "string", "format": "binary", "description": "WAV, FLAC, OGG or MP3"}


class Wishes(BaseModel):
    """How a question is to be answered."""

    model_config = ConfigDict(extra="forbid")

    language: Literal["zh", "en"] | None = None
    aloud: bool = False
    """Speak the answer here and show it on the screen, as if the question had been said."""
    speech: bool = False
    """Add the spoken answer, a WAV file in base 64; with `Accept: audio/wav` it is all that is
    sent."""


class Question(Wishes):
    """A question in writing."""

    text: Annotated[str, Field(min_length=1, max_length=MAX_QUESTION_CHARS)]


@dataclass(frozen=True)
class Asked:
    """A question and where it came from."""

    question: Question
    heard: str = ""
    """What was recognised in a recording."""


class Desk:
    """Takes questions of programs and hands the answers out."""

    def __init__(self, controls: Controls, answerer: SharedAnswerer, aside: Aside) -> None:
        self._controls = controls
        self._answerer = answerer
        self._aside = aside
        self._uploads = Uploads()

    async def ask(self, request: Request) -> Response:
        """Answer a question. Raises what has a status of its own in `refusals`."""
        asked = await self._asked(request)
        if asked.question.aloud:
            if not allows(request, "operate"):
                raise HTTPException(403, "to ask aloud needs a token for operate")
            ask_aloud = self._controls.ask
            await run_in_threadpool(ask_aloud, asked.question.text, asked.question.language or "")
            return JSONResponse({"accepted": True})
        wants_sound = _WAV in request.headers.get("accept", "")
        return await while_here(
            request, lambda cancelled: self._answered(asked, wants_sound, cancelled)
        )

    async def _asked(self, request: Request) -> Asked:
        if kind_of(request.headers) == JSON:
            return Asked(_question(await request.body(), _wishes(request.query_params)))
        recording = await self._uploads.take(request)
        fields = {name: value for name, value in recording.fields.items() if name != "model"}
        wishes = _wishes({**request.query_params, **fields})
        heard = await run_in_threadpool(
            self._aside.hear, recording.audio, recording.length_s, "the recording"
        )
        language = wishes.language or heard.transcript.language or None
        text = heard.understood[:MAX_QUESTION_CHARS]
        said = wishes.model_copy(update={"language": language}).model_dump()
        return Asked(Question(text=text, **said), heard.transcript.text)

    def _answered(self, asked: Asked, wants_sound: bool, cancelled: Cancelled) -> Response:
        question = asked.question
        answer = self._answerer.answer_aside(question.text, question.language, asked.heard)
        if answer is None:
            raise Busy("a spoken question comes first")
        if wants_sound:
            return Response(self._spoken(answer, cancelled), media_type=_WAV)
        reply = answer_of(answer)
        if asked.heard:
            reply["heard"] = asked.heard
        if question.speech:
            data = base64.b64encode(self._spoken(answer, cancelled)).decode()
            reply["speech"] = {"media_type": _WAV, "data": data}
        return JSONResponse(reply)

    def _spoken(self, answer: Answer, cancelled: Cancelled) -> bytes:
        said = Said(tuple(spoken_parts(answer.text)), answer.language)
        pieces = list(self._aside.speak(said, cancelled))
        return formats.sound_file(pieces, self._aside.rate_hz, "wav")


_WISHES = Wishes.model_json_schema()["properties"]
_BODIES = {
    "parameters": [
        {
            "name": name,
            "in": "query",
            "schema": schema,
            "description": "Beside a body that tells nothing of it",
        }
        for name, schema in _WISHES.items()
    ],
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": Question.model_json_schema()},
            FORM: {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": _SAID, **_WISHES},
                    "additionalProperties": False,
                }
            },
            **{kind: {"schema": _SAID} for kind in RECORDINGS},
        },
    },
}
_REPLY = {
    "description": "The answer with its decision and sources; or that it is spoken here",
    "content": {
        JSON: {
            "schema": {
                "type": "object",
                "properties": {
                    "accepted": {"type": "boolean", "description": "Alone, where asked aloud"},
                    "heard": {"type": "string", "description": "Of a recording, before repair"},
                    **{name: {"type": "string"} for name in _TEXTS},
                    **{name: {"type": "array"} for name in _LISTS},
                    "seconds": {"type": "object"},
                    "speech": {
                        "type": "object",
                        "properties": {
                            "media_type": {"type": "string"},
                            "data": {"type": "string", "format": "byte"},
                        },
                    },
                },
            }
        },
        _WAV: {"schema": {"type": "string", "format": "binary"}},
    },
}


def _question(body: bytes, beside: Wishes) -> Question:
    """Return the question in a JSON body, with the wishes beside it that it does not tell itself.

    Raises RequestValidationError.
    """
    try:
        question = Question.model_validate_json(body)
    except ValidationError as error:
        raise _malformed(error, "body") from error
    untold = beside.model_fields_set - question.model_fields_set
    return question.model_copy(update={name: getattr(beside, name) for name in untold})


def _wishes(fields: Mapping[str, str]) -> Wishes:
    """Return the wishes beside a recording. Raises RequestValidationError."""
    try:
        return Wishes.model_validate(dict(fields))
    except ValidationError as error:
        raise _malformed(error, "field") from error


def _malformed(error: ValidationError, place: str) -> RequestValidationError:
    found = error.errors(include_url=False, include_input=False)
    return RequestValidationError([{**one, "loc": (place, *one["loc"])} for one in found])


def ask_routes(controls: Controls, answerer: SharedAnswerer, aside: Aside) -> APIRouter:
    """Return the route of programs that ask."""
    router = APIRouter(prefix="/v1", tags=["assistant"])
    desk = Desk(controls, answerer, aside)

    @router.post(
        "/ask",
        dependencies=[needs("ask", {**SHORT_JSON, **FORMS, **SOUND})],
        response_class=Response,
        responses={200: _REPLY},
        openapi_extra=_BODIES,
    )
    async def ask(request: Request) -> Response:
        """Answer a question by the answer policy; aloud, the answer comes with the events."""
        return await desk.ask(request)

    return router
