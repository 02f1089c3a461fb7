from __future__ import annotations

from pathlib import Path

import pytest

from asr import RecognitionError
from asr.files import check_onnx, check_tokens
from tests.tiny_asr import sense_voice


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return sense_voice.build(tmp_path, "碘片")["model"]


def test_metadata_is_read_without_loading_the_model(model: Path) -> None:
    assert check_onnx(str(model), ["vocab_size"])["vocab_size"] == "7"


def test_missing_metadata_is_named(model: Path) -> None:
    with pytest.raises(RecognitionError, match="lacks the metadata colour, taste"):
        check_onnx(str(model), ["vocab_size", "colour", "taste"])


def test_a_model_cut_anywhere_is_refused_or_lacks_metadata(model: Path, tmp_path: Path) -> None:
    whole, cut = model.read_bytes(), tmp_path / "cut.onnx"
    for size in range(1, len(whole), 97):
        cut.write_bytes(whole[:size])
        with pytest.raises(RecognitionError):
            check_onnx(str(cut), sense_voice.METADATA)


@pytest.mark.parametrize(
    ("text", "encoded"),
    [("a\n", False), ("a b 1\n", False), ("a 1\n\nb 2\n", False), ("!? 1\n", True), ("1\n", True)],
)
def test_malformed_token_lines_are_refused(tmp_path: Path, text: str, encoded: bool) -> None:
    path = tmp_path / "tokens.txt"
    path.write_text(text)
    with pytest.raises(RecognitionError, match=r"tokens.txt, line \d: "):
        check_tokens(str(path), encoded=encoded)


def test_token_lines_may_name_the_space_by_its_number_alone(tmp_path: Path) -> None:
    path = tmp_path / "tokens.txt"
    path.write_text("<blk> 0\n 1\n碘 2\n", encoding="utf-8")
    check_tokens(str(path))
    path.write_bytes(b"\xff\xfe 1\n")
    with pytest.raises(RecognitionError, match="not UTF-8"):
        check_tokens(str(path))
