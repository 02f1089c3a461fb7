import os
import pty
import stat
import subprocess
import sys

import pytest

from tests.commands import hean
from voice.errors import ConfigError, UsageError
from voice.operator.pin import (
    FIRST_WAIT_S,
    FREE_TRIES,
    LONGEST_WAIT_S,
    Pin,
    TooSoon,
    wait_after,
)
from voice.operator.sessions import IDLE_S, LONGEST_S, MOST, Sessions

GOOD, WRONG = "271828", "314159"


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pin(tmp_path, clock):
    made = Pin(tmp_path / "kiosk", clock)
    made.set(GOOD)
    return made


def wrong_tries(pin: Pin, count: int) -> None:
    for _ in range(count):
        assert pin.matches(WRONG) is False


def test_the_right_pin_fits_and_a_wrong_one_does_not(pin):
    assert pin.matches(GOOD)
    assert not pin.matches(WRONG)
    assert not pin.matches(GOOD + "0")
    assert pin.matches(GOOD)


def test_only_a_hash_is_kept_and_only_its_owner_may_read_it(pin, tmp_path):
    file = tmp_path / "kiosk" / "pin"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().startswith("$argon2id$")
    assert GOOD not in file.read_text()


@pytest.mark.parametrize("digits", ["", "12345", "12 34 56", "１２３４５６", "a23456", "1" * 17])
def test_what_is_no_pin_is_refused(pin, digits):
    with pytest.raises(UsageError, match="6 to 16 digits"):
        pin.set(digits)
    assert pin.matches(GOOD)


@pytest.mark.parametrize("digits", ["111111", "121212", "123456", "456789", "987654", "890123"])
def test_the_first_that_anybody_would_try_is_refused(pin, digits):
    with pytest.raises(UsageError, match="first that anybody"):
        pin.set(digits)


def test_waits_grow_up_to_a_bound():
    waits = [wait_after(wrong) for wrong in range(200)]
    assert waits[:FREE_TRIES] == [0] * FREE_TRIES
    assert waits[FREE_TRIES] == FIRST_WAIT_S
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT_S


def test_during_the_wait_not_even_the_right_pin_is_taken(pin, clock):
    wrong_tries(pin, FREE_TRIES)
    with pytest.raises(TooSoon) as told:
        pin.matches(GOOD)
    assert told.value.wait_s == FIRST_WAIT_S
    clock.now_s += FIRST_WAIT_S
    assert not pin.matches(WRONG)
    assert pin.wait_s == 2 * FIRST_WAIT_S
    clock.now_s += 2 * FIRST_WAIT_S
    assert pin.matches(GOOD)
    assert pin.wait_s == 0


def test_the_right_pin_ends_the_count(pin):
    for _ in range(3):
        wrong_tries(pin, FREE_TRIES - 1)
        assert pin.matches(GOOD)


def test_a_restart_gains_no_try(pin, tmp_path, clock):
    wrong_tries(pin, FREE_TRIES)
    clock.now_s += FIRST_WAIT_S - 1
    again = Pin(tmp_path / "kiosk", clock)
    assert again.wait_s == FIRST_WAIT_S


def test_a_try_counts_before_it_is_compared(pin, tmp_path, clock, monkeypatch):
    """Whoever cuts the power as soon as the comparison begins must not have gained a try."""
    monkeypatch.setattr(Pin, "_compare", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    for _ in range(FREE_TRIES):
        with pytest.raises(KeyboardInterrupt):
            pin.matches(WRONG)
    assert Pin(tmp_path / "kiosk", clock).wait_s == FIRST_WAIT_S


@pytest.mark.parametrize("damage", [b"", b"\0\0\0", b"three"])
def test_a_damaged_count_means_a_wait(pin, tmp_path, damage):
    (tmp_path / "kiosk" / "pin-tries").write_bytes(damage)
    assert pin.wait_s == FIRST_WAIT_S


def test_wrong_tries_count_also_where_the_disk_takes_nothing(pin, tmp_path):
    (tmp_path / "kiosk" / "pin-tries").mkdir()  # cannot be replaced by a file
    (tmp_path / "kiosk" / "pin-tries" / "x").touch()
    with pytest.raises(TooSoon):
        pin.matches(GOOD)


def test_a_new_pin_ends_the_wait(pin):
    wrong_tries(pin, FREE_TRIES)
    pin.set("161803")
    assert pin.matches("161803")


@pytest.mark.parametrize("damage", ["", "271828", "$argon2id$v=19$m=1"])
def test_a_damaged_file_of_the_pin_lets_nobody_in(pin, tmp_path, damage):
    (tmp_path / "kiosk" / "pin").write_text(damage)
    with pytest.raises(ConfigError, match="damaged"):
        pin.matches(GOOD)


def test_a_session_ends_when_it_is_not_used_and_after_a_day_of_work(clock):
    sessions = Sessions(clock)
    cookie, _ = sessions.open()
    clock.now_s += IDLE_S
    assert sessions.find(cookie)
    clock.now_s += IDLE_S
    assert sessions.find(cookie, touch=False)
    clock.now_s += 1
    assert sessions.find(cookie) is None
    cookie, _ = sessions.open()
    for _ in range(int(LONGEST_S / IDLE_S)):
        clock.now_s += IDLE_S
        assert sessions.find(cookie)
    clock.now_s += 1
    assert sessions.find(cookie) is None


def test_signing_out_ends_one_session_and_too_many_end_the_oldest(clock):
    sessions = Sessions(clock)
    cookies = [sessions.open()[0] for _ in range(MOST)]
    sessions.close(cookies[1])
    assert [bool(sessions.find(cookie)) for cookie in cookies[:3]] == [True, False, True]
    sessions.open()
    sessions.open()
    assert [bool(sessions.find(cookie)) for cookie in cookies[:3]] == [False, False, True]
    assert sessions.find("") is None


def store(folder) -> tuple[str, ...]:
    return ("--set", f"models.store={folder / 'models'}")


def test_the_command_sets_the_pin_from_standard_input(tmp_path):
    for digits, told in ((GOOD, "is set"), (WRONG, "is changed")):
        done = hean(*store(tmp_path), "kiosk", "pin", "--stdin", typed=f"{digits}\nrest".encode())
        assert (done.code, done.out) == (0, f"the PIN {told}\n")
        assert Pin(tmp_path / "kiosk").matches(digits)


def test_the_command_asks_nobody_where_there_is_no_terminal(tmp_path):
    done = hean(*store(tmp_path), "kiosk", "pin")
    assert done.code == 2
    assert "--stdin" in done.err


@pytest.mark.parametrize(("second", "code"), [(GOOD, 0), (WRONG, 2)])
def test_the_terminal_shows_nothing_of_the_pin_and_asks_twice(tmp_path, second, code):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "voice", *store(tmp_path), "kiosk", "pin"]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as running:
        shown = ""
        for typed in (GOOD, second):
            while not shown.endswith((": ", "again: ")):
                shown += os.read(ours, 1000).decode()
            os.write(ours, f"{typed}\n".encode())
            shown += os.read(ours, 1000).decode()
        running.wait()
    os.close(theirs)
    os.close(ours)
    assert running.returncode == code
    assert GOOD not in shown
    assert Pin(tmp_path / "kiosk").is_set == (code == 0)
