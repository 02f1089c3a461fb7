import argparse
import json
from pathlib import Path

import pytest

from models.progress import Step
from voice.commands.models import add_parser, progress_bars
from voice.config import Config, ModelsConfig
from voice.errors import ModelError, translated


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(models=ModelsConfig(store=str(tmp_path / "store")))


def hean(config: Config, *words: str) -> int:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    args = parser.parse_args(["models", *words])
    with translated():
        return int(args.run(args, config))


def test_list_shows_each_model_with_its_licence(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hean(config, "list") == 0
    said = capsys.readouterr().out
    assert "kokoro" in said
    assert "FunASR Model License" in said
    assert "profile starter (configured): silero-vad" in said


def test_list_as_json(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    assert hean(config, "list", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["profiles"]["starter"]["tts"] == "kokoro"
    assert {row["state"] for row in said["models"]} == {""}


def test_verify_tells_what_is_missing(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    assert hean(config, "verify", "kokoro", "--json") == 65
    (fault,) = json.loads(capsys.readouterr().out)["faults"]
    assert fault == {
        "model": "kokoro",
        "problem": "model kokoro is not installed",
        "fix": "hean models fetch kokoro",
    }


def test_verify_of_nothing_is_fine(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    assert hean(config, "verify") == 0
    assert "no model is installed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fetch", "kokorro"], "did you mean 'kokoro'"),
        (["fetch", "--profile", "big"], "there is no profile 'big'"),
        (["remove", "kokoro"], "not installed"),
        (["import", "/nowhere"], "does not exist"),
        (["import", str(Path(__file__).parent)], "holds no model"),
    ],
)
def test_a_mistake_is_one_clear_error(config: Config, words: list[str], said: str) -> None:
    with pytest.raises(ModelError, match=said) as caught:
        hean(config, *words)
    assert "\n" not in caught.value.message
    assert caught.value.fix


def test_a_model_that_is_not_there_is_told_and_nothing_else(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ModelError, match="no model 'nothing'"):
        hean(config, "fetch", "nothing")
    assert capsys.readouterr() == ("", "")


def test_bytes_of_unknown_number_are_shown_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bars(quiet=False) as show:
        show(Step("kokoro", "reading", "model.onnx", 70, 0))
    assert "70/? bytes" in capsys.readouterr().err
