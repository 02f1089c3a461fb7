"""`hean wake` as a person types it."""

import argparse
import json
from dataclasses import replace

import pytest

from kws import WakeConfig
from kws.words import load_words
from voice.commands.wake import add_parser
from voice.config import Config, ModelsConfig
from voice.errors import ConfigError, HeanError, InputError, ModelError, UsageError, translated


@pytest.fixture
def config(tmp_path):
    return Config(models=ModelsConfig(store=str(tmp_path / "models")))


def hean(config, *words):
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    args = parser.parse_args(["wake", *words])
    with translated():
        return args.run(args, config)


def test_a_word_is_added_changed_and_removed(config, capsys):
    assert hean(config, "add", "小核小核", "--pinyin", "xiao3 he2 xiao3 he2", "--boost", "2") == 0
    assert "added: 小核小核  xiǎo hé xiǎo hé  boost 2" in capsys.readouterr().out
    assert hean(config, "add", "小核小核", "--yes", "--threshold", "0.4") == 0
    assert "changed: 小核小核" in capsys.readouterr().out
    words = {word.text: word for word in load_words(config.wake_file)}
    assert list(words) == ["你好核安", "小安小安", "小核小核"]
    assert (words["小核小核"].boost, words["小核小核"].threshold) == (1.5, 0.4)
    assert hean(config, "remove", "小核小核", "你好核安") == 0
    assert [word.text for word in load_words(config.wake_file)] == ["小安小安"]
    assert "left: 小安小安" in capsys.readouterr().out


def test_words_are_listed(config, capsys):
    assert hean(config, "list") == 0
    said = capsys.readouterr().out
    assert "你好核安  nǐ hǎo hé ān" in said
    assert "engine whisper, the words that are shipped" in said
    assert hean(config, "list", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["words"][1]["pinyin"] == ["xiǎo ān xiǎo ān"]
    assert said["file"] == str(config.wake_file)


def test_doubts_are_told(config, capsys):
    assert hean(config, "add", "核安", "--yes", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["changed"] is False
    assert any("2 syllables" in doubt for doubt in said["doubts"])
    assert any("你好核安" in doubt for doubt in said["doubts"])


def test_an_english_word_needs_no_pinyin(config, capsys):
    assert hean(config, "add", "hey  hean") == 0
    assert "added: hey hean  English" in capsys.readouterr().out


def test_pinyin_must_be_confirmed(config, capsys):
    with pytest.raises(UsageError, match="must be confirmed: xiǎo lè xiǎo lè") as caught:
        hean(config, "add", "小乐小乐", "--json")
    assert "--yes" in caught.value.fix
    assert not config.wake_file.exists()


@pytest.mark.parametrize(
    ("typed", "ways"), [("", ["xiǎo lè"]), ("2", ["xiǎo yuè"]), ("1 2", ["xiǎo lè", "xiǎo yuè"])]
)
def test_the_person_chooses_how_it_is_said(config, capsys, monkeypatch, typed, ways):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: typed)
    assert hean(config, "add", "小乐") == 0
    assert "2 xiǎo yuè" in capsys.readouterr().out
    assert list(load_words(config.wake_file)[-1].pinyin) == ways


def test_or_none_of_the_ways(config, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: "n")
    with pytest.raises(UsageError, match="no way to say it was chosen"):
        hean(config, "add", "小乐")


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (["add", "a+b"], ConfigError, "must be of Chinese characters or English letters"),
        (["add", "核安", "--pinyin", "he2"], ConfigError, "must have 2 syllables"),
        (["add", "核安", "--pinyin", "he2 xy1"], ConfigError, "'xy1' is not a syllable"),
        (["add", "核安", "--yes", "--threshold", "3"], ConfigError, "it must be from 0.01 to 1.0"),
        (["remove", "小爱"], UsageError, "no wake word '小爱'"),
        (["remove", "你好核安", "小安小安"], UsageError, "one wake word must stay"),
        (["test"], UsageError, "nothing to listen to"),
        (["test", "--mic", "said.wav"], UsageError, "nothing to listen to"),
        (["test", "/absent.wav"], InputError, "no such file"),
    ],
)
def test_a_mistake_is_one_clear_error(config, words, error, said):
    with pytest.raises(error, match=said) as caught:
        hean(config, *words)
    assert "\n" not in caught.value.message


def test_a_damaged_file_is_named(config):
    config.wake_file.write_text("[[words", encoding="utf-8")
    with pytest.raises(HeanError, match=r"wake\.toml"):
        hean(config, "list")


def test_an_engine_without_a_model_says_how_to_get_one(config):
    asked = replace(config, wake=WakeConfig(engine="zipformer"))
    with pytest.raises(ModelError, match="kws-hean is not installed") as caught:
        hean(asked, "add", "小核小核", "--yes")
    assert caught.value.fix == "hean models fetch kws-hean"
