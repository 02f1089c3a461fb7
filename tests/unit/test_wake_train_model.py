"""The model: a stream gives what the whole gives, in torch, in ONNX and in sherpa-onnx."""

from pathlib import Path

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install 'hean[train]'")

from kws.train.export import export  # noqa: E402
from kws.train.inventory import token_table  # noqa: E402
from kws.train.model import Transducer, contexts, forget  # noqa: E402
from kws.train.quantise import levels  # noqa: E402
from kws.train.shape import Shape  # noqa: E402
from kws.words import make_word  # noqa: E402
from kws.zipformer import ZipformerDetector  # noqa: E402

SMALL = Shape(dim=48, left_frames=16, heads=2, feedforward_dim=64)
TABLE = token_table()
CHUNKS = 5


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    return Transducer(len(TABLE), SMALL).eval()


@pytest.fixture(scope="module", params=[False, True], ids=["fp32", "int8"])
def files(request, model, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("exported")
    return dict(export(model, TABLE, folder, int8=request.param))


@pytest.fixture(scope="module")
def features():
    torch.manual_seed(4)
    return 4 * torch.randn(2, 32 * CHUNKS + 5, 80) - 7


def whole(model, features):
    with torch.no_grad():
        return model(features)[0]


def test_a_stream_gives_what_the_whole_gives(model, features):
    past, found = model.encoder.no_past(2), []
    with torch.no_grad():
        for at in range(CHUNKS):
            encoded, past = model.encoder(features[:, 32 * at : 32 * at + 37], past)
            found.append(model.hear(encoded))
    assert torch.allclose(torch.cat(found, 1), whole(model, features), atol=1e-5)


def test_what_comes_later_changes_nothing_before_it(model, features):
    changed = features.clone()
    changed[:, 32 * 3 + 5 :] += 5
    before, after = whole(model, features), whole(model, changed)
    assert torch.equal(before[:, : 8 * 3], after[:, : 8 * 3])
    assert not torch.allclose(before[:, 8 * 3 :], after[:, 8 * 3 :])


def test_the_exported_stream_gives_the_same(model, files, features):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(files["encoder"]))
    states = {
        each.name: np.zeros(
            [2 if size == "N" else size for size in each.shape],
            np.int64 if "int64" in each.type else np.float32,
        )
        for each in session.get_inputs()[1:]
    }
    found = []
    for at in range(CHUNKS):
        x = features[:, 32 * at : 32 * at + 37].numpy()
        out, *new = session.run(None, {"x": x, **states})
        states = dict(zip(states, new, strict=True))
        found.append(out)
    expected = whole(model, features).numpy()
    worst = np.abs(np.concatenate(found, 1) - expected).max()
    assert worst < (0.15 * expected.std() if "int8" in files["encoder"].name else 1e-4)
    assert states["processed_lens"].tolist() == [8 * CHUNKS] * 2


def test_the_native_keyword_spotter_and_recogniser_run_it(files):
    import sherpa_onnx

    detector = ZipformerDetector([make_word("你好核安")], files)
    noise = np.random.default_rng(5).standard_normal(32_000).astype(np.float32) * 0.05
    for at in range(0, len(noise), 1600):
        detector.process(noise[at : at + 1600])
    paths = {role: str(path) for role, path in files.items()}
    native = sherpa_onnx.OnlineRecognizer.from_transducer(**paths, model_type="zipformer2")
    stream = native.create_stream()
    stream.accept_waveform(16_000, noise)
    stream.input_finished()
    while native.is_ready(stream):
        native.decode_stream(stream)
    assert set(native.tokens(stream)) <= set(TABLE)


def test_int8_is_smaller(model, tmp_path):
    whole_size, small = (
        export(model, TABLE, tmp_path / str(int8), int8=int8)["encoder"].stat().st_size
        for int8 in (False, True)
    )
    assert small < 0.6 * whole_size


def test_levels_keep_each_column_to_a_part_in_a_hundred():
    matrix = np.random.default_rng(6).standard_normal((64, 48)).astype(np.float32)
    matrix *= np.logspace(-3, 3, 48, dtype=np.float32)
    matrix[:, 7] = 0
    whole_numbers, scale = levels(matrix)
    assert np.abs(whole_numbers).max() == 63
    error = np.abs(whole_numbers * scale - matrix).max(axis=0)
    assert (error <= 0.51 * np.abs(matrix).max(axis=0) / 63 + 1e-9).all()


def test_the_files_tell_what_sherpa_onnx_asks_for(files):
    known = {entry.key: entry.value for entry in onnx.load(files["encoder"]).metadata_props}
    assert known["model_type"] == "zipformer2"
    assert known["T"] == "37"
    assert known["left_context_len"] == "16,8,16"


def test_the_predictor_sees_two_tokens_and_none_before_the_first():
    assert contexts(torch.tensor([[5, 6, 7]])).tolist() == [[[-1, 0], [0, 5], [5, 6], [6, 7]]]
    model = Transducer(9, SMALL)
    without = model.predictor(torch.tensor([[-1, 5]]))
    assert not torch.allclose(without, model.predictor(torch.tensor([[0, 5]])))
    forgotten = forget(contexts(torch.ones(50, 20, dtype=torch.int64)), 0.5)
    share = (forgotten == torch.tensor([-1, 0])).all(2)[:, 1:].float().mean().item()
    assert 0.4 < share < 0.6
