"""The tokenizer of a GGUF file, through llama.cpp, without its weights and without torch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from llm import GenerationError
from llm.gguf import read_gguf
from llm.llama_native import library
from llm.llama_tokens import cut, piece
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
        return cut(self._api, self._vocabulary, text)

    def continue_text(self, text: str) -> list[int]:
        """Return the tokens of a text that stands after another. Raises GenerationError."""
        return cut(self._api, self._vocabulary, text, begins=False)

    def piece(self, token: int) -> bytes:
        """Return the bytes of a token, of control tokens their marker."""
        return piece(self._api, self._vocabulary, token, markers=True)

    def is_end(self, token: int) -> bool:
        """Return whether the model ends its answer with this token."""
        return bool(self._api.llama_vocab_is_eog(self._vocabulary, token))

    def close(self) -> None:
        """Free the native memory; closing twice does no harm."""
        if self._model:
            self._api.llama_model_free(self._model)
        self._model = None
