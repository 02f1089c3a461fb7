"""The tokenizer of a Hugging Face folder as GGUF describes it.

The pre-tokenizer, how text is split before merging, is found in tokenizer.json itself. Converters
that guess it from the model's name cut a fifth of the lines of such models another way, without a
warning (MiniMind with "qwen2"). What is not recognised is refused here, and `llm.export.equality`
compares the tokens of a thousand lines afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llm.export import ExportError
from llm.export.files import read_json
from llm.train.gguf_tokenizer import SPLITS

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
"""Kinds of tokens in tokenizer.ggml.token_type."""
_NAMES = {pattern: name for name, pattern in SPLITS.items()}
"""Regular expressions of a Split step -> names that llama.cpp knows them by."""
_UNMERGED_SCORE = -1e6
"""Below every merge: a token that no merge makes is only ever matched whole."""


@dataclass(frozen=True)
class Vocabulary:
    """Tokens with what llama.cpp has to know about them."""

    model: str
    """gpt2 (byte-level merges) or llama (SentencePiece)."""
    pre: str
    tokens: list[str]
    kinds: list[int]
    merges: list[str]
    scores: list[float] = field(default_factory=list)
    """Only of SentencePiece: which of two merges comes first."""
    special: Mapping[str, int] = field(default_factory=dict)
    """Numbers of bos, eos, unk and pad, as far as there are such."""
    add_bos: bool = False
    template: str = ""

    def describe(self, writer: Any) -> None:
        """Add the vocabulary to a GGUFWriter."""
        writer.add_tokenizer_model(self.model)
        writer.add_tokenizer_pre(self.pre)
        writer.add_token_list(self.tokens)
        writer.add_token_types(self.kinds)
        if self.scores:
            writer.add_token_scores(self.scores)
            writer.add_add_space_prefix(False)
        else:
            writer.add_token_merges(self.merges)
        for name, number in self.special.items():
            getattr(writer, f"add_{name}_token_id")(number)
        writer.add_add_bos_token(self.add_bos)
        writer.add_chat_template(self.template)


def read_vocabulary(folder: Path, rows: int, config: Mapping[str, Any]) -> Vocabulary:
    """Read tokenizer.json and its neighbours; `rows` is the height of the embedding.

    Raises ExportError: a file is missing, an unknown pre-tokenizer, no chat template, or more
    tokens than the embedding has rows.
    """
    tokenizer = read_json(folder / "tokenizer.json")
    named = folder / "tokenizer_config.json"
    settings = read_json(named) if named.is_file() else {}
    tokens, kinds = _tokens(tokenizer, rows)
    numbers = {token: number for number, token in enumerate(tokens)}
    pieces = _is_sentencepiece(tokenizer)
    merges = [_merge(each) for each in tokenizer["model"].get("merges", ())]
    return Vocabulary(
        model="llama" if pieces else "gpt2",
        pre="default" if pieces else pre_tokenizer(tokenizer),
        tokens=tokens,
        kinds=_byte_kinds(tokens, kinds) if pieces else kinds,
        merges=[" ".join(pair) for pair in merges],
        scores=_scores(tokens, merges) if pieces else [],
        special=_special(settings, config, numbers),
        add_bos=_adds_bos(tokenizer, settings),
        template=_template(folder, settings),
    )


def pre_tokenizer(tokenizer: Mapping[str, Any]) -> str:
    """Return llama.cpp's name for how a tokenizer.json splits text. Raises ExportError."""
    step = tokenizer.get("pre_tokenizer") or {}
    steps = step.get("pretokenizers", [step] if step else [])
    described = [_step(each) for each in steps]
    if described == ["bytes with gpt-2 split"]:
        return "gpt-2"
    if described == ["single digits", "bytes with gpt-2 split"]:
        return "smollm"
    if len(described) == 2 and described[0] in _NAMES and described[1] == "bytes":
        return _NAMES[described[0]]
    raise ExportError(
        f"the pre-tokenizer of tokenizer.json is not known: {' + '.join(described) or 'none'}",
        "export the LoRA adapter for a GGUF of the base instead: --to adapter",
    )


def _step(step: Mapping[str, Any]) -> str:
    kind = str(step.get("type"))
    if kind == "ByteLevel":
        return "bytes with gpt-2 split" if step.get("use_regex", True) else "bytes"
    if kind == "Digits" and step.get("individual_digits"):
        return "single digits"
    pattern = step.get("pattern")
    if kind == "Split" and step.get("behavior") == "Isolated" and isinstance(pattern, dict):
        return str(pattern.get("Regex", pattern))
    return kind


def _is_sentencepiece(tokenizer: Mapping[str, Any]) -> bool:
    model = tokenizer.get("model") or {}
    if model.get("type") != "BPE":
        raise ExportError(f"tokenizers of the type {model.get('type')} cannot be exported")
    return bool(model.get("byte_fallback"))


def _tokens(tokenizer: Mapping[str, Any], rows: int) -> tuple[list[str], list[int]]:
    """Return the tokens by number and their kinds; rows without a token get a name of their own."""
    known: dict[int, tuple[str, int]] = {
        number: (token, NORMAL) for token, number in tokenizer["model"]["vocab"].items()
    }
    for added in tokenizer.get("added_tokens", ()):
        kind = CONTROL if added.get("special") else USER_DEFINED
        known[added["id"]] = (added["content"], kind)
    if known and max(known) >= rows:
        raise ExportError(
            f"the tokenizer has {max(known) + 1} tokens, the model only {rows}: "
            "they are not of the same model"
        )
    both = [known.get(number, (f"[PAD{number}]", UNUSED)) for number in range(rows)]
    return [token for token, _ in both], [kind for _, kind in both]


def _byte_kinds(tokens: list[str], kinds: list[int]) -> list[int]:
    special = {"<unk>": UNKNOWN, **{f"<0x{byte:02X}>": BYTE for byte in range(256)}}
    return [special.get(token, kind) for token, kind in zip(tokens, kinds, strict=True)]


def _merge(written: Any) -> list[str]:
    """Return the two halves; tokenizer.json has them as a list, or in one text."""
    return list(written) if isinstance(written, list) else str(written).split(" ", 1)


def _scores(tokens: list[str], merges: list[list[str]]) -> list[float]:
    """Return scores that order merges as their list does; SentencePiece's own are often left out.

    tokenizer.model, which has them, gets lost when Hugging Face saves a tokenizer again.
    """
    ranks: dict[str, int] = {}
    for rank, (left, right) in enumerate(merges):
        ranks.setdefault(left + right, rank)
    return [-float(ranks[t]) if t in ranks else _UNMERGED_SCORE for t in tokens]


def _special(
    settings: Mapping[str, Any], config: Mapping[str, Any], numbers: Mapping[str, int]
) -> dict[str, int]:
    found = {}
    for name in ("bos", "eos", "unk", "pad"):
        token = settings.get(f"{name}_token")
        text = token.get("content") if isinstance(token, dict) else token
        number = numbers.get(text) if isinstance(text, str) else config.get(f"{name}_token_id")
        if isinstance(number, list):
            number = number[0]
        if isinstance(number, int):
            found[name] = number
    return found


def _adds_bos(tokenizer: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Return whether the tokenizer puts the first token in front by itself."""
    if "add_bos_token" in settings:
        return bool(settings["add_bos_token"])
    step = tokenizer.get("post_processor") or {}
    steps = step.get("processors", [step])
    templates = [s for s in steps if s.get("type") == "TemplateProcessing"]
    return any("SpecialToken" in s["single"][0] for s in templates if s.get("single"))


def _template(folder: Path, settings: Mapping[str, Any]) -> str:
    path = folder / "chat_template.jinja"
    template = settings.get("chat_template")
    if path.is_file():
        template = path.read_text(encoding="utf-8")
    if not isinstance(template, str) or not template.strip():
        raise ExportError(
            f"{folder} has no chat template, so no runtime would know how to ask the model",
            "add chat_template.jinja of the base model",
        )
    return template
