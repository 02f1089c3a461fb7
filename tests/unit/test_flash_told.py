"""A flash that failed is told until somebody has seen it, and stands in the audit."""

import pytest

from llm.flash.journal import TRIES, Outcome
from tests.small_bundles import Workshop, device, use, workshop
from voice.active_slot import slots_of
from voice.audit.log import AuditLog
from voice.config import AuditConfig, Config, ModelsConfig
from voice.flash.record import record
from voice.flash.told import seen, tell, unseen
from voice.flash.trial import load_on_trial

FAILED = Outcome("a" * 64, "hean", 7, False, "it does not load")
GOOD = Outcome("b" * 64, "hean", 8)


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Config(models=ModelsConfig(store=str(tmp_path / "models")))


@pytest.fixture
def bundles(tmp_path) -> Workshop:
    return workshop(tmp_path / "bundles")


def audited(config: Config) -> list[dict[str, object]]:
    return [row.fields for row in AuditLog(config.audit_file, config.audit).rows()]


def test_a_failure_is_told_with_its_time_until_it_is_seen(config):
    assert unseen(config) is None
    tell(config, FAILED)
    told = unseen(config)
    assert told is not None
    assert (told.version, told.reason) == (7, "it does not load")
    assert told.at.startswith("20")
    seen(config)
    assert unseen(config) is None


def test_a_success_makes_an_older_failure_old_news(config):
    record(config, FAILED)
    record(config, GOOD)
    assert unseen(config) is None
    assert [row["good"] for row in audited(config)] == [False, True]


def test_it_is_told_also_where_nothing_is_recorded(config, tmp_path):
    silent = Config(models=config.models, audit=AuditConfig(enabled=False))
    record(silent, FAILED)
    assert unseen(silent) is not None
    assert not audited(config)


@pytest.mark.parametrize("damage", [b"", b"{}x", b'{"slot": 1, "unknown": 2}', b"\xff", b"[]"])
def test_a_damaged_file_tells_nothing_and_breaks_nothing(config, damage):
    tell(config, FAILED)
    (config.flash_folder / "told.json").write_bytes(damage)
    assert unseen(config) is None
    tell(config, FAILED)
    assert unseen(config) is not None


def test_a_disk_that_takes_nothing_costs_the_note_not_the_flash(config, caplog):
    (config.flash_folder / "told.json").mkdir(parents=True)
    tell(config, FAILED)
    seen(config)
    assert unseen(config) is None
    assert "told.json" in caplog.text


def test_a_slot_that_never_got_ready_is_told_when_the_one_before_is_back(config, bundles):
    slots = slots_of(config)
    use(slots, bundles.make(1))
    slots.activate(slots.install(bundles.make(2), device(), {}).id)
    for _ in range(TRIES):
        slots.begin_start()
    assert load_on_trial(config, lambda _: "loaded") == "loaded"
    current = slots.current()
    assert current is not None and current.manifest.version == 1
    told = unseen(config)
    assert told is not None
    assert (told.version, told.good) == (2, False)
    assert "did not become ready" in told.reason
    assert [row["version"] for row in audited(config)] == [2]


def test_a_damaged_slot_is_told_at_the_next_start(config, bundles):
    slots = slots_of(config)
    use(slots, bundles.make(1))
    use(slots, bundles.make(2))
    current = slots.current()
    assert current is not None
    (config.flash_folder / current.folder / "model/m.gguf").write_bytes(b"short")
    load_on_trial(config, lambda _: None)
    told = unseen(config)
    assert told is not None
    assert (told.version, told.reason.split(":")[0]) == (2, "it is damaged")
