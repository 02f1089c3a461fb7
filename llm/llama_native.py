"""The few calls of llama.cpp that an answer needs: load, tokenise, evaluate, choose a token.

The functions of `llama.h` are used directly and not llama-cpp-python's `Llama` class. That class
redirects the standard output of the whole process while it loads, switches memory mapping off when
an adapter is used, and evaluates a prompt in one call that cannot be cancelled.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm import GenerationError, Sampling
from llm.llama_tokens import cut, piece
from llm.mapping import release_mapping

BATCH_TOKENS = 128
"""Tokens evaluated in one native call: the bound on how long a cancelled prompt goes on."""
PENALTY_TOKENS = 64
"""How many generated tokens back a repetition counts."""

_log = logging.getLogger(__name__)
_errors: deque[str] = deque(maxlen=3)
_ERROR_LEVEL = 4
_LONGEST_SEED = 0xFFFF_FFFF  # means "choose a random seed" to llama.cpp


@functools.cache
def library() -> Any:
    """Return the binding of llama.cpp, loaded once.

    Raises GenerationError: not installed, or its shared library does not load.
    """
    # Waiting OpenMP threads spin by default. Where recognition, speech and language model share
    # two cores, a spinning thread takes the core from the one that it waits for: measured, two
    # threads were four times slower than one. libgomp reads the variable when it is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        from llama_cpp import llama_cpp as api
    except (ImportError, RuntimeError, OSError) as error:
        raise GenerationError(f"llama-cpp-python cannot be loaded: {error}") from error
    api.llama_log_set(_keep_log(api), None)
    api.llama_backend_init()
    return api


@functools.cache
def _keep_log(api: Any) -> Any:
    """Return the callback that takes llama.cpp's log off the standard error.

    Cached, because the callback must live as long as the library.
    """

    def log(level: int, text: bytes, _data: int | None) -> None:
        line = text.decode("utf-8", errors="replace").strip()
        if level == _ERROR_LEVEL and line:
            _errors.append(line)
        _log.debug("%s", line)

    return api.llama_log_callback(log)


@dataclass(frozen=True)
class NativeSettings:
    """How a model is loaded."""

    threads: int
    context_tokens: int
    adapter: Path | None = None
    """LoRA adapter laid over the weights at run time."""


class NativeModel:
    """One loaded model with the state of one conversation. Not safe for several threads."""

    def __init__(self, path: Path, settings: NativeSettings) -> None:
        self._api = library()
        self._model: Any = None
        self._context: Any = None
        self._batch: Any = None
        _errors.clear()
        try:
            self._load(path, settings)
        except GenerationError:
            self.close()
            raise

    def _load(self, path: Path, settings: NativeSettings) -> None:
        api = self._api
        parameters = api.llama_model_default_params()
        parameters.load_mode = api.LLAMA_LOAD_MODE_MMAP
        parameters.n_gpu_layers = 0
        self._model = api.llama_model_load_from_file(os.fsencode(path), parameters)
        if not self._model:
            raise GenerationError(f"{path} cannot be loaded: {last_errors()}")
        release_mapping(path)
        self._vocabulary: Any = api.llama_model_get_vocab(self._model)
        self._context = api.llama_init_from_model(self._model, self._context_parameters(settings))
        if not self._context:
            raise GenerationError(f"{path} cannot be prepared for answering: {last_errors()}")
        self._memory: Any = api.llama_get_memory(self._context)
        self._batch = api.llama_batch_init(BATCH_TOKENS, 0, 1)
        if settings.adapter:
            self._lay_over(settings.adapter)

    def _context_parameters(self, settings: NativeSettings) -> Any:
        parameters = self._api.llama_context_default_params()
        parameters.n_ctx = settings.context_tokens
        parameters.n_batch = parameters.n_ubatch = BATCH_TOKENS
        parameters.n_threads = parameters.n_threads_batch = settings.threads
        parameters.flash_attn_type = self._api.LLAMA_FLASH_ATTN_TYPE_AUTO
        return parameters

    def _lay_over(self, adapter: Path) -> None:
        api = self._api
        handle = api.llama_adapter_lora_init(self._model, os.fsencode(adapter))
        if not handle:
            raise GenerationError(f"the adapter {adapter} does not fit the model: {last_errors()}")
        # The adapter is freed together with its model.
        handles, scales = (api.llama_adapter_lora_p_ctypes * 1)(handle), (ctypes.c_float * 1)(1.0)
        if api.llama_set_adapters_lora(self._context, handles, 1, scales) != 0:
            raise GenerationError(f"the adapter {adapter} cannot be used: {last_errors()}")

    def tokenize(self, text: str) -> list[int]:
        """Return the token ids of a text; markers such as <|im_start|> become control tokens."""
        return cut(self._api, self._vocabulary, text)

    def piece(self, token: int) -> bytes:
        """Return the bytes a token stands for; they may be a part of a character."""
        return piece(self._api, self._vocabulary, token, markers=False)

    def is_end(self, token: int) -> bool:
        """Return whether the model ends its answer with this token."""
        return bool(self._api.llama_vocab_is_eog(self._vocabulary, token))

    def forget_from(self, position: int) -> bool:
        """Drop evaluated tokens from `position` on; False = not possible, all were dropped."""
        if self._api.llama_memory_seq_rm(self._memory, 0, position, -1):
            return True
        # Recurrent memory holds one state and no history to cut.
        self._api.llama_memory_clear(self._memory, True)
        return position == 0

    def evaluate(self, tokens: Sequence[int], position: int, every: bool = False) -> None:
        """Evaluate at most BATCH_TOKENS tokens that follow `position` earlier ones.

        `every` keeps the logits of all of them, not of the last alone. Raises GenerationError.
        """
        batch = self._batch
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i] = token
            batch.pos[i] = position + i
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = 0
            batch.logits[i] = every or i == len(tokens) - 1
        _errors.clear()
        if code := self._api.llama_decode(self._context, batch):
            raise GenerationError(f"the language model failed with code {code}: {last_errors()}")

    def logits(self, count: int = 0) -> NDArray[np.float32]:
        """Return the scores of what follows each of the `count` tokens evaluated last with `every`,
        or of what follows the last token.

        Shape (max(1, count), words of the vocabulary).
        """
        words = self._api.llama_vocab_n_tokens(self._vocabulary)
        which = range(count) if count else [-1]
        rows = (self._api.llama_get_logits_ith(self._context, i) for i in which)
        return np.stack([np.ctypeslib.as_array(row, (words,)) for row in rows])  # a copy

    @contextmanager
    def chooser(self, sampling: Sampling) -> Iterator[TokenChooser]:
        """Open what chooses tokens for one answer."""
        chooser = TokenChooser(self._api, self._context, self._chain(sampling))
        try:
            yield chooser
        finally:
            chooser.close()

    def _chain(self, sampling: Sampling) -> Any:
        api = self._api
        chain = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
        steps = []
        if sampling.repeat_penalty != 1.0:
            # Counts generated tokens only: words of the passages should be repeated.
            words = api.llama_vocab_n_tokens(self._vocabulary)
            steps.append(
                api.llama_sampler_init_penalties(
                    words, PENALTY_TOKENS, sampling.repeat_penalty, 0.0, 0.0
                )
            )
        if sampling.temperature <= 0:
            steps.append(api.llama_sampler_init_greedy())
        else:
            steps += [
                api.llama_sampler_init_top_k(sampling.top_k),
                api.llama_sampler_init_top_p(sampling.top_p, 1),
                api.llama_sampler_init_temp(sampling.temperature),
                api.llama_sampler_init_dist(sampling.seed % _LONGEST_SEED),
            ]
        for step in steps:
            api.llama_sampler_chain_add(chain, step)
        return chain

    def close(self) -> None:
        """Free the native memory; closing twice does no harm."""
        api = self._api
        if self._batch is not None:
            api.llama_batch_free(self._batch)
        if self._context:
            api.llama_free(self._context)
        if self._model:
            api.llama_model_free(self._model)
        self._model = self._context = self._batch = None


class TokenChooser:
    """Chooses the next token from the last evaluation."""

    def __init__(self, api: Any, context: Any, chain: Any) -> None:
        self._api, self._context, self._chain = api, context, chain

    def next(self) -> int:
        """Return the next token and remember it for the repeat penalty."""
        return int(self._api.llama_sampler_sample(self._chain, self._context, -1))

    def close(self) -> None:
        """Free the native memory."""
        self._api.llama_sampler_free(self._chain)


def last_errors() -> str:
    """Return what llama.cpp said last when something failed."""
    return "; ".join(_errors) or "llama.cpp gives no reason"
