import argparse
import subprocess
import sys

import pytest

from tests.commands import ROOT, environment
from voice.commands import say
from voice.config import Config
from voice.errors import ConfigError, InputError, translated
from voice.tts import pick_voice


def _run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    say.add_parser(parser.add_subparsers())
    args = parser.parse_args(["say", *arguments])
    return int(args.run(args, Config()))


@pytest.mark.parametrize("arguments", [(), ("",), ("  ", "\n")])
def test_no_text_is_an_input_error(arguments: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="no text"):
        _run(*arguments)


def test_far_too_much_text_is_an_input_error() -> None:
    with pytest.raises(InputError, match="100000 characters"):
        _run("核" * 100_000)


def test_impossible_speed_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="from 0.5 to 2.0"):
        _run("马上进屋", "--speed", "9")


def test_a_voice_that_is_not_there_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="'nobody'; there are zf_one, zm_two"), translated():
        pick_voice("nobody", ("zf_one", "zm_two"), "zf_one")


# Is asked to end while it waits until all was heard. Nobody takes what this loudspeaker plays.
PROGRAM = """
import os, signal, sys
from tests.unit.scripted import Hum
from voice.audio.playing import PlaybackQueue
from voice.cli import main
from voice.commands import say

class Speaker(PlaybackQueue):
    def drain(self, turn, timeout_s):
        os.kill(os.getpid(), signal.SIGTERM)
        print("heard" if super().drain(turn, 60) else "not heard")

    def close(self):
        super().close()
        print("closed")

say._load = lambda config, settings: Hum()
say._speaker = lambda out, config, rate_hz: Speaker("none", rate_hz, 1.0)
sys.exit(main(["say", "Go indoors now."]))
"""


def test_who_asks_for_the_end_gets_it_at_once_and_in_order() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert (done.returncode, done.stdout, done.stderr) == (
        130,
        "heard\nclosed\n",
        "hean: interrupted\n",
    )
