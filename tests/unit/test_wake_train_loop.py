"""Training goes on after a kill as if nothing had happened, and hears what it trains on."""

import json

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install 'hean[train]'")

from kws.train import WakeTrainingError  # noqa: E402
from kws.train.checkpoint import checkpoints, load  # noqa: E402
from kws.train.curve import draw  # noqa: E402
from kws.train.loop import Loop, Material  # noqa: E402
from kws.train.settings import Settings  # noqa: E402
from tests.tiny_kws.training import QUICK, SHAPE, material, train  # noqa: E402


def rows(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def weights_differ(one, other):
    return [name for name in one.weights if not torch.equal(one.weights[name], other.weights[name])]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    run = tmp_path_factory.mktemp("whole")
    return run, train(run)


def test_a_run_leaves_checkpoints_losses_and_their_picture(whole):
    run, end = whole
    assert (end.step, end.seconds) == (6, 6)
    assert [path.name for path in checkpoints(run)] == ["step-000004.pt", "step-000006.pt"]
    assert [row["step"] for row in rows(run) if "dev" in row] == [4, 6]
    assert (run / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_a_killed_run_goes_on_as_if_nothing_had_happened(whole, tmp_path, monkeypatch):
    run, end = whole
    short = {"checkpoint_minutes": 0.02, "minutes": 0.1}

    def kill(state, folder):
        path = save(state, folder)
        if state.step >= 4:
            raise KeyboardInterrupt
        return path

    from kws.train import checkpoint

    save = checkpoint.save
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(checkpoint, "save", kill)
        train(tmp_path, **short)
    assert load(checkpoints(tmp_path)[-1]).step == 4
    again = train(tmp_path, **short)
    assert again.step == 6
    assert weights_differ(end, again) == []
    assert torch.equal(end.average["hear.weight"], again.average["hear.weight"])


def test_what_was_logged_after_the_checkpoint_is_logged_once(tmp_path):
    train(tmp_path, minutes=0.3, checkpoint_minutes=9)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 99, "loss": 1.0}\n{"step": 100, "lo')
    train(tmp_path, minutes=0.35, checkpoint_minutes=9)
    steps = [row["step"] for row in rows(tmp_path)]
    assert steps == [18, 20, 21]


@pytest.mark.parametrize("damage", [b"", b"no checkpoint", None])
def test_a_damaged_checkpoint_is_named(whole, tmp_path, damage):
    content = checkpoints(whole[0])[-1].read_bytes()
    path = tmp_path / "checkpoints" / "step-000006.pt"
    path.parent.mkdir()
    path.write_bytes(content[:-2000] if damage is None else damage)
    with pytest.raises(WakeTrainingError, match="step-000006.pt is no checkpoint"):
        train(tmp_path)


def test_a_run_of_other_tokens_is_not_continued(whole):
    train_on = material()
    other = Material(train_on.train, train_on.dev, [*train_on.tokens, "new"])
    with pytest.raises(WakeTrainingError, match="has other tokens"):
        Loop(other, whole[0], QUICK, SHAPE)


@pytest.mark.parametrize("empty", ["train", "dev"])
def test_nothing_to_train_on_is_told(tmp_path, empty):
    full = material()
    parts = {"train": full.train, "dev": full.dev, empty: []}
    with pytest.raises(WakeTrainingError, match="make the corpus first"):
        Loop(Material(**parts, tokens=full.tokens), tmp_path, QUICK, SHAPE)


def test_it_learns_to_hear_and_not_the_texts_by_heart(tmp_path):
    seen = []
    train(tmp_path, seen.append, minutes=2, checkpoint_minutes=9, learning_rate=6e-3)
    assert seen[-1].loss < 0.7 * seen[0].loss
    assert seen[-1].shuffled > seen[-1].loss + 0.2  # 0 if nothing is heard
    assert (seen[-1].step, seen[-1].done) == (120, pytest.approx(119 / 120))


def test_the_learning_rate_rises_then_falls_to_almost_nothing():
    settings = Settings()
    rates = [settings.learning_rate_at(done / 100) for done in range(101)]
    assert rates.index(max(rates)) == 3
    assert rates[3] == settings.learning_rate
    assert 0 < rates[100] < 0.02 * rates[3]
    assert settings.flat_start_weight_at(0) == 1
    assert settings.flat_start_weight_at(0.5) == 0


def test_a_picture_needs_no_row_of_each_kind(tmp_path):
    draw([{"step": 1, "loss": 2.0}], tmp_path / "one.png")
    assert (tmp_path / "one.png").stat().st_size > 1000


@pytest.mark.parametrize("blocked", ["run", "run/checkpoints", "run/metrics.jsonl/in the way"])
def test_a_folder_that_cannot_be_written_is_told(tmp_path, blocked):
    path = tmp_path / blocked
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("no folder")
    with pytest.raises(WakeTrainingError, match=r"cannot be written: .*make room"):
        train(tmp_path / "run", minutes=0.01)
