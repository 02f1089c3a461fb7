"""Text to tokens and back, through llama.cpp: the same for training data and at run time.

`api` is the native library, `vocabulary` the pointer that it has to the one of a loaded model.
"""

from __future__ import annotations

import ctypes
from typing import Any

from llm import GenerationError


def cut(api: Any, vocabulary: Any, text: str, begins: bool = True) -> list[int]:
    """Return the token ids of a text; markers such as <|im_start|> become control tokens.

    `begins` is false for a text that stands after another. Raises GenerationError: too long.
    """
    content = text.encode("utf-8", errors="replace")
    room = len(content) + 2  # no token is shorter than a byte; begin and end may be added
    tokens = (api.llama_token * room)()
    count = api.llama_tokenize(vocabulary, content, len(content), tokens, room, begins, True)
    if count < 0:
        raise GenerationError("the text is too long to be cut into tokens")
    ids = list(tokens[:count])
    bos = api.llama_vocab_bos(vocabulary)
    # llama.cpp puts one in front even where the template has written it, as Gemma's does.
    twice = begins and api.llama_vocab_get_add_bos(vocabulary) and ids[:2] == [bos, bos]
    return ids[1:] if twice else ids


def piece(api: Any, vocabulary: Any, token: int, markers: bool) -> bytes:
    """Return the bytes a token stands for, perhaps a part of a character; with `markers`, also
    those of a control token."""
    size = 64
    while True:
        buffer = ctypes.create_string_buffer(size)
        count = api.llama_token_to_piece(vocabulary, token, buffer, size, 0, markers)
        if count >= 0:
            return buffer.raw[:count]
        size = -count
