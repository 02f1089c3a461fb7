import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from models import ModelStoreError
from models.convert.kokoro import OUTPUTS, convert, unquantize_convolutions

RANDOM = np.random.default_rng(7)
ZEROS = {"one": 120, "two": 131}
"""Zero points of the weights."""


def _write_quantized_model(path: Path) -> None:
    """A convolution with a bias and one without, quantised as Kokoro's are."""
    graph = helper.make_graph(
        [
            *_quantized_convolution("x", "hidden", "one", pads=[2, 2], bias=True),
            helper.make_node("Relu", ["hidden"], ["positive"]),
            *_quantized_convolution("positive", "y", "two", pads=[0, 0], bias=False),
        ],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, "n"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, "n"])],
        [
            numpy_helper.from_array(RANDOM.integers(0, 256, (8, 4, 5), np.uint8), "one_weight"),
            numpy_helper.from_array(RANDOM.integers(0, 256, (4, 8, 1), np.uint8), "two_weight"),
            *(numpy_helper.from_array(np.uint8(z), f"{n}_zero") for n, z in ZEROS.items()),
            *(numpy_helper.from_array(np.float32(0.01), f"{name}_scale") for name in ZEROS),
            numpy_helper.from_array(RANDOM.normal(size=8).astype(np.float32), "one_bias"),
            numpy_helper.from_array(np.array([1, 8, 1], np.int64), "one_shape"),
        ],
    )
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), str(path))


def _quantized_convolution(
    given: str, result: str, name: str, pads: list[int], bias: bool
) -> list[onnx.NodeProto]:
    """What onnxruntime's dynamic quantisation makes of a convolution."""
    quantized = [f"{given}_q", f"{given}_s", f"{given}_z"]
    summed = f"{name}_sum" if bias else f"{name}_int"
    nodes = [
        helper.make_node("DynamicQuantizeLinear", [given], quantized),
        helper.make_node("Mul", [f"{given}_s", f"{name}_scale"], [f"{name}_scales"]),
        helper.make_node(
            "ConvInteger",
            [quantized[0], f"{name}_weight", quantized[2], f"{name}_zero"],
            [f"{name}_int"],
            pads=pads,
        ),
        helper.make_node("Cast", [summed], [f"{name}_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{name}_float", f"{name}_scales"], [result]),
    ]
    rounded_bias = [
        helper.make_node("Div", [f"{name}_bias", f"{name}_scales"], [f"{name}_div"]),
        helper.make_node("Floor", [f"{name}_div"], [f"{name}_floor"]),
        helper.make_node("Cast", [f"{name}_floor"], [f"{name}_cast"], to=TensorProto.INT32),
        helper.make_node("Reshape", [f"{name}_cast", f"{name}_shape"], [f"{name}_column"]),
        helper.make_node("Add", [f"{name}_int", f"{name}_column"], [f"{name}_sum"]),
    ]
    return nodes[:3] + (rounded_bias if bias else []) + nodes[3:]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sources")
    names = ("model", "vocab", "us_gold", "us_silver", "words", "af_heart", "zf_xiaobei")
    paths = {name: folder / name for name in names}
    _write_quantized_model(paths["model"])
    paths["vocab"].write_text(json.dumps({"vocab": {"a": 2, " ": 1, "ˈ": 3}}))
    paths["us_gold"].write_text(
        json.dumps({"who": {"DEFAULT": "hˌu", "NOUN": None}, "gold": "ɡˈOld", "3d": "x"})
    )
    paths["us_silver"].write_text(json.dumps({"gold": "wrong", "silver": "sˈɪlvəɹ"}))
    paths["words"].write_text(json.dumps({"freq": {"马上": 90, "的": 900, "人民政": 0, "ab": 50}}))
    for voice in ("af_heart", "zf_xiaobei"):
        RANDOM.normal(size=(510, 256)).astype("<f4").tofile(paths[voice])
    return paths


def test_every_file_is_written(sources: dict[str, Path], tmp_path: Path) -> None:
    done: list[float] = []
    assert convert(sources, tmp_path, done.append) == OUTPUTS
    assert done == sorted(done)
    assert done[-1] == 1.0
    assert (tmp_path / "tokens.txt").read_text(encoding="utf-8") == " \t1\na\t2\nˈ\t3\n"
    assert (tmp_path / "words-zh.tsv").read_text(encoding="utf-8") == "的\t900\n马上\t90\n"
    lexicon = (tmp_path / "lexicon-en.tsv").read_text(encoding="utf-8")
    assert lexicon == "gold\tɡˈOld\nsilver\tsˈɪlvəɹ\nwho\thˌu\n"


def test_voices_are_kept_to_the_bit(sources: dict[str, Path], tmp_path: Path) -> None:
    convert(sources, tmp_path, lambda _: None)
    with np.load(tmp_path / "voices.npz") as voices:
        assert sorted(voices.files) == ["af_heart", "zf_xiaobei"]
        for name in voices.files:
            source = np.fromfile(sources[name], "<f4").reshape(510, 256)
            np.testing.assert_array_equal(voices[name], source)


def test_the_same_sources_give_the_same_bytes(sources: dict[str, Path], tmp_path: Path) -> None:
    for folder in ("first", "second"):
        convert(sources, tmp_path / folder, lambda _: None)
    for name in OUTPUTS.values():
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_float_convolutions_stay_close_to_the_original(sources: dict[str, Path]) -> None:
    model = onnx.load(str(sources["model"]))
    assert "ConvInteger" in {node.op_type for node in model.graph.node}
    unquantize_convolutions(model)
    operators = {node.op_type for node in model.graph.node}
    assert operators == {"DequantizeLinear", "Conv", "Relu"}
    original = onnxruntime.InferenceSession(str(sources["model"]))
    changed = onnxruntime.InferenceSession(model.SerializeToString())
    x = {"x": RANDOM.normal(size=(1, 4, 50)).astype(np.float32)}
    expected, result = original.run(None, x)[0], changed.run(None, x)[0]
    assert np.abs(result - expected).max() < 0.02 * np.abs(expected).max()


@pytest.mark.parametrize("role", ["model", "vocab", "us_gold", "words", "af_heart"])
@pytest.mark.parametrize("content", [b"", b"\x00\xff nonsense", b"{}"])
def test_a_wrong_source_is_named(
    sources: dict[str, Path], tmp_path: Path, role: str, content: bytes
) -> None:
    wrong = tmp_path / "wrong.file"
    wrong.write_bytes(content)
    with pytest.raises(ModelStoreError, match=r"wrong\.file"):
        convert({**sources, role: wrong}, tmp_path / "out", lambda _: None)


def test_missing_sources_are_named(sources: dict[str, Path], tmp_path: Path) -> None:
    rest = {role: path for role, path in sources.items() if role not in ("vocab", "words")}
    with pytest.raises(ModelStoreError, match="vocab, words"):
        convert(rest, tmp_path, lambda _: None)
