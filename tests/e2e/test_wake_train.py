"""From the text of a word to a model in the store that the real engine runs: a few seconds of
speech, a few steps, few points of the curve."""

import json
from pathlib import Path

import numpy as np
import pytest

from kws.train.corpus import read_clips
from kws.words import make_word
from kws.zipformer import ZipformerDetector
from voice import wake_training as training
from voice.config import Config, ModelsConfig
from voice.engines import ModelFiles
from voice.wake import engine_of, load_tuned
from voice.wake_training.corpus import Order, record

pytestmark = pytest.mark.models

WORD = make_word("小核小核")
HOURS = 0.0005


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A store of its own, with the voice and the recogniser of this machine."""
    store = tmp_path_factory.mktemp("store")
    for name in ("kokoro", "whisper-base"):
        (store / name).symlink_to(Config().store / name)
    return Config(models=ModelsConfig(store=str(store)))


@pytest.fixture(scope="module")
def run(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is continued after its first two readings, and goes on to the end."""
    folder = tmp_path_factory.mktemp("wake") / "run"
    plan = training.Plan((WORD,), HOURS, (), "", 1)
    training.begin(plan, folder)
    _, files = ModelFiles(config).find("tts")
    order = Order(folder / "corpus", plan.words, tuple(files.items()), (), plan.seed)
    for number in (0, 1):  # the second is of the development set
        record(order, number)
    before = read_clips(folder / "corpus")
    training.prepare()
    told: list[str] = []
    clips = training.make_speech(
        training.resumed(folder), folder, config, lambda *a: told.append(a[0])
    )
    assert clips == before and told == ["speech"]
    checkpoint = training.train(plan, folder, clips, lambda what, done: None)
    with pytest.MonkeyPatch.context() as few:
        few.setattr("voice.wake_training.choice.BOOSTS", (0.4,))
        few.setattr("kws.train.operating.THRESHOLDS", (0.2, 0.6))
        few.setattr("voice.wake_training.choice._NOISE_S", 10.0)
        found = training.export(checkpoint, plan, folder, config)
        choice, found["operating"] = training.choose(plan, folder, found, clips, lambda *_: None)
    report = training.report(plan, folder, checkpoint, found, choice)
    training.install({**found, "report": folder / "report.json"}, config)
    assert report["training"]["steps"] == checkpoint.step > 0
    return folder


def test_the_report_tells_what_was_done(run):
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    assert report["command"] == 'hean wake train "小核小核" --hours 0.0005'
    assert report["training"]["bytes"] < 5_000_000
    assert 0 <= report["chosen"][WORD.text]["near"] <= 1
    assert report["counts"]["other_s"] >= 10
    assert WORD.text in (run / "report.html").read_text(encoding="utf-8")
    assert (run / "training" / "loss.png").stat().st_size > 1000


def test_the_model_is_used_with_its_own_settings(run, config):
    assert engine_of(config) == "zipformer"
    words, files = load_tuned(config, [WORD, make_word("radiation")])
    assert (words[0].boost, words[0].threshold in (0.2, 0.6)) == (0.4, True)
    detector = ZipformerDetector(words, files)
    noise = np.random.default_rng(1).normal(0, 0.01, (50, detector.chunk_samples))
    assert [detector.process(chunk) for chunk in noise.astype(np.float32)] == [None] * 50
