"""`hean eval answers` on questions that are heard: synthesised, in noise, and recorded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.commands import DATA, hean

pytestmark = [pytest.mark.models, pytest.mark.slow]
NO_MODEL = ("--set", "llm.model=none")
VOICES = "zm_yunxi,af_heart"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_spoken_questions_are_heard_answered_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "questions.tsv"
    path.write_text(
        "a\t自来水还能喝吗\tF065\tzh\nb\tTell me a joke.\trefuse\ten\n", encoding="utf-8"
    )
    ask = ("eval", "answers", path, "--spoken", "--voices", VOICES, "--json", *NO_MODEL)
    clean = json.loads(hean(*ask).out)
    assert (clean["right"], clean["refused_right"], clean["n"]) == (1, 1, 2)
    assert [row["voice"] for row in clean["rows"]] == VOICES.split(",")
    assert clean["cer_repaired"] <= clean["cer_raw"] < 0.3
    kept = sorted((tmp_path / "cache" / "hean" / "questions").glob("*.flac"))
    assert len(kept) == 2
    noisy = json.loads(hean(*ask, "--noise", "20").out)
    assert noisy["run"]["noise_db"] == 20
    assert sorted((tmp_path / "cache" / "hean" / "questions").glob("*.flac")) == kept


def test_a_question_that_drowns_in_noise_is_heard_wrong(tmp_path: Path) -> None:
    path = tmp_path / "questions.tsv"
    path.write_text("a\t自来水还能喝吗\tF065\tzh\n", encoding="utf-8")
    ask = ("eval", "answers", path, "--spoken", "--voices", VOICES, "--noise", "-20", "--json")
    result = json.loads(hean(*ask, *NO_MODEL).out)
    assert result["right"] == 0
    assert result["faults"]["hear"] == 1


def test_recordings_are_heard(tmp_path: Path) -> None:
    shutil.copy(DATA / "zh-water.flac", tmp_path)
    path = tmp_path / "questions.tsv"
    path.write_text("a\tzh-water.flac\tF065\tzh\t自来水还能喝吗\n", encoding="utf-8")
    result = json.loads(hean("eval", "answers", path, "--json", *NO_MODEL).out)
    assert result["right"] == 1
    assert result["rows"][0]["voice"] == "recording"


def test_a_voice_that_does_not_exist_is_named() -> None:
    result = hean("eval", "answers", "--spoken", "--voices", "zf_nobody", "--limit", "1", *NO_MODEL)
    assert result.code == 78
    assert "zf_nobody" in result.err
    assert "zm_yunxi" in result.err
