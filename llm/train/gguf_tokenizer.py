"""The tokenizer inside a GGUF file, as a tokenizer of transformers that cuts text the same way.

transformers can read it too, but cuts by the model's family: MiniMind, which has Qwen3's layout
and GPT-2's pre-tokenizer, would get 23 % of its lines cut otherwise than at run time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm.gguf import Gguf
from llm.train import UnusableBase

if TYPE_CHECKING:
    from gguf import GGUFReader
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

_NORMAL, _CONTROL, _USER_DEFINED = 1, 3, 4
"""Kinds of token in tokenizer.ggml.token_type."""
_SPACE = "\u2581"
SPLITS = {
    "qwen2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "llama-bpe": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}
"""Pre-tokenizers that are one pattern, by llama.cpp's name (unicode_regex_split there)."""


def load_tokenizer(gguf: Gguf, reader: GGUFReader) -> PreTrainedTokenizerFast:
    """Return the file's tokenizer. Raises UnusableBase: of a kind that is not known here."""
    from transformers import PreTrainedTokenizerFast

    data = gguf.metadata
    kind = data.get("tokenizer.ggml.model")
    if kind == "gpt2":
        cutter = _byte_level(gguf, reader, str(data.get("tokenizer.ggml.pre")))
    elif kind == "llama":
        cutter = _sentence_piece(gguf)
    else:
        raise UnusableBase(f"{gguf.path} has a tokenizer of the unknown kind {kind!r}")
    _add_markers(cutter, gguf)
    tokens = data["tokenizer.ggml.tokens"]
    special = {}
    for name, key in (("bos", "bos"), ("eos", "eos"), ("pad", "padding"), ("unk", "unknown")):
        number = data.get(f"tokenizer.ggml.{key}_token_id", -1)
        if 0 <= number < len(tokens):
            special[f"{name}_token"] = tokens[number]
    return PreTrainedTokenizerFast(tokenizer_object=cutter, **special)


def _byte_level(gguf: Gguf, reader: GGUFReader, pre: str) -> Tokenizer:
    from tokenizers import Tokenizer, decoders, models

    vocabulary = _vocabulary(gguf)
    merges = [_pair(text) for text in _merges(reader)]
    cutter = Tokenizer(models.BPE(vocabulary, merges, fuse_unk=False, byte_fallback=False))
    cutter.pre_tokenizer = _pre_tokenizer(gguf, pre)
    cutter.decoder = decoders.ByteLevel()
    return cutter


def _pre_tokenizer(gguf: Gguf, pre: str) -> Any:
    from tokenizers import Regex
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence, Split

    by_words = ByteLevel(add_prefix_space=False, use_regex=True)
    if pre == "gpt-2":
        return by_words
    if pre == "smollm":
        return Sequence([Digits(individual_digits=True), by_words])
    if pre in SPLITS:
        split = Split(Regex(SPLITS[pre]), "isolated")
        return Sequence([split, ByteLevel(add_prefix_space=False, use_regex=False)])
    raise UnusableBase(
        f"{gguf.path} has the pre-tokenizer {pre!r}; known are gpt-2, smollm, {', '.join(SPLITS)}",
        "train on the Hugging Face folder of the model instead",
    )


def _sentence_piece(gguf: Gguf) -> Tokenizer:
    """Return the SentencePiece tokenizer: llama.cpp joins the pair of the best-scored result."""
    from tokenizers import Tokenizer, decoders, models, normalizers

    if gguf.metadata.get("tokenizer.ggml.add_space_prefix", True):
        raise UnusableBase(
            f"{gguf.path} has a SentencePiece tokenizer that adds a space in front",
            "train on the Hugging Face folder of the model instead",
        )
    vocabulary = _vocabulary(gguf)
    model = models.BPE(
        vocabulary, _merges_by_score(gguf, vocabulary), fuse_unk=True, byte_fallback=True
    )
    cutter = Tokenizer(model)
    cutter.normalizer = normalizers.Replace(" ", _SPACE)
    cutter.decoder = decoders.Sequence(
        [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return cutter


def _merges_by_score(gguf: Gguf, vocabulary: dict[str, int]) -> list[tuple[str, str]]:
    scores, kinds = (gguf.metadata[f"tokenizer.ggml.{key}"] for key in ("scores", "token_type"))
    found = [
        (-scores[number], number, position, token)
        for token, number in vocabulary.items()
        if kinds[number] == _NORMAL
        for position in range(1, len(token))
        if token[:position] in vocabulary and token[position:] in vocabulary
    ]
    return [(token[:at], token[at:]) for _, _, at, token in sorted(found)]


def _vocabulary(gguf: Gguf) -> dict[str, int]:
    tokens = gguf.metadata["tokenizer.ggml.tokens"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    if len(vocabulary) != len(tokens):
        raise UnusableBase(f"{gguf.path} names two tokens alike: it was converted wrongly")
    return vocabulary


def _merges(reader: GGUFReader) -> list[str]:
    """Return the merges, which `read_gguf` leaves out because answering does not need them."""
    field = reader.get_field("tokenizer.ggml.merges")
    return [] if field is None else list(field.contents())


def _pair(merge: str) -> tuple[str, str]:
    first, _, second = merge.partition(" ")
    return first, second


def _add_markers(cutter: Tokenizer, gguf: Gguf) -> None:
    from tokenizers import AddedToken

    tokens = gguf.metadata["tokenizer.ggml.tokens"]
    kinds = gguf.metadata.get("tokenizer.ggml.token_type", [])
    for wanted, add in ((_CONTROL, cutter.add_special_tokens), (_USER_DEFINED, cutter.add_tokens)):
        add(
            [
                AddedToken(token, special=wanted == _CONTROL, normalized=False)
                for token, kind in zip(tokens, kinds, strict=False)
                if kind == wanted
            ]
        )
