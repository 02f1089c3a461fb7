from __future__ import annotations

import subprocess
import sys
import time

import pytest

from tests.commands import ROOT
from voice import renewal
from voice.audio.portaudio import DeviceHangs
from voice.errors import DeviceError
from voice.renewal import APART_S, found_again, may_renew

VARIABLE = "HEAN_RENEWED_S"

# Begins anew once, and tells what it was given.
ANEW = """
import sys
from voice.renewal import may_renew, renew
print(sys.argv[1:], may_renew(), flush=True)
if may_renew():
    renew("it hangs")
"""


class Lost:
    """A device that is found at the third look."""

    looks = 0

    def find(self) -> str:
        self.looks += 1
        if self.looks < 3:
            raise DeviceError("no microphone found")
        return "microphone"


def test_it_begins_anew_in_the_same_process_with_the_same_arguments() -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", ANEW, "run", "--set", "a=b c"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    out, _ = program.communicate(timeout=60)
    given = ["run", "--set", "a=b c"]
    assert out.splitlines() == [f"{given} True", f"{given} False"]
    assert program.returncode == 0


def test_it_does_so_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert may_renew()
    monkeypatch.setenv(VARIABLE, str(time.monotonic()))
    assert not may_renew()
    monkeypatch.setenv(VARIABLE, str(time.monotonic() - APART_S - 1))
    assert may_renew()


def test_a_device_that_was_there_before_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewal, "_LOOK_AGAIN_S", 0.0)
    monkeypatch.setenv(VARIABLE, str(time.monotonic()))
    assert found_again(Lost().find) == "microphone"


def test_a_device_that_was_never_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    lost = Lost()
    with pytest.raises(DeviceError, match="no microphone found"):
        found_again(lost.find)
    assert lost.looks == 1


def test_a_device_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs() -> str:
        raise DeviceHangs("a sound device hangs and cannot be closed")

    monkeypatch.setenv(VARIABLE, str(time.monotonic()))
    with pytest.raises(DeviceHangs):
        found_again(hangs)
