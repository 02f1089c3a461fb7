"""A model behind an OpenAI-compatible server: llama-server, Ollama, vLLM, llama-cpp-python.

Only the standard library, only the local network, one connection for each answer.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from llm import GenerationError, GenerationStats, LlmConfig, Message, Sampling
from llm.http_stream import Cancelled, Patience, Server, open_connection

_DEFAULT_SAMPLING = Sampling()
_LONGEST_MESSAGE = 200
_UNKNOWN_FORM = "the language model server sends events of no known form"
_OUTCOMES = {"stop": "end", "length": "length"}


def _never() -> bool:
    return False


class OpenAiModel:
    """Answers through the server of `config.server_url`."""

    def __init__(self, config: LlmConfig) -> None:
        """Ask the server for its models. Raises GenerationError: not reachable, or none there."""
        self._server = Server.from_url(config.server_url)
        self._silence_s = config.timeout_s
        self.stats = GenerationStats()
        self.name = config.server_model or self._first_model()

    def generate(
        self,
        messages: list[Message],
        sampling: Sampling = _DEFAULT_SAMPLING,
        cancelled: Callable[[], bool] = _never,
    ) -> Iterator[str]:
        """Yield the answer as the server sends it; `cancelled` closes the connection.

        Raises GenerationError: no text, server not reachable, its error, a broken answer.
        """
        began_s = time.monotonic()
        tally = _Tally()
        try:
            with self._request(
                "POST", "/chat/completions", cancelled, self._body(messages, sampling)
            ) as response:
                for event in _events(response):
                    if text := tally.take(event, time.monotonic() - began_s):
                        yield text
                        if cancelled():
                            raise Cancelled
            tally.check_complete()
        except Cancelled:
            tally.outcome = "cancelled"
        finally:
            self.stats = tally.stats(time.monotonic() - began_s)

    def prefill(self, messages: list[Message], cancelled: Callable[[], bool] = _never) -> None:
        """Let the server evaluate the beginning of a prompt; servers keep what they evaluated.

        Raises GenerationError.
        """
        for _ in self.generate(messages, Sampling(max_tokens=1), cancelled):
            pass

    def close(self) -> None:
        """Do nothing: no connection outlives its answer."""

    def _body(self, messages: list[Message], sampling: Sampling) -> dict[str, Any]:
        if not messages or not messages[-1].content.strip():
            raise GenerationError("there is no text to answer: the conversation is empty")
        return {
            "model": self.name,
            "messages": [{"role": m.role, "content": m.content} for m in messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
            # No part of OpenAI's interface; the servers named above know these two or skip them.
            "top_k": sampling.top_k,
            "repeat_penalty": sampling.repeat_penalty,
            **({"stop": list(sampling.stop)} if sampling.stop else {}),
        }

    def _first_model(self) -> str:
        with self._request("GET", "/models", _never) as response:
            content = response.read()
        try:
            return str(json.loads(content)["data"][0]["id"])
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise GenerationError(
                f"the language model server {self._server} lists no models; "
                "set llm.server_model to the name of one"
            ) from error

    @contextmanager
    def _request(
        self,
        method: str,
        path: str,
        cancelled: Callable[[], bool],
        body: dict[str, Any] | None = None,
    ) -> Iterator[http.client.HTTPResponse]:
        patience = Patience(cancelled, self._silence_s)
        try:
            with closing(open_connection(self._server, patience)) as connection:
                connection.request(
                    method,
                    self._server.path + path,
                    json.dumps(body).encode() if body else None,
                    {"Content-Type": "application/json", "Accept": "text/event-stream"},
                )
                with connection.getresponse() as response:
                    if response.status != http.HTTPStatus.OK:
                        raise GenerationError(_refusal(self._server, path, response))
                    yield response
        except (OSError, http.client.HTTPException) as error:
            raise GenerationError(
                f"the connection to the language model server {self._server} broke: "
                f"{_one_line(error or type(error).__name__)}"
            ) from error


class _Tally:
    """Adds up what the events of one answer say."""

    def __init__(self) -> None:
        self.outcome = ""
        self._finished = False
        self._pieces = 0
        self._first_s = 0.0
        self._usage: dict[str, Any] = {}

    def take(self, event: dict[str, Any], at_s: float) -> str:
        """Return the text of one event. Raises GenerationError: an error or nonsense."""
        if "error" in event:
            raise GenerationError(f"the language model server reports: {_one_line(event['error'])}")
        try:
            self._usage = event.get("usage") or self._usage
            if not event["choices"]:  # the last event may carry the usage alone
                return ""
            choice = event["choices"][0]
            text = choice["delta"].get("content") or ""
            reason = choice.get("finish_reason")
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise GenerationError(_UNKNOWN_FORM) from error
        if reason:
            self._finished, self.outcome = True, _OUTCOMES.get(reason, str(reason))
        if text:
            self._pieces += 1
            self._first_s = self._first_s or at_s
        return str(text)

    def check_complete(self) -> None:
        """Raises GenerationError: the stream ended before the answer did."""
        if self._finished:
            return
        if self._pieces:
            raise GenerationError("the language model server stopped in the middle of its answer")
        raise GenerationError(
            "the language model server ended the connection instead of answering; "
            "the prompt may be too long for its context"
        )

    def stats(self, total_s: float) -> GenerationStats:
        """Return the figures; without usage from the server, pieces stand for tokens."""
        prompt = _count(self._usage, "prompt_tokens")
        return GenerationStats(
            prompt,
            prompt - _count(self._usage.get("prompt_tokens_details"), "cached_tokens"),
            _count(self._usage, "completion_tokens") or self._pieces,
            self._first_s,
            total_s,
            self.outcome,
        )


def _events(response: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a stream of server-sent events.

    Raises GenerationError: an event is not JSON.
    """
    for line in response:
        field, _, value = line.decode("utf-8", errors="replace").strip().partition(":")
        if field != "data":  # empty lines, comments that keep the connection open, event names
            continue
        if value.strip() == "[DONE]":
            return
        try:
            event = json.loads(value)
        except ValueError as error:
            raise GenerationError(
                f"the language model server sends what is not JSON: {value[:60]!r}"
            ) from error
        if not isinstance(event, dict):
            raise GenerationError(_UNKNOWN_FORM)
        yield event


def _refusal(server: Server, path: str, response: http.client.HTTPResponse) -> str:
    content = response.read(64_000).decode("utf-8", errors="replace")
    try:
        said = _one_line(json.loads(content).get("error", content))
    except (ValueError, AttributeError):
        said = _one_line(content)
    if response.status == http.HTTPStatus.NOT_FOUND:
        return (
            f"{server}{path} is not there (404): llm.server_url must end where /chat/completions "
            "begins, mostly in /v1, and llm.server_model must be one of its models. "
            f"It says: {said}"
        )
    return f"the language model server {server} answers {response.status}: {said}"


def _count(table: object, key: str) -> int:
    value = table.get(key) if isinstance(table, dict) else None
    return value if isinstance(value, int) else 0


def _one_line(error: Any) -> str:
    text = error.get("message", error) if isinstance(error, dict) else error
    return " ".join(str(text).split())[:_LONGEST_MESSAGE] or "nothing"
