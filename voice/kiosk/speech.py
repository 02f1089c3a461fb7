"""OpenAI's interface to ears and voice: recordings into text, text into speech.

Form: https://platform.openai.com/docs/api-reference/audio. What a program has said is what that
program wrote; it goes back to it and never to the loudspeaker of this machine.
"""

from __future__ import annotations

import json
from contextlib import closing
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, Field

from llm.knowledge import LANGUAGES
from llm.language import detect_language
from voice.audio import Samples
from voice.kiosk import speech_formats as formats
from voice.kiosk.bodies import FORMS
from voice.kiosk.messages import Message
from voice.kiosk.rules import needs
from voice.kiosk.uploads import Pieces, Uploads, streamed, while_here
from voice.lending.aside import Aside, Cancelled, Said, Utterance

SPEECH_MODELS = ("hean-asr", "hean-tts")
"""What hears and what speaks; a program may name any other model, and gets these."""
LONGEST_TEXT = 4096
"""Characters, as in OpenAI's interface."""
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "WAV, FLAC, OGG or MP3; two minutes are heard",
                        },
                        "model": {"type": "string"},
                        "language": {
                            "type": "string",
                            "enum": list(LANGUAGES),
                            "description": "Found out anyway; any other is refused",
                        },
                        "response_format": {
                            "type": "string",
                            "enum": list(formats.TRANSCRIPT_FORMATS),
                            "default": "json",
                        },
                        "stream": {"type": "string", "enum": ["true", "false"]},
                    },
                }
            }
        },
    }
}
_TRANSCRIPT = {
    "description": "What was said",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["text"],
                "properties": {"text": {"type": "string"}},
            }
        },
        "text/plain": {"schema": {"type": "string"}},
        "text/event-stream": {},
    },
}
_SPEECH = {
    "description": "Speech, mono, 16 bit",
    "content": {
        kind: {"schema": {"type": "string", "format": "binary"}}
        for kind in formats.MEDIA_TYPES.values()
    },
}


class SpeechRequest(BaseModel):
    """A text to be spoken; everything else that the interface knows is ignored."""

    input: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
    model: str = SPEECH_MODELS[1]
    voice: str = ""
    """One that the refusal of a wrong one lists; empty or "default" = the assistant's own."""
    response_format: str = "wav"
    speed: Annotated[float, Field(ge=0.5, le=2.0, allow_inf_nan=False)] = 1.0
    stream_format: Literal["audio"] = "audio"


def speech_routes(aside: Aside) -> APIRouter:
    """Return the routes of programs that have recordings heard and texts spoken."""
    router = APIRouter(prefix="/v1/audio", tags=["OpenAI-compatible"])
    uploads = Uploads()

    @router.post(
        "/transcriptions",
        dependencies=[needs("ask", FORMS)],
        response_class=Response,
        responses={200: _TRANSCRIPT},
        openapi_extra=_FORM,
    )
    async def transcribe(request: Request) -> Response:
        """Return what is said in a recording, as the assistant would understand it."""
        recording = await uploads.take(request)
        wanted = _wanted(recording.fields)
        if recording.fields.get("stream") == "true":
            made = partial(_events, aside, recording.audio)
            return await streamed(request, made, "text/event-stream")
        utterances = await while_here(
            request, lambda cancelled: list(aside.transcribe(recording.audio, cancelled))
        )
        return _transcript(wanted, utterances, recording.length_s)

    @router.post(
        "/speech",
        dependencies=[needs("ask")],
        response_class=Response,
        responses={200: _SPEECH},
    )
    async def speak(request: Request, wanted: SpeechRequest) -> Response:
        """Speak a text to the program that wrote it: as WAV or PCM while it is made, or as FLAC."""
        _check(wanted, aside.voices)
        voice = "" if wanted.voice == "default" else wanted.voice
        said = Said((wanted.input,), detect_language(wanted.input), voice, wanted.speed)
        name = wanted.response_format
        if name == "flac":
            file = await while_here(request, partial(_flac, aside, said))
            return Response(file, media_type=formats.MEDIA_TYPES[name])
        made = partial(_stream, aside, said, name)
        return await streamed(request, made, formats.MEDIA_TYPES[name])

    return router


def _wanted(fields: dict[str, str]) -> str:
    """Return the format of a transcript. Raises HTTPException."""
    wanted = fields.get("response_format", "json")
    if wanted not in formats.TRANSCRIPT_FORMATS:
        names = ", ".join(formats.TRANSCRIPT_FORMATS)
        raise HTTPException(400, f"response_format must be one of {names}")
    if fields.get("language", "") not in ("", *LANGUAGES):
        raise HTTPException(400, "language must be zh or en: nothing else is understood")
    if fields.get("timestamp_granularities[]", "segment") != "segment":
        raise HTTPException(400, "timestamp_granularities must be segment: words have no times")
    return wanted


def _transcript(wanted: str, utterances: list[Utterance], length_s: float) -> Response:
    if wanted == "json":
        return JSONResponse({"text": formats.whole_text(utterances)})
    if wanted == "verbose_json":
        return JSONResponse(formats.verbose(utterances, length_s))
    texts = {"text": formats.whole_text, "srt": formats.srt, "vtt": formats.vtt}
    return PlainTextResponse(texts[wanted](utterances))


def _events(aside: Aside, audio: Samples, cancelled: Cancelled) -> Pieces:
    """Yield a transcript as events, one for each utterance, then the whole."""
    said: list[Utterance] = []
    text = ""
    with closing(aside.transcribe(audio, cancelled)) as utterances:
        for utterance in utterances:
            said.append(utterance)
            before, text = text, formats.whole_text(said)
            yield _event({"type": "transcript.text.delta", "delta": text[len(before) :]})
    yield _event({"type": "transcript.text.done", "text": text})


def _event(message: Message) -> bytes:
    return f"data: {json.dumps(message, ensure_ascii=False)}\n\n".encode()


def _check(wanted: SpeechRequest, voices: tuple[str, ...]) -> None:
    """Raise HTTPException for a format or a voice that there is not."""
    if wanted.response_format not in formats.MEDIA_TYPES:
        names = ", ".join(formats.MEDIA_TYPES)
        raise HTTPException(400, f"response_format must be one of {names}")
    if wanted.voice not in ("", "default", *voices):
        raise HTTPException(400, f"voice must be default or one of {', '.join(voices)}")


def _flac(aside: Aside, said: Said, cancelled: Cancelled) -> bytes:
    return formats.sound_file(list(aside.speak(said, cancelled)), aside.rate_hz, "flac")


def _stream(aside: Aside, said: Said, name: str, cancelled: Cancelled) -> Pieces:
    head = formats.wav_header(aside.rate_hz) if name == "wav" else b""
    with closing(aside.speak(said, cancelled)) as pieces:
        for samples in pieces:
            yield head + formats.pcm(samples)
            head = b""
