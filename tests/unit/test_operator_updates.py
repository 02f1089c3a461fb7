"""A USB stick is plugged in, an operator confirms with the PIN, everybody sees what came of it."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from llm.flash.bundle import load_private_key
from llm.flash.journal import Outcome
from llm.knowledge.keys import create_key
from tests.small_bundles import in_use, use
from tests.unit.operator_lab import PIN, WRONG_PIN, OperatorLab, open_operator_lab
from voice.active_slot import slots_of
from voice.errors import UsageError
from voice.flash.told import tell, unseen
from voice.operator.announcer import FLASH, STICK
from voice.operator.work import Busy, Work

AREA = "/v1/operator"


@pytest.fixture
def device(tmp_path, monkeypatch) -> Iterator[OperatorLab]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with open_operator_lab(tmp_path) as opened:
        yield opened


def until(found: Callable[[], Any]) -> Any:
    """Wait for what threads do."""
    end_s = time.monotonic() + 90
    while not (value := found()):
        assert time.monotonic() < end_s
        time.sleep(0.05)
    return value


def plug_in(device: OperatorLab, version: int, **changes: Any) -> None:
    shutil.copy(device.bundles.write(version, **changes), device.stick)


def offers(http: httpx.Client) -> list[dict[str, Any]]:
    return http.get(f"{AREA}/sticks").json()["sticks"]


def notices(device: OperatorLab) -> dict[str, Any]:
    return device.kiosk.board.picture()["notices"]


def flash(http: httpx.Client, slot: str, pin: str = PIN) -> httpx.Response:
    return http.post(f"{AREA}/flash", json={"slot": slot, "pin": pin})


def test_a_stick_is_noticed_with_what_its_newest_bundle_says_of_itself(device):
    with device.operator() as http:
        assert offers(http) == []
        plug_in(device, 1)
        plug_in(
            device, 2, evaluation=(("right", 0.7, 0.9),), licence="Apache-2.0", verdict="better"
        )
        (offer,) = offers(http)
        bundle = offer["bundle"]
        assert (offer["stick"], offer["problem"], offer["in_use"]) == ("sda1", "", False)
        assert (bundle["name"], bundle["version"], bundle["signed_by"]) == ("t", 2, "owner")
        assert bundle["evaluation"] == [["right", 0.7, 0.9]]
        assert bundle["roles"] == ["adapter", "knowledge", "model"]
        assert until(lambda: notices(device).get(STICK)) == {"name": "t", "version": 2}
        shutil.rmtree(device.stick)
        assert offers(http) == []
        until(lambda: STICK not in notices(device))


def test_a_bundle_that_would_be_refused_is_shown_with_the_reason(device):
    stranger = device.folder / "stranger"
    create_key(stranger)
    with device.operator() as http:
        shutil.copy(device.bundles.write(1, load_private_key(stranger)), device.stick)
        (offer,) = offers(http)
        assert offer["bundle"] is None
        assert "key" in offer["problem"]
        plug_in(device, 1, devices=("other-*",))
        (offer,) = offers(http)
        assert "other-*" in offer["problem"]
        use(slots_of(device.config), device.bundles.make(5))
        plug_in(device, 1)
        (offer,) = offers(http)
        assert "older than version 5" in offer["problem"]
    assert STICK not in notices(device)


def test_what_is_in_use_already_is_no_news(device):
    use(slots_of(device.config), device.bundles.make(3))
    plug_in(device, 3)
    with device.operator() as http:
        (offer,) = offers(http)
        assert offer["in_use"]
    assert STICK not in notices(device)


def test_a_flash_wants_the_pin_again(device):
    plug_in(device, 1)
    with device.operator() as http:
        (offer,) = offers(http)
        slot = offer["bundle"]["id"]
        assert http.post(f"{AREA}/flash", json={"slot": slot}).status_code == 422
        assert flash(http, slot, WRONG_PIN).status_code == 403
        assert http.get(f"{AREA}/work").json()["state"] == "idle"
        assert flash(http, "0" * 64).status_code == 404
        assert flash(http, "../../etc/passwd").status_code == 422
    assert in_use(slots_of(device.config)) == 0


def test_a_flash_that_fails_is_told_on_the_public_screen_until_it_was_seen(device):
    """The weights of the bundle are no model at all: its check in a process of its own fails."""
    plug_in(device, 1)
    with device.operator() as http:
        (offer,) = offers(http)
        assert flash(http, offer["bundle"]["id"]).status_code == 202
        work = until(lambda: _ended(http))
        assert (work["kind"], work["state"]) == ("flash", "failed")
        assert "not used" in work["error"]["message"]
        assert work["error"]["fix"]
        told = notices(device)[FLASH]
        assert (told["name"], told["version"]) == ("t", 1)
        assert told["reason"]
    device.server.close()
    shutil.rmtree(device.stick)
    with open_operator_lab(device.folder) as again:
        assert until(lambda: notices(again).get(FLASH)) == told
        with again.operator() as http:
            assert http.get(f"{AREA}/slots").json()["unseen"]["version"] == 1
            assert http.post(f"{AREA}/notices/flash/seen", json={}).status_code == 200
            assert FLASH not in notices(again)
            assert http.get(f"{AREA}/slots").json()["unseen"] is None
    assert in_use(slots_of(device.config)) == 0


def _ended(http: httpx.Client) -> dict[str, Any] | None:
    work = http.get(f"{AREA}/work").json()
    return None if work["state"] == "running" else work


def test_a_bundle_that_is_altered_behind_its_head_is_refused_and_told(device):
    plug_in(device, 1)
    path = device.stick / "1.hean"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with device.operator() as http:
        (offer,) = offers(http)  # the signed head is whole
        assert flash(http, offer["bundle"]["id"]).status_code == 202
        work = until(lambda: _ended(http))
    assert "not what was signed" in work["error"]["message"]
    assert "not what was signed" in notices(device)[FLASH]["reason"]


def test_a_failure_that_another_program_caused_is_told_too(device):
    tell(device.config, Outcome("c" * 64, "hean", 9, False, "it does not load"))
    told = until(lambda: notices(device).get(FLASH))
    assert (told["version"], told["reason"]) == (9, "it does not load")
    tell(device.config, Outcome("d" * 64, "hean", 10))
    until(lambda: FLASH not in notices(device))


def test_the_way_back_must_name_what_is_left(device):
    slots = slots_of(device.config)
    with device.operator() as http:
        assert _roll_back(http, "a" * 64).status_code == 409
        for version in (1, 2):
            use(slots, device.bundles.make(version))
        status = http.get(f"{AREA}/slots").json()
        assert (status["current"]["version"], status["previous"]["version"]) == (2, 1)
        assert _roll_back(http, status["previous"]["id"]).status_code == 409
        assert in_use(slots) == 2
        after = _roll_back(http, status["current"]["id"]).json()
    assert (after["current"]["version"], after["state"]) == (1, "trial")
    assert unseen(device.config) is None  # whoever wanted it knows


def _roll_back(http: httpx.Client, slot: str) -> httpx.Response:
    return http.post(f"{AREA}/slots/rollback", json={"slot": slot})


def test_one_work_at_a_time_and_each_is_told_to_its_end():
    told: list[dict[str, Any]] = []
    work, go_on = Work(told.append), threading.Event()

    def first(report: Any) -> dict[str, Any]:
        assert go_on.wait(30)
        for done in range(5000):
            report("reading", done, 5000)
        return {"read": 5000}

    work.start("verify", first)
    with pytest.raises(Busy):
        work.start("check", lambda report: {})
    go_on.set()
    work.finish()
    assert (work.state.state, work.state.result) == ("done", {"read": 5000})
    assert 100 < len(told) < 1100

    def refused(report: Any) -> dict[str, Any]:
        raise UsageError("that cannot be", "try this")

    def pulled_out(report: Any) -> dict[str, Any]:
        raise OSError(5, "Input/output error")

    for run, message in ((refused, "that cannot be"), (pulled_out, "Input/output error")):
        work.start("flash", run)
        work.finish()
        assert (work.state.state, work.state.error["message"]) == ("failed", message)
