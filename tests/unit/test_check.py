import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from kws import WakeConfig
from models.catalog import load_catalog
from models.store import Store
from voice.cli import main
from voice.config import AudioConfig, Config, KnowledgeConfig, ModelsConfig
from voice.kiosk import KioskConfig
from voice.readiness import findings
from voice.readiness.finding import NOTHING, Finding
from voice.readiness.knowledge import knowledge
from voice.readiness.machine import (
    available_memory_mb,
    clock,
    disk,
    memory,
    processor,
    software,
)
from voice.readiness.models import model_profiles, used_models
from voice.readiness.sound import permissions, sound

MEMINFO = "MemTotal:        8000000 kB\nMemFree:  100 kB\nMemAvailable:    {} kB\n"


def with_store(folder: Path, **settings: str) -> Config:
    return Config(models=ModelsConfig(store=str(folder), **settings))


def by_subject(config: Config) -> dict[str, Finding]:
    return {finding.subject.en: finding for finding in findings(config)}


def test_every_subject_is_looked_at_once(tmp_path):
    found = list(findings(with_store(tmp_path)))
    subjects = [finding.subject.en for finding in found]
    assert len(set(subjects)) == len(subjects)
    assert {"software", "processor", "memory", "disk", "knowledge", "clock"} <= set(subjects)


def test_whatever_is_wrong_comes_with_what_to_do(tmp_path):
    for finding in findings(with_store(tmp_path)):
        assert (finding.fix != NOTHING) == (finding.state != "ok")
        assert bool(finding.exit_code) == (finding.state == "failure")


@pytest.mark.parametrize("device", ["system", "browser"])
def test_findings_stand_in_both_languages(tmp_path, device):
    config = replace(with_store(tmp_path), audio=AudioConfig(device=device))
    for finding in map(Finding.as_json, findings(config)):
        chinese = finding["zh"]
        assert any("\u4e00" <= character <= "\u9fff" for character in chinese["subject"])
        assert chinese["text"]
        assert bool(chinese["fix"]) == bool(finding["fix"])


def test_a_microphone_in_the_browser_is_told_as_such(tmp_path):
    config = replace(with_store(tmp_path), audio=AudioConfig(device="browser"))
    microphone, speaker = sound(config)
    assert (microphone.subject.en, microphone.state) == ("microphone", "ok")
    assert "the one in the browser" in microphone.text.en
    assert (speaker.subject.en, speaker.state) == ("speaker", "ok")


def test_a_microphone_in_the_browser_needs_the_page(tmp_path):
    config = replace(
        with_store(tmp_path), audio=AudioConfig(device="browser"), kiosk=KioskConfig(enabled=False)
    )
    (finding,) = sound(config)
    assert (finding.state, finding.exit_code) == ("failure", 78)
    assert "kiosk.enabled=true" in finding.fix.en


def test_missing_models_are_a_failure_with_the_command_that_mends_it(tmp_path):
    finding = by_subject(with_store(tmp_path))["models (starter, in use)"]
    assert (finding.state, finding.exit_code) == ("failure", 65)
    assert "silero-vad" in finding.text.en
    assert finding.fix.en == "hean models fetch --profile starter"


@pytest.mark.parametrize(("engine", "model"), [("zipformer", "kws-hean"), ("", None)])
def test_a_wake_word_model_counts_where_its_engine_is_used(tmp_path, engine, model):
    """Without one, words are found by the model that recognises speech."""
    config = replace(with_store(tmp_path, profile="desktop"), wake=WakeConfig(engine=engine))
    assert used_models(config, load_catalog()).get("kws") == model


def test_other_profiles_may_be_missing(tmp_path):
    found = model_profiles(with_store(tmp_path), Store(tmp_path))
    assert [finding.state for finding in found] == ["failure", "ok", "ok"]


def test_nobody_is_told_that_an_authority_has_approved(tmp_path):
    finding = by_subject(with_store(tmp_path))["approval"]
    assert finding.state == "warning"
    assert finding.text.en == "not signed off by a competent authority for this site"


def test_a_broken_knowledge_base_is_a_failure(tmp_path):
    (finding,) = knowledge(Config(knowledge=KnowledgeConfig(str(tmp_path))))
    assert (finding.state, finding.exit_code) == ("failure", 65)


def test_memory_is_compared_with_the_models_in_use():
    needed = memory({"llm": "qwen2.5-0.5b"}, load_catalog()).text
    less = memory({}, load_catalog()).text
    assert needed != less


def test_the_memory_that_counts_is_the_one_that_can_be_had():
    assert available_memory_mb(MEMINFO.format(2048 * 1024)) == 2048


def test_a_folder_that_does_not_exist_yet_has_the_room_of_its_disk(tmp_path):
    assert str(tmp_path) in disk(Store(tmp_path / "not" / "yet")).text.en


def test_this_machine_has_what_the_tests_run_on():
    assert software().state == "ok"
    assert processor().text.en.split(",")[0] == os.uname().machine


def test_a_clock_before_the_software_is_wrong(tmp_path):
    assert clock(with_store(tmp_path), time.time()).state == "ok"
    assert clock(with_store(tmp_path), 0).state == "warning"


def test_devices_that_nobody_may_open_are_told(tmp_path):
    assert permissions(tmp_path / "none").state == "ok"
    device = tmp_path / "pcmC0D0p"
    device.touch()
    assert permissions(tmp_path).state == "ok"
    if os.geteuid() != 0:  # for root no file is closed
        device.chmod(0)
        assert "usermod" in permissions(tmp_path).fix.en


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_exit_code_tells_whether_it_is_ready(tmp_path, capsys, options):
    assert main(["check", *options, "--set", f"models.store={tmp_path}"]) == 65
    out = capsys.readouterr().out
    if options:
        answer = json.loads(out)
        assert answer["ready"] is False
        assert {"subject", "state", "text", "fix"} <= answer["findings"][0].keys()
    else:
        assert "✗" in out
        assert "Not ready" in out
