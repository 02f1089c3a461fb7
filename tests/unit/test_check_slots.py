"""`hean check` knows the flashed model; the self-test asks golden questions."""

import pytest

from llm.flash.manifest import GoldenQuestion, Health
from tests.small_bundles import device, use, workshop
from tests.unit.scripted import ALARM, WATER, answerer
from voice.active_slot import slots_of
from voice.config import Config, ModelsConfig
from voice.lending.shared_answerer import SharedAnswerer
from voice.readiness.models import golden_question, slots


@pytest.fixture
def config(tmp_path):
    return Config(models=ModelsConfig(store=str(tmp_path / "models")))


@pytest.fixture
def bundles(tmp_path):
    return workshop(tmp_path / "bundles")


@pytest.fixture(scope="module")
def shared():
    return SharedAnswerer(answerer())


def test_without_a_flash_the_models_of_the_profile_are_used(config):
    finding = slots(config)
    assert (finding.state, finding.text.en) == ("ok", "none: the models of the profile are used")


def test_the_model_in_use_is_named(config, bundles):
    use(slots_of(config), bundles.make(3))
    assert (slots(config).state, slots(config).text.en) == ("ok", "t version 3")


def test_a_damaged_slot_is_a_failure(config, bundles):
    kept = slots_of(config)
    use(kept, bundles.make(1))
    current = kept.current()
    assert current is not None
    (config.flash_folder / current.folder / "model/m.gguf").unlink()
    finding = slots(config)
    assert (finding.state, finding.exit_code) == ("failure", 65)
    assert "model/m.gguf is missing" in finding.text.en


def test_a_slot_on_trial_and_one_that_was_not_kept_are_told(config, bundles):
    kept = slots_of(config)
    use(kept, bundles.make(1))
    kept.activate(kept.install(bundles.make(2), device(), {}).id)
    assert "on trial" in slots(config).text.en
    kept.fail("it does not load")
    finding = slots(config)
    assert finding.state == "warning"
    assert finding.text.en == "t version 1; t version 2 was not kept: it does not load"


def test_going_back_by_hand_is_no_fault(config, bundles):
    kept = slots_of(config)
    use(kept, bundles.make(1))
    kept.roll_back()
    assert slots(config).state == "ok"


def test_what_a_slot_was_signed_with_is_asked(config, bundles, shared):
    questions = (
        GoldenQuestion(WATER, "zh", "grounded", ("F065",)),  # read or composed: the same
        GoldenQuestion(ALARM, "zh", "refuse"),
    )
    use(slots_of(config), bundles.make(1, health=Health(questions=questions)))
    right, wrong = golden_question(config, shared.answer_aside)
    assert (right.state, right.subject.en) == ("ok", f"golden question {WATER}")
    assert "先喝瓶装水" in right.text.en
    assert (wrong.state, wrong.exit_code) == ("failure", 70)
    assert wrong.text.en.startswith("verbatim instead of refuse")


def test_a_person_who_asks_comes_first(config):
    (finding,) = golden_question(config, lambda *_: None)
    assert (finding.state, finding.fix.en) == ("warning", "try again")
