from __future__ import annotations

import logging
import subprocess
import sys

import pytest

CHATTER = (
    "Expression 'alsa_snd_pcm_poll_descriptors_revents( self->pcm, pfds, &revents )' failed in "
    "'src/hostapi/alsa/pa_linux_alsa.c', line: 3665",
    "ALSA lib confmisc.c:855:(parse_card) cannot find card '0'",
    "",
)
WORDS = (
    "Expression of interest",
    "line: 3665",
    "Traceback (most recent call last):",
    "坏了 \udcff",
)
PROGRAM = """
import logging, os, sys
from voice.process.chatter import without_chatter
logging.basicConfig(level=int(sys.argv[1]), format="%(message)s")
os.write(2, b"before\\n")
with without_chatter():
    sys.stderr.flush()
    for line in sys.argv[3:]:
        os.write(2, os.fsencode(line) + b"\\n")
    exec(sys.argv[2])
os.write(2, b"after\\n")
"""


def printed(level: int, last: str, *lines: str) -> list[str]:
    """Return what a program prints that writes lines to standard error, and then does `last`."""
    command = [sys.executable, "-c", PROGRAM, str(level), last, *lines]
    done = subprocess.run(command, stderr=subprocess.PIPE, timeout=60, check=False)
    return done.stderr.decode(errors="surrogateescape").splitlines()


def test_only_the_lines_of_portaudio_and_alsa_are_left_out() -> None:
    lines = (CHATTER[0], *WORDS[:2], *CHATTER[1:], *WORDS[2:])
    assert printed(logging.WARNING, "pass", *lines) == ["before", *WORDS, "after"]


def test_at_debug_level_they_are_shown() -> None:
    assert printed(logging.DEBUG, "pass", *CHATTER) == ["before", *CHATTER, "after"]


@pytest.mark.parametrize("last", ["os._exit(3)", "os.abort()"])
def test_the_last_words_of_a_process_are_not_lost(last: str) -> None:
    assert printed(logging.WARNING, last, CHATTER[0], *WORDS) == ["before", *WORDS]


def test_an_error_inside_comes_out_whole() -> None:
    *_, name = printed(logging.WARNING, "raise ValueError('wrong')", CHATTER[0])
    assert name == "ValueError: wrong"


def test_a_child_that_lives_on_is_not_waited_for() -> None:
    child = "import subprocess; subprocess.Popen(['sleep', '20'])"
    assert printed(logging.WARNING, child, WORDS[0]) == ["before", WORDS[0], "after"]
