"""From the text of a word to a model in the store that the real engine runs, whatever is killed on
the way: a few seconds of speech, a few steps, few points of the curve."""

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from kws.settings_of_model import tuned
from kws.train.corpus import read_clips
from kws.words import make_word
from kws.zipformer import ZipformerDetector
from models.store import Store
from tests.commands import hean
from tests.quick_wake_training import alive, makers, training
from voice.config import Config, ModelsConfig
from voice.wake import engine_of, model_files, model_in_use
from voice.wake_training.report import corpus_sha256

pytestmark = pytest.mark.models

WORD = make_word("小核小核")
HOURS = "0.001"
PATIENCE_S = 400
"""For each step, on a machine that has much else to do."""


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


STAGES = {
    "speech is made": lambda run: lines(run / "corpus" / "clips.jsonl") > 0,
    "the model learns": lambda run: (run / "training" / "metrics.jsonl").exists(),
    "its operating point is chosen": lambda run: lines(run / "model" / "lexicon.txt") > 0,
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of its own, with the voice and the recogniser of this machine."""
    folder = tmp_path_factory.mktemp("own") / "models"
    folder.mkdir()
    for name in ("kokoro", "whisper-base"):
        (folder / name).symlink_to(Config().store / name)
    return folder


@pytest.fixture(scope="module")
def run(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that lost a process that makes speech, was killed in each stage, and then finished."""
    folder = tmp_path_factory.mktemp("wake") / "run"
    with training(store, WORD.text, "--hours", HOURS, "--out", folder) as begun:
        begun.wait_until(lambda: bool(makers(begun.process.pid)), PATIENCE_S)
        os.kill(makers(begun.process.pid)[0], signal.SIGKILL)
        ended = begun.end(seconds=PATIENCE_S)
    assert ended.code == 70, ended.err
    assert "what is made is kept" in ended.err and "Traceback" not in ended.err
    kept = []
    for reached in STAGES.values():
        with training(store, "--resume", folder) as killed:
            killed.wait_until(lambda reached=reached: reached(folder), PATIENCE_S)
            children = makers(killed.process.pid)
            assert killed.end(signal.SIGKILL).code == -signal.SIGKILL
        wait_for_the_end_of(children)
        clips = read_clips(folder / "corpus")
        assert clips[: len(kept)] == kept
        kept = clips
    assert not (folder / "report.json").exists()
    with training(store, "--resume", folder) as last:
        done = last.end(seconds=2 * PATIENCE_S)
    assert done.code == 0, done.err
    assert read_clips(folder / "corpus") == kept  # no more than was wanted
    assert "installed: used from the next start on" in done.out
    return folder


def wait_for_the_end_of(processes: list[int], seconds: float = PATIENCE_S) -> None:
    end = time.monotonic() + seconds
    while left := [one for one in processes if alive(one)]:
        assert time.monotonic() < end, f"they outlive the command: {left}"
        time.sleep(0.1)


def test_the_report_tells_what_was_done_and_what_the_word_costs(run):
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    assert report["command"] == f'hean wake train "小核小核" --hours {HOURS}'
    assert report["training"]["steps"] > 0
    assert report["training"]["bytes"] < 5_000_000
    assert 0 <= report["chosen"][WORD.text]["near"] <= 1
    assert report["chosen"][WORD.text]["false_per_hour"] >= 0
    assert report["counts"]["other_s"] >= 10
    assert WORD.text in (run / "report.html").read_text(encoding="utf-8")
    assert (run / "training" / "loss.png").stat().st_size > 1000


def test_what_it_was_made_from_is_kept_with_the_model(run, store):
    files = Store(store).resolve("kws-own")
    told = json.loads(files["training"].read_text(encoding="utf-8"))
    assert told == json.loads((run / "training.json").read_text(encoding="utf-8"))
    assert told["corpus"]["sha256"] == corpus_sha256(run / "corpus")
    assert told["made_from"][0]["licence"].startswith("Apache-2.0")
    assert {"encoder.int8.onnx", "lexicon.txt", "operating.json"} <= told["files"].keys()
    assert files["report"].is_file() and files["page"].is_file()


def test_the_model_is_used_with_its_own_settings(run, store):
    config = Config(models=ModelsConfig(store=str(store)))
    assert (engine_of(config), model_in_use(config)) == ("combined", "kws-own")
    files = model_files(config)
    words = tuned([WORD, make_word("radiation")], files)
    assert (words[0].boost, words[0].threshold in (0.2, 0.6)) == (0.4, True)
    detector = ZipformerDetector(words, files)
    noise = np.random.default_rng(1).normal(0, 0.01, (50, detector.chunk_samples))
    assert [detector.process(chunk) for chunk in noise.astype(np.float32)] == [None] * 50


def test_english_words_can_be_typed_later(run, store):
    own = ("--set", f"models.store={store}")
    assert hean("wake", "add", "hello robot", *own).code == 0


def test_a_disk_that_is_full_at_the_end_is_told(run, store):
    table = run / "model" / "tokens.txt"
    table.unlink()
    table.symlink_to("/dev/full")
    full = hean("wake", "train", "--resume", run, "--finish", "--set", f"models.store={store}")
    table.unlink()
    assert full.code == 65
    assert full.err.splitlines()[-2:] == [
        f"hean: the disk of {run} is full",
        f"      free some space on it, then: hean wake train --resume {run}",
    ]
