"""Tiny Hugging Face folders with adapters of peft: real formats, random weights, made in a second.

Families as llm.export knows them. The tokenizer is a real byte-level one, trained on a few lines.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llm.export.files import sha256_of
from tests.tiny_llm import CHATML, END, START

WORDS = 512
HIDDEN, FEED_FORWARD, BLOCKS, HEADS, KV_HEADS, HEAD = 64, 96, 2, 4, 2, 16
_TEXTS = (
    "Go inside and close the windows. Stay there. 进入室内，关好门窗，收听官方广播。",
    "Question: what to do? Passage: iodine tablets are taken when told to. 碘片按通知服用。",
    "I have nothing vetted on that; ask your local emergency broadcast or authority.",
    "The children walked to school along the river 12345 67890 times.",
)
_MODEL_TYPES = {"llama": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "gemma3": "gemma3_text"}


def write_folder(path: Path, family: str = "qwen2", seed: int = 1, **changes: Any) -> Path:
    """Write a model of random weights with its tokenizer and template."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(seed)
    settings: dict[str, Any] = {
        "vocab_size": WORDS,
        "hidden_size": HIDDEN,
        "intermediate_size": FEED_FORWARD,
        "num_hidden_layers": BLOCKS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": False,
        "initializer_range": 0.2,
        **({} if family == "qwen2" else {"head_dim": HEAD}),
        **(_gemma() if family == "gemma3" else {}),
        **changes,
    }
    config = AutoConfig.for_model(_MODEL_TYPES[family], **settings)
    model = AutoModelForCausalLM.from_config(config)
    _shake_vectors(model)
    model.save_pretrained(path)
    write_tokenizer(path)
    return path


def _gemma() -> dict[str, Any]:
    # A sliding layer only: llama.cpp assumes the pattern of the layers.
    return {"query_pre_attn_scalar": HEAD, "sliding_window": 512}


def _shake_vectors(model: Any) -> None:
    """Give norms and biases values that differ, so that none can be lost unnoticed."""
    import torch

    for parameter in model.parameters():
        if parameter.dim() == 1:
            parameter.data += 0.1 * torch.randn_like(parameter)


def write_tokenizer(path: Path, pre_tokenizer: Mapping[str, Any] | None = None) -> None:
    """Write tokenizer.json, its settings and the chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=WORDS - 20,  # rows without a token are named by the converter
        special_tokens=["<|endoftext|>", START, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_TEXTS, trainer)
    written = json.loads(tokenizer.to_str())
    if pre_tokenizer is not None:
        written["pre_tokenizer"] = pre_tokenizer
    (path / "tokenizer.json").write_text(json.dumps(written, ensure_ascii=False), "utf-8")
    settings = {"bos_token": "<|endoftext|>", "eos_token": END, "add_bos_token": False}
    (path / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    (path / "chat_template.jinja").write_text(CHATML, "utf-8")


def write_peft_adapter(path: Path, base: Path, strength: float = 0.3, **settings: Any) -> Path:
    """Write an adapter with random changes for a folder or GGUF file, as peft saves it."""
    import torch
    from peft import LoraConfig, get_peft_model

    from llm.train.base import load_base

    torch.manual_seed(5)
    usual = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "task_type": "CAUSAL_LM"}
    with warnings.catch_warnings():
        # PEFT 0.21 asks transformers 5 about checkpointing under its old name.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated")
        model = get_peft_model(load_base(base).model, LoraConfig(**{**usual, **settings}))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data = strength * torch.randn_like(parameter)
    model.save_pretrained(str(path))
    return path


def write_run(path: Path, base: Path, adapter: Path | None = None) -> Path:
    """Write the folder of a finished run with some training data, as `hean train` leaves it."""
    from llm.train.base import load_base

    (path / "data").mkdir(parents=True)
    rows = [
        {"kind": kind, "messages": [{"role": "user", "content": f"{question} {number}"},
                                    {"role": "assistant", "content": answer}]}
        for number in range(12)
        for kind, question, answer in ROWS
    ]  # fmt: skip
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    for part in ("train", "valid"):
        (path / "data" / f"{part}.jsonl").write_text(lines, "utf-8")
    (adapter or write_peft_adapter(path / "new", base)).rename(path / "adapter")
    identity = sha256_of(base) if base.is_file() else load_base(base).identity
    record = {
        "state": "done",
        "base": {"path": str(base), "sha256": identity, "family": "qwen2"},
        "settings": {"seed": 7, "method": "lora"},
        "results": {"best_step": 3},
    }
    (path / "run.json").write_text(json.dumps(record), "utf-8")
    return path


ROWS = (
    ("answer", "What to do?", "Go inside. Close the windows."),
    ("correction", "Salt helps, right?", "No. Salt does not help."),
    ("refusal", "Who won the match?", "I have nothing vetted on that."),
    ("answer", "现在怎么办？", "进入室内，关好门窗。"),
)
