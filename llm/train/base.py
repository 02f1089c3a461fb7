"""Load the model that is trained: a Hugging Face folder, or the GGUF file that devices run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm import GenerationError
from llm.gguf import read_gguf
from llm.template import ChatTemplate
from llm.train import UnusableBase
from llm.train.gguf_model import ARCHITECTURES, load_model

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

ENDS = ("<|im_end|>", "<end_of_turn>", "<|eot_id|>", "<|end|>", "<|endoftext|>", "</s>", "<eos>")
"""Texts of tokens at which llama.cpp ends an answer whatever a file's metadata says."""
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Base:
    """A model that is ready to be trained, with all that turns text into its tokens."""

    path: Path
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    template: ChatTemplate
    identity: str
    """SHA-256 of the file, or over the files of the folder."""
    architecture: str
    """As GGUF files call it: llama, qwen2, qwen3 or gemma3."""
    ends: frozenset[int]
    """Tokens at which the model ends an answer."""
    adds_bos: bool
    """Whether a text begins with the begin-of-sequence token though it does not say so."""

    def tokenize(self, text: str) -> list[int]:
        """Return token ids as llama.cpp does at run time; markers become control tokens."""
        tokens = self.continue_text(text)
        bos = self.tokenizer.bos_token_id
        return [bos, *tokens] if self.adds_bos and tokens[:1] != [bos] else tokens

    def continue_text(self, text: str) -> list[int]:
        """Return the token ids of a text that stands after another."""
        tokens: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        return tokens

    def is_end(self, token: int) -> bool:
        """Return whether the model ends its answer with this token."""
        return token in self.ends

    @property
    def is_gguf(self) -> bool:
        """Return whether the base is the file that devices run."""
        return self.path.is_file()


def load_base(
    path: Path,
    *,
    dtype: torch.dtype | None = None,
    attention: str = "sdpa",
    quantization: Any = None,
) -> Base:
    """Load a Hugging Face folder or a GGUF file; `dtype` is that of the weights, float32 if None.

    `attention` is an implementation of transformers (sdpa, eager, flash_attention_2),
    `quantization` one of its quantisation settings, for folders only.
    Raises UnusableBase: missing, damaged, of an unknown family, or without chat template.
    """
    import torch
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # it would write over the caller's
    dtype = dtype or torch.float32
    if path.is_dir():
        return _from_folder(path, dtype, attention, quantization)
    if quantization is not None:
        raise UnusableBase(
            f"{path.name} is quantised already and is trained dequantised",
            "use --method lora, or a Hugging Face folder",
        )
    return _from_gguf(path, dtype, attention)


def _from_gguf(path: Path, dtype: torch.dtype, attention: str) -> Base:
    from gguf import GGUFReader

    from llm.train.gguf_tokenizer import load_tokenizer

    try:
        gguf = read_gguf(path)
        if gguf.is_adapter:
            raise UnusableBase(f"{path} is a LoRA adapter and not a model")
        template = ChatTemplate.from_gguf(gguf)
    except GenerationError as error:
        raise UnusableBase(str(error)) from error
    _check_architecture(path, gguf.architecture, ARCHITECTURES)
    reader = GGUFReader(path)  # slow on large vocabularies: read once
    tokenizer = load_tokenizer(gguf, reader)
    given = (gguf.metadata.get(f"tokenizer.ggml.{key}_token_id") for key in ("eos", "eot"))
    kind = gguf.metadata.get("tokenizer.ggml.model")
    return Base(
        path,
        load_model(gguf, reader, dtype, attention),
        tokenizer,
        template,
        _sha256([path]),
        gguf.architecture,
        _ends(tokenizer, given),
        # llama.cpp's default where the file does not say it: SentencePiece yes, BPE no.
        bool(gguf.metadata.get("tokenizer.ggml.add_bos_token", kind == "llama")),
    )


def _from_folder(path: Path, dtype: torch.dtype, attention: str, quantization: Any) -> Base:
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    config = read_json(path / "config.json")
    known = {kind: name for name, kind in ARCHITECTURES.items()}
    _check_architecture(path, str(config.get("model_type")), known)
    tokenizer, settings = _folder_tokenizer(path)
    template = _folder_template(path, tokenizer, settings)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            path,
            dtype=dtype,
            attn_implementation=attention,
            quantization_config=quantization,
            local_files_only=True,
            use_safetensors=True,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        line = (str(error).splitlines() or [""])[0]
        raise UnusableBase(f"{path} cannot be loaded: {line}") from error
    model.config.use_cache = False
    first = tokenizer.encode("x")[:1]
    generation = path / "generation_config.json"
    ends = [config.get("eos_token_id"), tokenizer.eos_token_id]
    ends += [read_json(generation).get("eos_token_id")] if generation.is_file() else []
    return Base(
        path,
        model,
        tokenizer,
        template,
        _sha256([path / "config.json", path / "tokenizer.json", *path.glob("*.safetensors")]),
        known[str(config["model_type"])],
        _ends(tokenizer, ends),
        # Said in words, or done by the tokenizer itself: the rule of llm.export.vocabulary.
        bool(settings.get("add_bos_token", first == [tokenizer.bos_token_id] != [None])),
    )


def _check_architecture(path: Path, found: str, known: dict[str, str]) -> None:
    if found not in known:
        raise UnusableBase(
            f"{path} is a model of the family {found!r}; those that can be trained are "
            f"{', '.join(known)}",
            "choose another base; MiniMind: use its folder in Llama or Qwen3 format",
        )


def _folder_tokenizer(path: Path) -> tuple[PreTrainedTokenizerFast, dict[str, Any]]:
    """Load tokenizer.json as it stands.

    AutoTokenizer goes by the class that is named beside it, and rebuilds some tokenizers with the
    pre-tokenizer of that class: MiniMind would be cut like Qwen.
    """
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    file = path / "tokenizer.json"
    if not file.is_file():
        raise UnusableBase(f"{path} has no tokenizer.json", "choose a folder that has one")
    settings = path / "tokenizer_config.json"
    named = read_json(settings) if settings.is_file() else {}
    special = {
        key: _text(named[key])
        for key in ("bos_token", "eos_token", "pad_token", "unk_token")
        if named.get(key)
    }
    try:
        cutter = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing narrower
        raise UnusableBase(f"{file} cannot be read: {error}") from error
    return PreTrainedTokenizerFast(tokenizer_object=cutter, **special), named


def _folder_template(
    path: Path, tokenizer: PreTrainedTokenizerFast, settings: dict[str, Any]
) -> ChatTemplate:
    file = path / "chat_template.jinja"
    source = file.read_text("utf-8") if file.is_file() else settings.get("chat_template")
    if isinstance(source, list):  # several by name
        source = next((t["template"] for t in source if t.get("name") == "default"), None)
    if not source:
        raise UnusableBase(f"{path} has no chat template", "choose an instruction-tuned model")
    markers = frozenset(
        token.content
        for token in tokenizer.added_tokens_decoder.values()
        # The rule of ChatTemplate.from_gguf.
        if token.special or ("<" in token.content and token.content in source)
    )
    return ChatTemplate(source, tokenizer.bos_token or "", tokenizer.eos_token or "", markers)


def _ends(tokenizer: PreTrainedTokenizerFast, given: Any) -> frozenset[int]:
    numbers: set[int] = set()
    for value in given:
        numbers.update(value if isinstance(value, list) else [value] if value is not None else [])
    known = tokenizer.get_vocab()
    return frozenset(numbers | {known[text] for text in ENDS if text in known})


def _text(token: Any) -> str:
    return str(token["content"] if isinstance(token, dict) else token)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object of a model folder. Raises UnusableBase."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UnusableBase(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise UnusableBase(f"{path} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise UnusableBase(f"{path} holds no settings")
    return value


def _sha256(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()
