"""Whisper for sherpa-onnx: from CTranslate2's fp16 weights to an encoder, a decoder and tokens.

`whisper_graphs` tells in what the graphs differ from those of other exporters.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from models import ModelStoreError
from models.convert.ctranslate2 import Tensors, read_tensors
from models.convert.whisper_graphs import write_decoder, write_encoder
from models.convert.whisper_parts import Dimensions, TokenRules

LANGUAGES = ("zh", "en")
FILES = {"encoder": "encoder.onnx", "decoder": "decoder.onnx", "tokens": "tokens.txt"}


def convert(
    sources: Mapping[str, Path], target: Path, progress: Callable[[float], None]
) -> dict[str, str]:
    """Write encoder.onnx, decoder.onnx and tokens.txt into `target`; return file name by role.

    `sources` has the paths of `model` (model.bin), `tokenizer` (tokenizer.json) and `config`
    (config.json). Takes seconds. `progress` is told the part done, from 0 to 1.
    Raises ModelStoreError.
    """
    weights = read_tensors(sources["model"])
    tokenizer = _read_json(sources["tokenizer"])
    config = _read_json(sources["config"])
    progress(0.1)
    try:
        sizes = dimensions(weights)
        ids = special_tokens(tokenizer)
        metadata = sherpa_metadata(sizes, ids)
        rules = token_rules(config, ids, sizes)
        write_tokens(tokenizer, target / FILES["tokens"])
        write_encoder(weights, sizes, target / FILES["encoder"], metadata)
        progress(0.5)
        write_decoder(weights, sizes, target / FILES["decoder"], rules)
    except KeyError as error:
        raise ModelStoreError(f"the Whisper model lacks {error}") from error
    progress(1.0)
    return dict(FILES)


def dimensions(weights: Tensors) -> Dimensions:
    """Return the sizes that the shapes of the weights tell."""
    width, mels, _ = weights["encoder/conv1/weight"].shape
    return Dimensions(
        mels=mels,
        audio_positions=len(weights["encoder/position_encodings/encodings"]),
        text_positions=len(weights["decoder/position_encodings/encodings"]),
        width=width,
        heads=int(weights["decoder/num_heads"]),
        encoder_layers=_count_layers(weights, "encoder"),
        decoder_layers=_count_layers(weights, "decoder"),
        vocabulary=len(weights["decoder/embeddings/weight"]),
    )


def special_tokens(tokenizer: Mapping[str, Any]) -> dict[str, int]:
    """Return the ids of tokens such as <|zh|>, by the name between the bars."""
    return {row["content"].strip("<|>"): row["id"] for row in tokenizer["added_tokens"]}


def token_rules(config: Mapping[str, Any], ids: Mapping[str, int], sizes: Dimensions) -> TokenRules:
    """Return the rules of Whisper's own decoder, for transcripts without time stamps."""
    times = range(ids["notimestamps"], sizes.vocabulary)
    return TokenRules(
        suppressed=(*config["suppress_ids"], *times),
        end=ids["endoftext"],
        no_speech=ids["nospeech"],
        languages=tuple(ids[language] for language in LANGUAGES),
    )


def sherpa_metadata(sizes: Dimensions, ids: Mapping[str, int]) -> dict[str, object]:
    """Return what sherpa-onnx's Whisper loader reads; it ends the process if one is missing."""
    sequence = (ids["startoftranscript"], ids["zh"], ids["transcribe"])
    return {
        "model_type": "whisper-base",
        "n_mels": sizes.mels,
        "n_audio_ctx": sizes.audio_positions,
        "n_audio_state": sizes.width,
        "n_text_ctx": sizes.text_positions,
        "n_text_state": sizes.width,
        "n_text_layer": sizes.decoder_layers,
        "n_vocab": sizes.vocabulary,
        "sot": ids["startoftranscript"],
        "eot": ids["endoftext"],
        "sot_sequence": ",".join(map(str, sequence)),
        "blank_id": 220,  # a single space in the GPT-2 vocabulary
        "is_multilingual": 1,
        "all_language_tokens": ",".join(str(ids[language]) for language in LANGUAGES),
        "all_language_codes": ",".join(LANGUAGES),
        "transcribe": ids["transcribe"],
        "translate": ids["translate"],
        "no_timestamps": ids["notimestamps"],
        "no_speech": ids["nospeech"],
    }


def write_tokens(tokenizer: Mapping[str, Any], path: Path) -> None:
    """Write one line for each ordinary token: its bytes in base64, a space and its id."""
    byte_of = {char: byte for byte, char in enumerate(_byte_characters())}
    with path.open("w", encoding="ascii", newline="\n") as file:
        for text, token in tokenizer["model"]["vocab"].items():
            raw = bytes(byte_of[char] for char in text)
            if raw:
                file.write(f"{base64.b64encode(raw).decode()} {token}\n")


def _byte_characters() -> list[str]:
    """Return the character that stands for each byte in GPT-2's vocabulary.

    Printable Latin-1 characters stand for themselves; the others, in order, for U+0100 and up.
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def _count_layers(weights: Tensors, part: str) -> int:
    return len(
        {name.split("/")[1] for name in weights if name.startswith(f"{part}/layer_")}
        - {"layer_norm"}
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelStoreError(f"{path.name} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ModelStoreError(f"{path.name} holds no JSON object")
    return content
