"""The clock of a machine without a battery: what is believed, and what runs out by it."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from llm.flash import FlashError
from llm.flash.policy import check
from tests.small_bundles import workshop
from voice.config import Config, ModelsConfig
from voice.device import clock
from voice.flash.device import this_device

NOW_S = time.time()
DAY_S = 86_400.0
YEAR_S = 365 * DAY_S


@pytest.fixture
def config(tmp_path):
    return Config(models=ModelsConfig(store=str(tmp_path / "data/models")))


@pytest.fixture
def data(config):
    config.store.parent.mkdir()
    return config.store.parent


def day(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).date()


def test_a_clock_at_1970_is_known_to_be_wrong_and_not_used(config):
    assert "1970-01-01" in clock.problem(config, 0)
    assert clock.today(config, 0) == day(clock.known_s(config))
    assert clock.today(config, 0).year >= 2026


def test_a_right_clock_is_used(config):
    assert clock.problem(config, NOW_S) == ""
    assert clock.today(config, NOW_S) == day(NOW_S)


def test_what_was_noted_lies_in_the_past(config, data):
    clock.note(config, NOW_S + 30 * DAY_S)
    assert "already" in clock.problem(config, NOW_S)
    assert clock.today(config, NOW_S) == day(NOW_S + 30 * DAY_S)
    assert clock.problem(config, NOW_S + 31 * DAY_S) == ""


def test_a_wrong_clock_is_not_noted(config, data):
    clock.note(config, NOW_S + DAY_S)
    clock.note(config, 0)
    clock.note(config, NOW_S + 50 * YEAR_S)
    assert clock.known_s(config) == pytest.approx(NOW_S + DAY_S, abs=1)


def test_a_jump_over_years_is_told_until_its_owner_accepts_it(config, data):
    later_s = NOW_S + 5 * YEAR_S
    assert "years after" in clock.problem(config, later_s)
    assert clock.today(config, later_s) == day(later_s)
    clock.accept(data, later_s)
    assert clock.problem(config, later_s) == ""


@pytest.mark.parametrize("content", ["", "yesterday", "-1", "9" * 400, "\0"])
def test_a_damaged_note_is_none(config, data, content):
    (data / "last-seen").write_text(content)
    assert clock.problem(config, NOW_S) == ""


def test_nothing_is_noted_where_there_is_no_device(config):
    clock.note(config, NOW_S)
    assert not config.store.parent.exists()


def test_setting_the_clock_back_does_not_bring_back_what_has_run_out(config, data, tmp_path):
    clock.note(config, NOW_S + 30 * DAY_S)
    manifest = workshop(tmp_path / "w").manifest(expires=day(NOW_S + DAY_S).isoformat())
    device = replace(this_device(config), cpu_features=frozenset(), software="99.0")
    with pytest.raises(FlashError) as caught:
        check(manifest, device, 0)
    assert caught.value.code == "expired"


def test_a_bundle_without_a_last_day_is_taken_at_any_time(config, tmp_path):
    manifest = workshop(tmp_path / "w").manifest()
    for today in ("1970-01-01", "2099-01-01"):
        check(manifest, replace(this_device(config), software="99.0", today=today), 0)
    assert manifest.expires == ""
