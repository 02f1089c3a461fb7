"""The first start of a new slot on a disk that takes nothing any more."""

from __future__ import annotations

import pytest

from llm.knowledge import SHIPPED
from tests.small_bundles import Workshop, device, in_use, use, workshop
from voice.active_slot import slots_of, with_current_slot
from voice.config import Config, ModelsConfig
from voice.errors import HealthFault
from voice.flash.trial import load_on_trial


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Config(models=ModelsConfig(store=str(tmp_path / "models")))


@pytest.fixture
def bundles(tmp_path) -> Workshop:
    return workshop(tmp_path / "bundles")


def lock_up(config: Config) -> None:
    """Let every change of the slots fail, as on a disk that became read-only."""
    (config.flash_folder / ".lock").unlink(missing_ok=True)
    (config.flash_folder / ".lock").mkdir()


def model_of(config: Config) -> str:
    return with_current_slot(config).llm.model


def test_a_slot_that_cannot_be_counted_is_not_tried(config, bundles):
    slots = slots_of(config)
    use(slots, bundles.make(1))
    before = model_of(config)
    slots.activate(slots.install(bundles.make(2), device(), {}).id)
    lock_up(config)
    assert in_use(slots) == 2
    assert load_on_trial(config, model_of) == before


def test_without_a_slot_before_the_catalogue_is_used(config, bundles):
    slots = slots_of(config)
    slots.activate(slots.install(bundles.make(1), device(), {}).id)
    lock_up(config)
    loaded = load_on_trial(config, with_current_slot)
    assert loaded.llm.model == "qwen2.5-coder-0.5b"
    assert loaded.knowledge.folder == str(SHIPPED)


def test_a_failure_that_cannot_be_recorded_still_leads_back(config, bundles, caplog):
    slots = slots_of(config)
    use(slots, bundles.make(1))
    before = model_of(config)
    slots.activate(slots.install(bundles.make(2), device(), {}).id)

    def load(chosen: Config) -> str:
        if model_of(chosen) != before:
            lock_up(config)
            raise HealthFault("it does not load", "")
        return model_of(chosen)

    assert load_on_trial(config, load) == before
    assert "it does not load" in caplog.text


def test_a_success_that_cannot_be_recorded_is_used_all_the_same(config, bundles, caplog):
    slots = slots_of(config)
    use(slots, bundles.make(1))
    slots.activate(slots.install(bundles.make(2), device(), {}).id)

    def load(chosen: Config) -> str:
        lock_up(config)
        return model_of(chosen)

    assert load_on_trial(config, load) == model_of(config)
    assert "cannot be changed" in caplog.text


def test_a_slot_that_was_proven_is_used_on_a_disk_that_takes_nothing(config, bundles):
    use(slots_of(config), bundles.make(1))
    lock_up(config)
    assert load_on_trial(config, model_of) == model_of(config)
