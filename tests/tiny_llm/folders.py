"""Tiny models as Hugging Face folders, each with a real BPE tokenizer and its family's template."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TEXT = (
    """
Go inside, close the windows and doors, and listen to the radio. Take off your outer clothes.
Take iodine tablets only when the authority says so. Do not eat food from the open.
进入室内，关好门窗，收听官方广播。碘片要等通知再吃。不要吃露天的食物。脱掉外衣，洗手洗脸。
You are an assistant. 你是核应急助手。I have nothing vetted on that. 这个我没有审核过的资料。
"""
    * 3
)
_CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + "
    "message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
TEMPLATES = {
    "qwen2": "{% if messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}{% endif %}" + _CHATML,
    # Qwen3 and MiniMind-3 write an empty thought before an answer that comes without one.
    "qwen3": "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{% if message['role'] == 'assistant' and loop.last %}{{ '<think>\\n\\n</think>\\n\\n' }}"
    "{% endif %}{{ message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
    "llama": _CHATML,
    "gemma3": "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ '<start_of_turn>user\\n' }}"
    "{% elif message['role'] == 'assistant' %}{{ '<start_of_turn>model\\n' }}"
    "{% else %}{{ '<start_of_turn>user\\n' }}{% endif %}"
    "{{ message['content'] | trim }}{{ '<end_of_turn>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}",
}
MARKERS = {
    "gemma3": ["<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"],
    "qwen3": ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"],
}
_CHATML_MARKERS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
PRE_TOKENIZERS = {"qwen2": "qwen2", "qwen3": "gpt-2", "llama": "smollm"}
"""As llama.cpp calls them: MiniMind-3 has Qwen3's layout and GPT-2's pre-tokenizer."""
_QWEN_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_TOKENS = 400


def write_folder(path: Path, family: str = "qwen2", seed: int = 1, **changes: Any) -> Path:
    """Write a random model of a family (a key of TEMPLATES); `changes` are of its configuration."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    path.mkdir(parents=True)
    words = write_tokenizer(path, family)
    torch.manual_seed(seed)
    config = AutoConfig.for_model(**(_layout(family, words) | changes))
    AutoModelForCausalLM.from_config(config).save_pretrained(path)
    return path


def write_tokenizer(path: Path, family: str) -> int:
    """Train a small tokenizer and write it with the family's template; return its size."""
    from tokenizers import Tokenizer, decoders, models, trainers
    from tokenizers.pre_tokenizers import ByteLevel

    if family == "gemma3":
        return _write_sentence_piece(path)
    markers = MARKERS.get(family, _CHATML_MARKERS)
    cutter = Tokenizer(models.BPE())
    cutter.pre_tokenizer = _pre_tokenizer(PRE_TOKENIZERS[family])
    cutter.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_TOKENS,
        special_tokens=markers,
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    cutter.train_from_iterator(TEXT.splitlines(), trainer)
    cutter.save(str(path / "tokenizer.json"))
    # In Qwen's and SmolLM's files the end of an answer is the padding token as well.
    ends = {"eos_token": "<|im_end|>", "pad_token": "<|im_end|>"}
    _write_settings(path, family, ends)
    return int(cutter.get_vocab_size())


def _write_sentence_piece(path: Path) -> int:
    """Write a tokenizer as Gemma has it: spaces are letters, unknown letters become bytes."""
    from tokenizers import Tokenizer, decoders, models, normalizers, trainers
    from tokenizers.pre_tokenizers import Split

    markers, letters = MARKERS["gemma3"], [f"<0x{byte:02X}>" for byte in range(256)]
    cutter = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    cutter.normalizer = normalizers.Replace(" ", "\u2581")
    cutter.pre_tokenizer = Split(" ", "merged_with_previous")
    cutter.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    special = [*markers, "<unk>", *letters]
    trainer = trainers.BpeTrainer(
        vocab_size=_TOKENS + len(letters), special_tokens=special, show_progress=False
    )
    cutter.train_from_iterator(TEXT.splitlines(), trainer)
    written = json.loads(cutter.to_str())
    written["added_tokens"] = [t for t in written["added_tokens"] if t["content"] not in letters]
    (path / "tokenizer.json").write_text(json.dumps(written, ensure_ascii=False), "utf-8")
    ends = {"bos_token": "<bos>", "eos_token": "<end_of_turn>", "pad_token": "<pad>"}
    _write_settings(path, "gemma3", {**ends, "unk_token": "<unk>", "add_bos_token": True})
    return int(cutter.get_vocab_size())


def _write_settings(path: Path, family: str, more: dict[str, Any]) -> None:
    settings = {"chat_template": TEMPLATES[family], **more}
    (path / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")


def _layout(family: str, words: int) -> dict[str, Any]:
    layout: dict[str, Any] = {
        "model_type": "gemma3_text" if family == "gemma3" else family,
        "vocab_size": words,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "tie_word_embeddings": family != "llama",
        "rms_norm_eps": 1e-6,
        "initializer_range": 0.2,  # so that it says something, and can say something else
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
    }
    if family == "qwen3":
        layout["head_dim"] = 24  # not hidden size / heads, as in MiniMind-3
    if family == "gemma3":
        # Six layers: llama.cpp takes every sixth to see everything.
        layout |= {"head_dim": 32, "query_pre_attn_scalar": 32, "num_hidden_layers": 6}
        layout["sliding_window"] = 16
    return layout


def _pre_tokenizer(name: str) -> Any:
    from tokenizers import Regex
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence, Split

    by_words = ByteLevel(add_prefix_space=False, use_regex=True)
    if name == "gpt-2":
        return by_words
    if name == "smollm":
        return Sequence([Digits(individual_digits=True), by_words])
    split = Split(Regex(_QWEN_SPLIT), "isolated")
    return Sequence([split, ByteLevel(add_prefix_space=False, use_regex=False)])
