"""What a manifest says of a model: told from its header, on both sides of a flash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from llm import GenerationError
from llm.compose import prompt
from llm.flash import FlashError
from llm.gguf import read_gguf
from llm.knowledge import LANGUAGES

_TOKENIZER = (
    "tokenizer.ggml.model",
    "tokenizer.ggml.pre",
    "tokenizer.ggml.tokens",
    "tokenizer.ggml.token_type",
)


@dataclass(frozen=True)
class Traits:
    """Architecture, and the hashes of what decides how text is cut and framed."""

    architecture: str
    tokenizer_sha256: str
    template_sha256: str


def traits_of(model: Path) -> Traits:
    """Read the traits of a GGUF model. Raises FlashError."""
    try:
        gguf = read_gguf(model)
    except GenerationError as error:
        raise FlashError("format", str(error), "make the bundle of a GGUF model") from error
    words = json.dumps([gguf.metadata.get(key) for key in _TOKENIZER], ensure_ascii=False)
    template = str(gguf.metadata.get("tokenizer.chat_template", ""))
    return Traits(gguf.architecture, _sha256(words), _sha256(template))


def prompts_sha256() -> str:
    """Return the hash of the fixed prompts of this software."""
    framed = [
        [message.content for message in prompt("{question}", "{passage}", language)]
        for language in LANGUAGES
    ]
    return _sha256(json.dumps(framed, ensure_ascii=False))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
