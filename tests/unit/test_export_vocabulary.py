"""The pre-tokenizer is found in tokenizer.json, and what is not known is refused."""

import json
from pathlib import Path

import pytest

from llm.export import ExportError
from llm.export.vocabulary import (
    CONTROL,
    NORMAL,
    UNUSED,
    USER_DEFINED,
    pre_tokenizer,
    read_vocabulary,
)
from llm.train.gguf_tokenizer import SPLITS
from tests.tiny_llm import CHATML

BYTES = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
WORDS = {**BYTES, "use_regex": True}


def steps(*found):
    return {"pre_tokenizer": {"type": "Sequence", "pretokenizers": list(found)}}


def split(pattern):
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


@pytest.mark.parametrize(
    ("tokenizer", "name"),
    [
        ({"pre_tokenizer": WORDS}, "gpt-2"),  # MiniMind, whatever its layers are called
        (steps({"type": "Digits", "individual_digits": True}, WORDS), "smollm"),
        *((steps(split(pattern), BYTES), name) for name, pattern in SPLITS.items()),
    ],
)
def test_the_pre_tokenizer_is_derived(tokenizer, name):
    assert pre_tokenizer(tokenizer) == name


@pytest.mark.parametrize(
    "tokenizer",
    [
        {},
        {"pre_tokenizer": BYTES},
        steps(split(r"\p{N}{1,3}|\p{L}+"), BYTES),
        steps({"type": "Digits", "individual_digits": False}, WORDS),
        {"pre_tokenizer": {"type": "Whitespace"}},
    ],
)
def test_an_unknown_pre_tokenizer_is_refused(tokenizer):
    with pytest.raises(ExportError, match=r"pre-tokenizer of tokenizer\.json is not known"):
        pre_tokenizer(tokenizer)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tokenizer = {
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]},
        "pre_tokenizer": WORDS,
        "added_tokens": [
            {"id": 3, "content": "<|im_end|>", "special": True},
            {"id": 4, "content": "<think>", "special": False},
        ],
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    (tmp_path / "tokenizer_config.json").write_text('{"eos_token": "<|im_end|>"}')
    (tmp_path / "chat_template.jinja").write_text(CHATML)
    return tmp_path


def test_rows_without_a_token_and_markers_have_their_kind(folder: Path):
    found = read_vocabulary(folder, 6, {})
    assert found.tokens == ["a", "b", "ab", "<|im_end|>", "<think>", "[PAD5]"]
    assert found.kinds == [NORMAL, NORMAL, NORMAL, CONTROL, USER_DEFINED, UNUSED]
    assert found.merges == ["a b"]
    assert found.special == {"eos": 3}
    assert found.template == CHATML


def test_a_tokenizer_of_a_larger_model_is_refused(folder: Path):
    with pytest.raises(ExportError, match="has 5 tokens, the model only 4"):
        read_vocabulary(folder, 4, {})


def test_a_model_without_template_is_refused(folder: Path):
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(ExportError, match="no chat template"):
        read_vocabulary(folder, 5, {})


def test_merges_of_sentencepiece_become_scores_in_their_order(folder: Path):
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["model"] |= {
        "byte_fallback": True,
        "vocab": {"a": 0, "b": 1, "ab": 2, "<0x0A>": 5, "abb": 6},
        "merges": [["a", "b"], ["ab", "b"]],
    }
    path.write_text(json.dumps(tokenizer))
    found = read_vocabulary(folder, 7, {})
    assert found.model == "llama"
    assert found.scores[2] > found.scores[6] > found.scores[0]
    assert found.kinds[5] == 6  # a byte
