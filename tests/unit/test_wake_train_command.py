"""`hean wake train` as a person types it; the training itself: tests/e2e/test_wake_train.py."""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kws.advice import SYLLABLES_AN_HOUR, said_an_hour
from kws.train.corpus import read_clips, write_audio
from kws.train.spelling import Speller
from kws.words import make_word
from voice import wake_training
from voice.commands.wake import add_parser
from voice.commands.wake_train import _progress
from voice.config import Config, ModelsConfig
from voice.errors import HeanError, InputError, UsageError, translated
from voice.wake_training.plan import Plan, begin, doubts, planned, resumed
from voice.wake_training.speech import add_speech

OPTIONS = {"hours": 1.5, "speech": (), "noise": "", "seed": 1}


@pytest.fixture
def config(tmp_path):
    return Config(models=ModelsConfig(store=str(tmp_path / "models")))


def hean(config, *words):
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    args = parser.parse_args(["wake", "train", *words])
    with translated():
        return args.run(args, config)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name a word"),
        (["你好核安", "--resume", "x"], "name a word"),
        (["你好核安", "--hours", "0"], "--hours is 0"),
        (["你好核安", "--finish"], "--finish ends"),
        (["你好1号"], "Chinese characters or English letters"),
        (["你好核安", "--pinyin", "ni3 hao3"], "4 syllables"),
        (["你好核安", "--speech", "/no/such"], "no folder"),
        (["你好核安", "--noise", "/no/such"], "no folder"),
        (["--resume", "/no/such"], "no plan of a run"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_done(config, tmp_path, words, said):
    with pytest.raises(HeanError, match=said) as caught:
        hean(config, *words, "--out", str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()
    assert caught.value.exit_code in (2, 66, 78)


def test_missing_training_packages_are_named(config, tmp_path, monkeypatch):
    monkeypatch.setattr(wake_training, "find_spec", lambda name: None if name == "torch" else name)
    with pytest.raises(UsageError, match="more packages: torch"):
        hean(config, "你好核安", "--out", str(tmp_path / "run"))


def test_a_plan_survives_and_names_its_command(tmp_path):
    (tmp_path / "speech").mkdir()
    plan = planned(
        ["你好核安", "hello  heron", "你好核安"],
        ["ni3 hao3 he2 an1"],
        {**OPTIONS, "speech": (str(tmp_path / "speech"),)},
    )
    begin(plan, tmp_path / "run")
    assert resumed(tmp_path / "run") == plan
    assert plan.command == (
        'hean wake train "你好核安" --word "hello heron" --hours 1.5 --speech speech'
    )
    with pytest.raises(InputError, match="holds a run already"):
        begin(plan, tmp_path / "run")


def test_the_command_tells_all_that_was_chosen(tmp_path):
    options = {**OPTIONS, "noise": str(tmp_path), "seed": 7}
    command = planned(["小乐"], ["xiǎo yuè"], options).command
    assert command == (
        f'hean wake train "小乐" --pinyin "xiǎo yuè" --hours 1.5 --noise {tmp_path.name} --seed 7'
    )


def test_hours_that_are_changed_later_are_kept(tmp_path):
    plan = planned(["你好核安"], [], OPTIONS)
    begin(plan, tmp_path / "run")
    assert resumed(tmp_path / "run", 3.0).hours == 3.0
    assert resumed(tmp_path / "run") == replace(plan, hours=3.0)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"words": [{"text": "?"}]}'])
def test_a_damaged_plan_is_told(tmp_path, content):
    (tmp_path / "plan.json").write_text(content)
    with pytest.raises(InputError, match="no plan of a run"):
        resumed(tmp_path)


def test_nothing_is_shown_before_there_is_progress(capsys):
    with _progress(quiet=False):
        pass
    assert capsys.readouterr().err == ""
    with _progress(quiet=False) as tell:
        tell("training", 0.5)
    assert "50% training" in capsys.readouterr().err


def test_a_full_disk_is_told_before_it_is_full(tmp_path):
    with pytest.raises(InputError, match=r"MB are free, \d+ MB are needed"):
        begin(Plan((), 1.5, (), "", 1), Path("/proc"))
    with pytest.raises(InputError, match="cannot be written"):
        begin(planned(["你好核安"], [], OPTIONS), Path("/dev/null/run"))


def test_words_of_everyday_speech_are_doubted():
    plan = planned(["你好", "你好核安"], [], OPTIONS)
    said = " ".join(doubts(plan.words))
    assert "你好 has 2 syllables only" in said and "what people say anyway: 你好" in said


COUNTS = {"你好": 20, "你好吗": 10, "安全": 70, "的": 1000, "公安局": 10, "hello": 5}
SYLLABLES = 2 * 20 + 3 * 10 + 2 * 70 + 1000 + 3 * 10 + 5 * 5


@pytest.mark.parametrize(
    ("text", "times"), [("安", 80), ("你好", 30), ("安全", 70), ("你好核安", 0), ("hello", 0)]
)
def test_what_a_word_costs_is_counted(text, times):
    an_hour = said_an_hour(make_word(text), COUNTS)
    assert an_hour == pytest.approx(SYLLABLES_AN_HOUR * times / SYLLABLES)
    assert said_an_hour(make_word(text), {}) == 0


def test_the_price_of_a_bad_word_is_told_and_that_of_a_good_one_is_none():
    plan = planned(["安", "你好核安"], [], OPTIONS)
    said = doubts(plan.words, COUNTS)
    assert "安 has one syllable only" in said[0]
    assert f"安 is said {SYLLABLES_AN_HOUR * 80 / SYLLABLES:.2g} times in an hour" in " ".join(said)
    assert not any("你好核安 is said" in doubt for doubt in said)


def recording(folder: Path, name: str, seconds: float = 1.0) -> None:
    time = np.arange(int(16_000 * seconds)) / 16_000
    write_audio(folder / name, (0.3 * np.sin(1400 * time)).astype(np.float32))


def table(folder: Path, *lines: str) -> None:
    text = "\n".join(line.replace("|", "\t") for line in lines)
    (folder / "table.tsv").write_text(text + "\n", encoding="utf-8")


def test_recordings_of_people_are_added_once(tmp_path):
    source, corpus = tmp_path / "speech", tmp_path / "corpus"
    source.mkdir()
    for name in ("a.flac", "b.flac", "c.flac"):
        recording(source, name)
    recording(source, "short.flac", 0.1)
    table(
        source,
        "path|sentence|client_id",
        "a.flac|今天 3 度|S1", "b.flac|?|S1", "gone.flac|你好|S2", "short.flac|你好|S2",
        "c.flac|你好核安|S3",
    )  # fmt: skip
    assert add_speech(source, corpus, Speller()) == (2, 2)
    clips = read_clips(corpus)
    assert [(clip.text, clip.kind, clip.speaker) for clip in clips] == [
        ("今天三度", "human", "S1"), ("你好核安", "human", "S3"),
    ]  # fmt: skip
    assert {clip.split for clip in clips} == {"train", "dev"}
    assert add_speech(source, corpus, Speller()) == (0, 2)


def test_a_folder_without_transcripts_is_refused(tmp_path):
    with pytest.raises(InputError, match="no table of transcripts"):
        add_speech(tmp_path, tmp_path / "corpus", Speller())
    table(tmp_path, "name|words", "a.flac|你好")
    with pytest.raises(InputError, match="no column 'file'"):
        add_speech(tmp_path, tmp_path / "corpus", Speller())


def test_help_shows_how_to_go_on(config, capsys):
    with pytest.raises(SystemExit):
        hean(config, "--help")
    said = capsys.readouterr().out
    assert "--resume runs/2026-01-31-wake --finish" in said
