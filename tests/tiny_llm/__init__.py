"""Language models of 200 kB, made in a blink: the real library loads and runs them.

`write_scripted_model` makes one that answers every question with the same text, cut into tokens
where the test wants. Its next token depends on the last token alone: the embedding of a token is a
random direction, and the output row of its successor points the same way.
`write_random_model` makes one whose every token depends on the whole prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gguf
import numpy as np

EMBEDDING, FEED_FORWARD, HEADS, BLOCKS = 64, 96, 4, 2
CONTEXT_TOKENS = 4096
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
START, END = "<|im_start|>", "<|im_end|>"
ANSWER = (
    "Go in",
    "side",
    ". ",
    "进入室".encode()[:4],
    "进入室".encode()[4:],
    "内。",
    " STO",
    "P now",
)
"""The script of tests that need none of their own; no character begins and ends in one token."""

Piece = str | bytes
LETTERS = ord("~") - ord("!") + 1
"""Printable ASCII characters; they come first in the vocabulary."""


def _letters() -> dict[int, str]:
    """Return the printable letter that byte-level vocabularies write for each byte."""
    own = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in own]
    return {b: chr(b) for b in own} | {b: chr(256 + n) for n, b in enumerate(others)}


def _spell(piece: Piece) -> str:
    letters = _letters()
    return "".join(letters[b] for b in (piece.encode() if isinstance(piece, str) else piece))


def _vocabulary(pieces: Sequence[Piece]) -> list[str]:
    # A file needs one merge at least; the word "th" is its result.
    return [*_letters().values(), "th", *map(_spell, pieces), START, END]


def _embedding(vocabulary: list[str]) -> np.ndarray:
    directions = np.random.default_rng(7).standard_normal((len(vocabulary), EMBEDDING))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return directions.astype(np.float32)


def write_scripted_model(
    path: Path, pieces: Sequence[Piece] = ANSWER, template: str = CHATML
) -> Path:
    """Write a model that answers with `pieces`, each one token (each may occur once)."""
    vocabulary = _vocabulary(pieces)
    embedding = _embedding(vocabulary)
    output = np.zeros_like(embedding)
    chain = [_spell("\n"), *map(_spell, pieces), END]  # prompts end in "assistant\n"
    for before, after in zip(chain, chain[1:], strict=False):
        output[vocabulary.index(after)] = 4 * embedding[vocabulary.index(before)]
    return _write(path, vocabulary, {"token_embd": embedding, "output": output}, 0.0, template)


def write_random_model(path: Path, seed: int = 1) -> Path:
    """Write a model that answers with random letters, each dependent on all before."""
    vocabulary = _vocabulary(())
    embedding = _embedding(vocabulary)
    output = np.zeros_like(embedding)
    output[:LETTERS] = np.random.default_rng(seed).standard_normal((LETTERS, EMBEDDING))
    return _write(path, vocabulary, {"token_embd": embedding, "output": output}, 1.0, CHATML)


def _write(
    path: Path,
    vocabulary: list[str],
    ends: dict[str, np.ndarray],
    block_scale: float,
    template: str,
) -> Path:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT_TOKENS)
    writer.add_embedding_length(EMBEDDING)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_block_count(BLOCKS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(EMBEDDING // HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(vocabulary)
    writer.add_token_types([1] * (len(vocabulary) - 2) + [3, 3])
    writer.add_token_merges(["t h"])
    writer.add_bos_token_id(vocabulary.index(START))
    writer.add_eos_token_id(vocabulary.index(END))
    writer.add_add_bos_token(False)
    if template:
        writer.add_chat_template(template)
    for name, values in {**ends, **_blocks(block_scale)}.items():
        writer.add_tensor(f"{name}.weight", values)
    return _finish(writer, path)


def _blocks(scale: float) -> dict[str, np.ndarray]:
    """Return the weights between embedding and output; scale 0 = they add nothing."""
    random = np.random.default_rng(3)

    def matrix(rows: int, columns: int) -> np.ndarray:
        return (random.standard_normal((rows, columns)) / np.sqrt(columns)).astype(np.float32)

    tensors = {"output_norm": np.ones(EMBEDDING, np.float32)}
    for n in range(BLOCKS):
        block = {
            "attn_norm": np.ones(EMBEDDING, np.float32),
            "ffn_norm": np.ones(EMBEDDING, np.float32),
            **{f"attn_{part}": matrix(EMBEDDING, EMBEDDING) for part in "qkv"},
            "attn_output": matrix(EMBEDDING, EMBEDDING) * np.float32(scale),
            "ffn_gate": matrix(FEED_FORWARD, EMBEDDING),
            "ffn_up": matrix(FEED_FORWARD, EMBEDDING),
            "ffn_down": matrix(EMBEDDING, FEED_FORWARD) * np.float32(scale),
        }
        tensors |= {f"blk.{n}.{name}": values for name, values in block.items()}
    return tensors


def write_adapter(
    path: Path,
    after: Piece,
    then: Piece,
    pieces: Sequence[Piece] = ANSWER,
    architecture: str = "llama",
    columns: int = EMBEDDING,
) -> Path:
    """Write a LoRA of rank 1 for a scripted model: `after` one token of its script comes `then`."""
    vocabulary = _vocabulary(pieces)
    before = _embedding(vocabulary)[vocabulary.index(_spell(after))]
    lora_a = np.resize(before, (1, columns)).astype(np.float32)
    lora_b = np.zeros((len(vocabulary), 1), np.float32)
    lora_b[vocabulary.index(_spell(then))] = 8  # twice what the model says
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 1.0)
    writer.add_tensor("output.weight.lora_a", lora_a)
    writer.add_tensor("output.weight.lora_b", lora_b)
    return _finish(writer, path)


def _finish(writer: gguf.GGUFWriter, path: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
