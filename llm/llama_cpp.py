"""A GGUF model in this process, through llama.cpp."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from llm import Files, GenerationError, GenerationStats, LlmConfig, Message, Sampling
from llm.fingerprint import BASE_FINGERPRINT, fingerprint
from llm.gguf import Gguf, read_gguf
from llm.llama_native import BATCH_TOKENS, NativeModel, NativeSettings
from llm.pieces import PieceAssembler
from llm.rehearsal import rehearse
from llm.template import ChatTemplate

_DEFAULT_SAMPLING = Sampling()
_SCORED_TOKENS = 32
"""Tokens scored at once: each takes the memory of one score for every word of the vocabulary."""


def _never() -> bool:
    return False


class LlamaCppModel:
    """Answers with a GGUF model; keeps what it has evaluated for the next prompt.

    Prompts that begin alike cost only their difference. So put what stays (instructions) first,
    what changes (passages, question) last, and call `prefill` with the beginning as soon as it is
    known.
    """

    def __init__(self, files: Files, config: LlmConfig, cache: Path | None = None) -> None:
        """Load `files["model"]` and, if given, the adapter of the configuration or of the files.

        With a `cache` folder the first load is tried in a child process, see `llm.rehearsal`.
        Raises GenerationError.
        """
        path = files["model"]
        adapter = Path(config.adapter).expanduser() if config.adapter else files.get("adapter")
        gguf = read_gguf(path)
        if gguf.is_adapter:
            raise GenerationError(
                f"{path} is a LoRA adapter and not a model: set it as llm.adapter"
            )
        if adapter:
            check_adapter(read_gguf(adapter), gguf)
        self.name = path.stem
        self.template = ChatTemplate.from_gguf(gguf)
        self.context_tokens = min(config.context_tokens, _trained_context(gguf))
        self.stats = GenerationStats()
        self._evaluated: list[int] = []
        self._busy = False
        if cache:
            rehearse(path, adapter, cache)
        self._native: NativeModel | None = NativeModel(
            path, NativeSettings(config.threads, self.context_tokens, adapter)
        )

    def count_tokens(self, messages: list[Message]) -> int:
        """Return the length of a prompt, so that a caller can leave out passages that do not fit.

        Raises GenerationError: no text to answer.
        """
        return len(self._tokens(messages, answer_next=True))

    def prefill(self, messages: list[Message], cancelled: Callable[[], bool] = _never) -> None:
        """Evaluate the beginning of a prompt ahead of time, so that it is quick later.

        A later prompt gains as far as its tokens are the same. Raises GenerationError.
        """
        with self._exclusive():
            tokens = self._tokens(messages, answer_next=False)
            self._check_room(tokens, 0)
            self._evaluate_prompt(tokens, cancelled)

    def generate(
        self,
        messages: list[Message],
        sampling: Sampling = _DEFAULT_SAMPLING,
        cancelled: Callable[[], bool] = _never,
    ) -> Iterator[str]:
        """Yield the answer in pieces of whole characters.

        `cancelled` is asked before each token and before each BATCH_TOKENS tokens of the prompt.
        Raises GenerationError: no text, too long for the context, native failure.
        """
        with self._exclusive():
            progress = _Progress()
            try:
                tokens = self._tokens(messages, answer_next=True)
                self._check_room(tokens, sampling.max_tokens)
                progress.prompt_tokens = len(tokens)
                progress.evaluated_tokens = self._evaluate_prompt(tokens, cancelled)
                if self._evaluated == tokens:
                    yield from self._answer(sampling, cancelled, progress)
            finally:
                self.stats = progress.stats()

    def score(self, messages: list[Message]) -> list[float]:
        """Return the natural log of the probability of each token of the last message, its end
        included, given the messages before it.

        Costs the tokens of the answer alone where `generate` was just asked the same question.
        Raises GenerationError: no text, too long for the context, native failure.
        """
        with self._exclusive():
            prompt = self._tokens(messages[:-1], answer_next=True)
            whole = self._tokens(messages, answer_next=False)
            begin = _common_length(prompt, whole)
            ends = (n for n in range(begin, len(whole)) if self._loaded.is_end(whole[n]))
            whole = whole[: next(ends, len(whole) - 1) + 1]
            return self._log_probabilities(whole, begin)

    def score_text(self, text: str) -> list[float]:
        """Return the natural log of the probability of each token of a text, but for its first.

        Raises GenerationError: too long for the context, native failure.
        """
        with self._exclusive():
            return self._log_probabilities(self._loaded.tokenize(text), 1)

    def _log_probabilities(self, tokens: list[int], begin: int) -> list[float]:
        """Return the log probabilities of the tokens from `begin` on, each given those before."""
        self._check_room(tokens, 0)
        self._evaluate_prompt(tokens[: begin - 1], _never)
        found: list[float] = []
        for start in range(begin - 1, len(tokens) - 1, _SCORED_TOKENS):
            part = tokens[start : start + _SCORED_TOKENS]
            following = tokens[start + 1 : start + 1 + len(part)]
            self._evaluate(part, every=True)
            rows = self._loaded.logits(len(part)).astype(np.float64)
            rows -= rows.max(axis=1, keepdims=True)
            rows -= np.log(np.exp(rows).sum(axis=1, keepdims=True))
            found += [float(row[token]) for row, token in zip(rows, following, strict=False)]
        return found

    def close(self) -> None:
        """Free the native memory; closing twice does no harm."""
        if self._native:
            self._native.close()
        self._native = None
        self._evaluated = []

    def _answer(
        self, sampling: Sampling, cancelled: Callable[[], bool], progress: _Progress
    ) -> Iterator[str]:
        pieces = PieceAssembler(sampling.stop)
        token = -1
        with self._loaded.chooser(sampling) as chooser:
            progress.outcome = "length"
            while progress.generated_tokens < sampling.max_tokens:
                if cancelled():
                    progress.outcome = "cancelled"
                    return
                if progress.generated_tokens:
                    self._evaluate([token])
                native = self._loaded  # may have been closed since the last piece
                token = chooser.next()
                progress.count_token()
                if native.is_end(token):
                    progress.outcome = "end"
                    break
                if text := pieces.add(native.piece(token)):
                    yield text
                if pieces.stopped:
                    progress.outcome = "stop"
                    break
        if rest := pieces.finish():
            yield rest

    def _evaluate_prompt(self, tokens: list[int], cancelled: Callable[[], bool]) -> int:
        """Evaluate what is not known yet; return how many tokens that were.

        Cancelled, it returns early, and the tokens so far stay known.
        """
        known = _common_length(self._evaluated, tokens)
        # The last token is evaluated anew in any case: the next one is chosen from its result.
        known = max(0, min(known, len(tokens) - 1))
        if not self._loaded.forget_from(known):
            known = 0
        del self._evaluated[known:]
        for start in range(known, len(tokens), BATCH_TOKENS):
            if cancelled():
                break
            self._evaluate(tokens[start : start + BATCH_TOKENS])
        return len(self._evaluated) - known

    def _evaluate(self, tokens: list[int], every: bool = False) -> None:
        try:
            self._loaded.evaluate(tokens, len(self._evaluated), every)
        except GenerationError:
            # What the native memory holds after a failure is not known: begin anew.
            self._loaded.forget_from(0)
            self._evaluated = []
            raise
        self._evaluated += tokens

    def _tokens(self, messages: list[Message], answer_next: bool) -> list[int]:
        return self.template.tokens(messages, self._loaded.tokenize, answer_next)

    def _check_room(self, tokens: list[int], answer_tokens: int) -> None:
        if len(tokens) + answer_tokens > self.context_tokens:
            raise GenerationError(
                f"the prompt has {len(tokens)} tokens and the answer may have {answer_tokens}, "
                f"the context holds {self.context_tokens}: give fewer or shorter passages, "
                "or raise llm.context_tokens"
            )

    @property
    def _loaded(self) -> NativeModel:
        if self._native is None:
            raise GenerationError(f"the language model {self.name} was closed")
        return self._native

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Refuse a second caller: two at once would overwrite each other's native memory."""
        if self._busy:
            raise GenerationError(f"the language model {self.name} is busy with another answer")
        self._busy = True
        try:
            yield
        finally:
            self._busy = False


class _Progress:
    """Counts one generation while it runs."""

    def __init__(self) -> None:
        self.prompt_tokens = self.evaluated_tokens = self.generated_tokens = 0
        self.outcome = "cancelled"  # also of a generation that its caller abandons
        self._began_s = time.monotonic()
        self._first_token_s = 0.0

    def count_token(self) -> None:
        self.generated_tokens += 1
        if self.generated_tokens == 1:
            self._first_token_s = time.monotonic() - self._began_s

    def stats(self) -> GenerationStats:
        return GenerationStats(
            self.prompt_tokens,
            self.evaluated_tokens,
            self.generated_tokens,
            self._first_token_s,
            time.monotonic() - self._began_s,
            self.outcome,
        )


def _common_length(known: list[int], tokens: list[int]) -> int:
    for position, (a, b) in enumerate(zip(known, tokens, strict=False)):
        if a != b:
            return position
    return min(len(known), len(tokens))


def _trained_context(gguf: Gguf) -> int:
    return int(gguf.metadata.get(f"{gguf.architecture}.context_length", 1 << 30))


def check_adapter(adapter: Gguf, model: Gguf) -> None:
    """Check what llama.cpp says only in its log, or not at all. Raises GenerationError."""
    if not adapter.is_adapter:
        raise GenerationError(f"{adapter.path} is not a LoRA adapter in GGUF format")
    if adapter.architecture != model.architecture:
        raise GenerationError(
            f"the adapter {adapter.path} is for a {adapter.architecture} model, "
            f"{model.path.name} is a {model.architecture} model"
        )
    wanted = adapter.metadata.get(BASE_FINGERPRINT)
    if wanted and wanted != fingerprint(model.path):
        raise GenerationError(
            f"the adapter {adapter.path} was made for another base than {model.path.name}: "
            "set llm.model to the model it was trained on"
        )
