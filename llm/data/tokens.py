"""The tokenizer of a GGUF file, through llama.cpp, without its weights and without torch."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

from llm import GenerationError
from llm.gguf import read_gguf
from llm.llama_native import library
from llm.template import ChatTemplate


class GgufTokenizer:
    """Cuts text into the tokens that the model sees at run time."""

    def __init__(self, path: Path) -> None:
        """Load vocabulary and template. Raises GenerationError: damaged, or without a template."""
        self.template = ChatTemplate.from_gguf(read_gguf(path))
        self._api = library()
        parameters = self._api.llama_model_default_params()
        parameters.vocab_only = True
        self._model: Any = self._api.llama_model_load_from_file(os.fsencode(path), parameters)
        if not self._model:
            raise GenerationError(f"{path}: its tokenizer cannot be loaded")
        self._vocabulary: Any = self._api.llama_model_get_vocab(self._model)

    def tokenize(self, text: str) -> list[int]:
        """Return the tokens of a whole prompt; markers such as <|im_start|> become control tokens.

        Raises GenerationError: too long.
        """
        return self._cut(text, begins=True)

    def continue_text(self, text: str) -> list[int]:
        """Return the tokens of a text that stands after another. Raises GenerationError."""
        return self._cut(text, begins=False)

    def _cut(self, text: str, begins: bool) -> list[int]:
        content = text.encode("utf-8", errors="replace")
        room = len(content) + 2  # no token is shorter than a byte; begin and end may be added
        ids = (self._api.llama_token * room)()
        count = self._api.llama_tokenize(
            self._vocabulary, content, len(content), ids, room, begins, True
        )
        if count < 0:
            raise GenerationError("the text is too long to be cut into tokens")
        bos = self._api.llama_vocab_bos(self._vocabulary)
        # The rule of NativeModel.tokenize: a template may have written it already.
        twice = begins and self._api.llama_vocab_get_add_bos(self._vocabulary) and ids[1] == bos
        return list(ids[1 if twice else 0 : count])

    def piece(self, token: int) -> bytes:
        """Return the bytes of a token, of control tokens their marker."""
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            count = self._api.llama_token_to_piece(self._vocabulary, token, buffer, size, 0, True)
            if count >= 0:
                return buffer.raw[:count]
            size = -count

    def is_end(self, token: int) -> bool:
        """Return whether the model ends its answer with this token."""
        return bool(self._api.llama_vocab_is_eog(self._vocabulary, token))

    def close(self) -> None:
        """Free the native memory; closing twice does no harm."""
        if self._model:
            self._api.llama_model_free(self._model)
        self._model = None
