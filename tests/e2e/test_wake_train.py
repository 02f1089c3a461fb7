"""`hean wake train` as a process, from the text of a word to a model that the real engine runs: a
few seconds of speech and a few steps, killed half-way."""

import json
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from kws.settings_of_model import tuned
from kws.train.corpus import read_clips
from kws.words import make_word
from kws.zipformer import ZipformerDetector
from tests.commands import command, environment, hean_process
from voice.wake_training import resumed

pytestmark = pytest.mark.models

HOURS = "0.004"
WORD = "小核小核"
MOST_S = 300


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A run that was killed while speech was made and then continued; the clips at the kill."""
    folder = tmp_path_factory.mktemp("wake") / "run"
    begun = command("wake", "train", WORD, "--hours", HOURS, "--out", folder, "--json")
    process = subprocess.Popen(begun, env=environment(), cwd=folder.parent)
    while not (clips := read_clips(folder / "corpus")) and process.poll() is None:
        time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    options = ("--resume", folder, "--no-install", "--json")
    result = hean_process(folder.parent, "wake", "train", *options, timeout_s=MOST_S)
    assert result.code == 0, result.err
    assert json.loads(result.out)["installed"] is False
    return folder, len(clips)


def test_a_run_is_continued_where_it_was_killed(run):
    folder, before = run
    clips = read_clips(folder / "corpus")
    assert 0 < before < len(clips)
    assert len({clip.audio for clip in clips}) == len(clips)
    assert {clip.split for clip in clips} == {"train", "dev"}
    assert WORD in {clip.word for clip in clips}


def test_the_report_tells_what_was_done(run):
    folder, _ = run
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert report["command"].startswith(f'hean wake train "{WORD}" --hours {HOURS}')
    assert report["training"]["steps"] > 0 and report["training"]["bytes"] < 5_000_000
    assert 0 <= report["chosen"][WORD]["near"] <= 1
    assert WORD in (folder / "report.html").read_text(encoding="utf-8")
    assert (folder / "training" / "loss.png").stat().st_size > 1000
    assert resumed(folder).words == (make_word(WORD),)


def test_the_real_engine_runs_the_model(run):
    folder, _ = run
    names = {"encoder": "encoder.int8.onnx", "decoder": "decoder.onnx", "joiner": "joiner.onnx"}
    names |= {"tokens": "tokens.txt", "lexicon": "lexicon.txt", "operating": "operating.json"}
    files = {role: folder / "model" / name for role, name in names.items()}
    words = tuned([make_word(WORD), make_word("radiation")], files)
    assert words[0].threshold != make_word(WORD).threshold
    detector = ZipformerDetector(words, files)
    noise = np.random.default_rng(1).normal(0, 0.01, (50, detector.chunk_samples))
    assert [detector.process(chunk) for chunk in noise.astype(np.float32)] == [None] * 50
