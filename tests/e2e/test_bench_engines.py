"""`hean bench asr`, `tts` and `llm` with real models: the figures are there, in their units."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.commands import DATA, hean, hean_process
from voice.bench.asr import SNRS_DB

pytestmark = [pytest.mark.models, pytest.mark.slow]

TABLE = """\
file\tseconds\tlanguage\tspeaker\ttranscript
zh-water.flac\t3.0\tzh-CN\tS1\t自来水还能喝吗
en-water.flac\t3.1\ten\tS2\t?
"""


def _measured(folder: Path, *words: str | Path) -> dict[str, Any]:
    done = hean_process(folder, "bench", *words, "--tries", "1", "--json", timeout_s=600)
    assert done.code == 0, done
    outcome: dict[str, Any] = json.loads(done.out)
    assert outcome["bench"] == words[0]
    return outcome


def test_recognition_is_counted_by_engine_condition_and_voice(tmp_path: Path) -> None:
    people = tmp_path / "people"
    people.mkdir()
    for name in ("zh-water.flac", "en-water.flac"):
        shutil.copy(DATA / name, people)
    (people / "INDEX.tsv").write_text(TABLE, encoding="utf-8")
    words = ("asr", "--n", "1", "--voices", "zf_xiaobei", "--recordings", people)
    outcome = _measured(tmp_path, *words)
    figures = outcome["figures"]
    conditions = ("clean", *(f"{snr_db}db" for snr_db in SNRS_DB), "human")
    for key in ("cer_raw", "cer_repaired"):
        assert {f"{key}.whisper.{name}" for name in conditions} <= set(figures)
    assert f"cer_raw.whisper.{conditions[1]}.zf_xiaobei" in figures
    assert figures["cer_raw.whisper.human"]["n"] == 1  # the other one has no transcript
    assert figures["cer_raw.whisper.clean"]["value"] <= 1
    assert figures["real_time_factor.whisper"]["n"] == 5
    assert len(outcome["samples"]["cer_raw.whisper.clean"]) == 1


def test_the_voice_is_timed_in_both_languages(tmp_path: Path) -> None:
    figures = _measured(tmp_path, "tts", "--n", "1")["figures"]
    for key in ("real_time_factor", "first_piece_s"):
        assert figures[key]["n"] == 2
        assert {f"{key}.zh", f"{key}.en"} <= set(figures)
        assert figures[key]["p50"] > 0


def test_the_language_model_is_timed_cold_and_warm(tmp_path: Path) -> None:
    words = ("llm", "--n", "1", "--set", "llm.model=smollm2-135m")
    figures = _measured(tmp_path, *words)["figures"]
    keys = {"prompt_tokens_per_s", "tokens_per_s", "first_token_s", "first_token_s.cold", "rss_mb"}
    assert set(figures) == keys
    assert all(figure.get("p50", figure.get("value")) > 0 for figure in figures.values())


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("asr", "--n", "0"), 2),
        (("asr", "--recordings", "no-such-folder"), 66),
        (("asr", "--voices", "nobody"), 78),
        (("tts", "--tries", "0"), 2),
        (("llm", "--set", "llm.model=none"), 2),
    ],
)
def test_what_cannot_be_measured_is_said(words: tuple[str, ...], code: int) -> None:
    done = hean("bench", *words)
    assert done.code == code, done
    assert done.out == ""
