"""The part of OpenAI's interface that chat programs use, in front of the answer policy.

Form: https://platform.openai.com/docs/api-reference/chat. Whatever a program sends as system
message, temperature or tools: the answer is the one a person would hear.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from llm.answer import Answer
from voice.kiosk.messages import Message, answer_of
from voice.kiosk.rules import needs
from voice.kiosk.speech import SPEECH_MODELS
from voice.lending.shared_answerer import SharedAnswerer
from voice.tts.sentences import split_sentences

MODEL = "hean"
_MOST_MESSAGES = 200


class Part(BaseModel):
    """A piece of a message that has several."""

    type: str
    text: str = ""


class ChatMessage(BaseModel):
    """One message of a conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """Return the text of the message."""
        if isinstance(self.content, list):
            return " ".join(part.text for part in self.content if part.type == "text")
        return self.content or ""


class ChatRequest(BaseModel):
    """A conversation to go on; everything else that the interface knows is ignored."""

    model: str = MODEL
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=_MOST_MESSAGES)]
    stream: bool = False


def chat_routes(answerer: SharedAnswerer) -> APIRouter:
    """Return the routes of chat programs."""
    router = APIRouter(prefix="/v1", tags=["OpenAI-compatible"])

    @router.get("/models", dependencies=[needs("ask")])
    def models() -> Message:
        """List what there is: the assistant, what hears for it and what speaks for it."""
        described = {"object": "model", "created": 0, "owned_by": "hean"}
        return {
            "object": "list",
            "data": [{"id": name, **described} for name in (MODEL, *SPEECH_MODELS)],
        }

    @router.post(
        "/chat/completions",
        dependencies=[needs("ask")],
        response_model=None,
        responses={200: {"content": {"text/event-stream": {}}}},
    )
    def complete(request: ChatRequest) -> Message | StreamingResponse:
        """Answer the last message of the user by the answer policy."""
        asked = [message.text for message in request.messages if message.role == "user"]
        if not asked or not asked[-1].strip():
            raise HTTPException(400, "there is no message of the user with a text in it")
        answer = answerer.answer_aside(asked[-1])
        if answer is None:
            raise HTTPException(503, "a spoken question comes first", {"Retry-After": "3"})
        head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": MODEL}
        if request.stream:
            return StreamingResponse(_stream(head, answer), media_type="text/event-stream")
        return _whole(head, answer)

    return router


def _whole(head: Message, answer: Answer) -> Message:
    message = {"role": "assistant", "content": answer.text}
    return {
        **head,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        # Tokens are not counted: most answers are read, not generated.
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        "hean": answer_of(answer),
    }


def _stream(head: Message, answer: Answer) -> Iterator[str]:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    # With what lies between them the sentences are the text again.
    place = 0
    for sentence in split_sentences(answer.text):
        end = answer.text.index(sentence, place) + len(sentence)
        deltas.append({"content": answer.text[place:end]})
        place = end
    for delta in [*deltas, {}]:
        choice = {"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}
        chunk = {**head, "object": "chat.completion.chunk", "choices": [choice]}
        yield f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
    yield "data: [DONE]\n\n"
