"""Wake words that a flashed slot brings count everywhere, unless the owner has own ones."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from kws.words import make_word, save_words
from tests.small_bundles import use, workshop
from voice.active_slot import enabled_words, slots_of
from voice.commands.wake import add_parser
from voice.config import Config, ModelsConfig


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A device with a slot whose words are 小核小核, and one that is switched off."""
    config = Config(models=ModelsConfig(store=str(tmp_path / "device/models")))
    words = tmp_path / "wake.toml"
    save_words(words, [make_word("小核小核"), make_word("你好小核", enabled=False)])
    bundles = workshop(tmp_path / "bundles", {"wake/wake.toml": ("wake", words.read_bytes())})
    use(slots_of(config), bundles.make(1))
    return config


def test_the_words_of_the_slot_are_listened_for(config: Config) -> None:
    assert [word.text for word in enabled_words(config)] == ["小核小核"]


def test_the_words_of_the_owner_come_first(config: Config) -> None:
    save_words(config.wake_file, [make_word("小安小安")])
    assert [word.text for word in enabled_words(config)] == ["小安小安"]


def test_the_list_tells_where_the_words_are_from(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    args = parser.parse_args(["wake", "list"])
    args.run(args, config)
    assert "wake/wake.toml" in capsys.readouterr().out
    args.json = True
    args.run(args, config)
    assert json.loads(capsys.readouterr().out)["file"].endswith("wake/wake.toml")
