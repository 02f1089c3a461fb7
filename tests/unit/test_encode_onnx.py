"""A sentence encoder in ONNX: pieces as BERT cuts them, vectors as onnxruntime gives them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from llm import KnowledgeError
from llm.encode import ENCODERS, ByScript, OnnxSentenceEncoder, create_encoder
from llm.wordpiece import WordPiece
from tests.unit.knowledge_base import encoder as universal

WORDS = "碘 片 吃 什 么 ? ki sie ##vert ##s caf ##e - 131 ， water"
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS.split()]
DIMENSIONS = 8


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A model of the shape of BERT: embeddings, one mixing layer over the positions."""
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("\n".join(PIECES) + "\n", "utf-8")
    rng = np.random.default_rng(7)
    table = rng.normal(size=(len(PIECES), DIMENSIONS)).astype(np.float32)
    kinds = rng.normal(size=(2, DIMENSIONS)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["words"]),
        helper.make_node("Gather", ["kinds", "token_type_ids"], ["kind"]),
        helper.make_node("Add", ["words", "kind"], ["both"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", ["both", "column"], ["seen"]),
        helper.make_node("ReduceSum", ["seen", "middle"], ["mixed"], keepdims=1),
        helper.make_node("Add", ["seen", "mixed"], ["last_hidden_state"]),
    ]
    shape = ["batch", "length"]
    names = ("input_ids", "attention_mask", "token_type_ids")
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in names],
        [
            helper.make_tensor_value_info(
                "last_hidden_state", TensorProto.FLOAT, [*shape, DIMENSIONS]
            )
        ],
        [
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(kinds, "kinds"),
            numpy_helper.from_array(np.array([-1]), "last"),
            numpy_helper.from_array(np.array([1]), "middle"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, tmp_path / "model.onnx")
    return {"model": tmp_path / "model.onnx", "vocabulary": vocabulary}


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("碘片", "碘 片"),
        ("碘片什么 吃?", "碘 片 什 么 吃 ?"),
        ("KI, sieverts", "ki [UNK] sie ##vert ##s"),
        ("Café", "caf ##e"),
        ("碘-131，water", "碘 - 131 ， water"),
        ("waterx", "[UNK]"),
        ("", ""),
    ],
)
def test_pieces(files: dict[str, Path], text: str, pieces: str) -> None:
    wanted = ["[CLS]", *pieces.split(), "[SEP]"]
    found = WordPiece(files["vocabulary"]).ids(text, 64)
    assert [PIECES[number] for number in found] == wanted


def test_long_texts_keep_their_end_mark(files: dict[str, Path]) -> None:
    found = WordPiece(files["vocabulary"]).ids("碘" * 500, 16)
    assert (len(found), PIECES[found[-1]]) == (16, "[SEP]")


def test_vectors_are_the_first_position_in_unit_length(files: dict[str, Path]) -> None:
    texts = ["碘片什么 吃?", "water", ""]
    found = OnnxSentenceEncoder(files).encode(texts)
    session = onnxruntime.InferenceSession(str(files["model"]), providers=["CPUExecutionProvider"])
    for text, vector in zip(texts, found, strict=True):
        ids = np.array([WordPiece(files["vocabulary"]).ids(text, 64)])  # alone, without padding
        fed = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
        }
        first = session.run(None, fed)[0][0, 0]
        np.testing.assert_allclose(vector, first / np.linalg.norm(first), rtol=1e-5)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)


def test_many_texts_are_encoded_in_batches(files: dict[str, Path]) -> None:
    subject = OnnxSentenceEncoder(files)
    texts = ["碘" * (n % 9) + "片" for n in range(70)]
    alone = np.concatenate([subject.encode([text]) for text in texts])
    np.testing.assert_allclose(subject.encode(texts), alone, atol=1e-6)


def test_each_script_has_its_encoder(files: dict[str, Path]) -> None:
    chinese = OnnxSentenceEncoder(files)
    subject = ByScript(chinese, universal())
    found = subject.encode(["water", "碘片", "go in"])
    np.testing.assert_allclose(found[[0, 2]], universal().encode(["water", "go in"]), atol=1e-6)
    np.testing.assert_allclose(found[1, :DIMENSIONS], chinese.encode(["碘片"])[0], atol=1e-6)
    assert not found[1, DIMENSIONS:].any()
    assert subject.encode(["go in"]).shape == (1, 512)


def test_engines_are_chosen_by_name(files: dict[str, Path]) -> None:
    assert set(ENCODERS) == {"universal", "onnx-bert-zh"}
    assert isinstance(create_encoder("onnx-bert-zh", files), ByScript)
    with pytest.raises(KnowledgeError, match="known are onnx-bert-zh, universal"):
        create_encoder("word2vec", {})


@pytest.mark.parametrize("damage", ["vocabulary", "model"])
def test_wrong_files_are_one_error(files: dict[str, Path], damage: str) -> None:
    files[damage].write_bytes(b"junk")
    with pytest.raises(KnowledgeError, match="cannot be loaded"):
        OnnxSentenceEncoder(files)
