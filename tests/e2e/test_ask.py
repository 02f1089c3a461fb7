"""`hean ask` on recorded and written questions, with the real models."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.commands import DATA, Result, hean, hean_process
from voice.audio.pcm import level_dbfs
from voice.audio.wavfile import read_audio

pytestmark = pytest.mark.models

DECISIONS = {
    "en-bomb": "refuse",
    "en-shelter": "verbatim",
    "en-water": "verbatim",
    "zh-iodine": "verbatim",
    "zh-joke": "refuse",
    "zh-live": "unknown",
    "zh-salt": "correct",
    "zh-shelter": "verbatim",
    "zh-water": "verbatim",
}
FACTS = {
    "en-shelter": {"F001"},
    "en-water": {"F065", "F066"},
    "zh-salt": {"F030"},
    "zh-shelter": {"F001", "F002"},
    "zh-water": {"F065", "F066"},
}
"""Facts that the answer must rest on."""
KEYS = [
    "file", "heard", "understood", "language", "decision", "answer", "facts", "sources",
    "passages", "reason", "problems", "model", "seconds", "spoken", "warnings",
]  # fmt: skip
STAGES = ["vad", "asr", "repair", "decide"]
Row = dict[str, Any]


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """All recordings in one run, with one that is none among them."""
    bad = tmp_path_factory.mktemp("bad") / "bad.wav"
    bad.write_text("this is no recording")
    recordings = [DATA / f"{name}.flac" for name in DECISIONS]
    return hean("ask", "--silent", "--json", "--wav", *recordings[:3], bad, *recordings[3:])


@pytest.fixture(scope="module")
def rows(silent: Result) -> dict[str, Row]:
    return {Path(row["file"]).stem: row for row in silent.rows if "error" not in row}


def test_many_recordings_are_answered_in_order(silent: Result) -> None:
    names = [Path(row["file"]).stem for row in silent.rows]
    assert names == [*list(DECISIONS)[:3], "bad", *list(DECISIONS)[3:]]
    assert silent.err == ""


def test_a_bad_recording_sets_the_exit_code_and_stops_no_other(silent: Result) -> None:
    failed = [row for row in silent.rows if "error" in row]
    assert [row["error"]["code"] for row in failed] == ["input"]
    assert failed[0]["error"]["fix"]
    assert silent.code == 66


@pytest.mark.parametrize(("name", "decision"), DECISIONS.items())
def test_the_decision_is_right(rows: dict[str, Row], name: str, decision: str) -> None:
    row = rows[name]
    assert row["decision"] == decision, row
    assert row["language"] == name[:2]
    assert row["answer"]
    assert row["heard"]


@pytest.mark.parametrize(("name", "facts"), FACTS.items())
def test_the_answer_rests_on_the_facts_asked_for(
    rows: dict[str, Row], name: str, facts: set[str]
) -> None:
    assert facts <= set(rows[name]["facts"]), rows[name]


def test_every_vetted_answer_is_cited(rows: dict[str, Row]) -> None:
    vetted = [row for row in rows.values() if row["decision"] in ("verbatim", "correct")]
    for row in vetted:
        assert row["facts"]
        assert [source["fact"] for source in row["sources"]] == row["facts"]
        assert row["passages"][0]["text"].startswith(row["answer"].split("。")[0].split(".")[0])
    assert len(vetted) >= 5


def test_scripts_find_every_key(rows: dict[str, Row]) -> None:
    for row in rows.values():
        assert list(row) == KEYS
        assert list(row["seconds"])[:4] == STAGES
        assert all(seconds >= 0 for seconds in row["seconds"].values())
        assert all(re.fullmatch(r"F\d{3}", fact) for fact in row["facts"])
        assert all(source["title"] and source["issuer"] for source in row["sources"])
        assert all(passage["id"] and passage["text"] for passage in row["passages"])
        scores = [passage["score"] for passage in row["passages"]]
        assert all(0 <= score <= 1 for score in scores)
        assert scores == sorted(scores, reverse=True)
        assert row["spoken"] is None


def test_misheard_words_of_the_field_are_put_right(rows: dict[str, Row]) -> None:
    assert "碘片" in rows["zh-iodine"]["understood"]
    assert "辐射剂量" in rows["zh-live"]["understood"]


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    """Two recordings of one name and an English one, answered aloud into a new folder."""
    folder = tmp_path_factory.mktemp("spoken")
    for part in ("a", "b"):
        (folder / part).mkdir()
        shutil.copy(DATA / "zh-water.flac", folder / part / "water.flac")
    recordings = [folder / "a/water.flac", folder / "b/water.flac", DATA / "en-water.flac"]
    result = hean("ask", "--json", "--out", folder / "new" / "answers", "--wav", *recordings)
    return result, folder / "new" / "answers"


def test_answers_are_spoken_into_the_folder(spoken: tuple[Result, Path]) -> None:
    result, folder = spoken
    names = ["water.answer.wav", "water-2.answer.wav", "en-water.answer.wav"]
    assert result.code == 0, result
    assert [row["spoken"] for row in result.rows] == [str(folder / name) for name in names]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    for row in result.rows:
        wav = soundfile.info(row["spoken"])
        assert (wav.samplerate, wav.channels, wav.subtype) == (24_000, 1, "PCM_16")
        assert wav.duration > 2
        assert level_dbfs(read_audio(Path(row["spoken"]), 24_000)[0]) > -35
        assert list(row["seconds"]) == [*STAGES, "first_sound", "speech"]
        assert 0 < row["seconds"]["first_sound"] <= row["seconds"]["speech"]


def test_the_spoken_answers_say_what_is_written(spoken: tuple[Result, Path]) -> None:
    result, folder = spoken
    mandarin, english = folder / "water.answer.wav", folder / "en-water.answer.wav"
    heard = hean("ask", "--json", "--silent", "--set", "llm.model=none", "--wav", mandarin, english)
    assert "瓶装水" in result.rows[0]["answer"]
    assert "瓶装水" in heard.rows[0]["heard"]
    assert "bottled water" in heard.rows[1]["heard"].lower()


def test_a_written_question_is_answered_aloud(tmp_path: Path) -> None:
    result = hean("ask", "--json", "--text", "碘片什么时候吃", "--out", tmp_path)
    [row] = result.rows
    assert result.code == 0
    assert list(row) == KEYS[1:]
    assert (row["heard"], row["understood"]) == ("碘片什么时候吃", "碘片什么时候吃")
    assert (row["language"], row["decision"]) == ("zh", "verbatim")
    assert {"F040", "F042", "F044"} & set(row["facts"])
    assert row["spoken"] == str(tmp_path / "question.answer.wav")
    assert soundfile.info(row["spoken"]).duration > 2
    assert list(row["seconds"]) == ["decide", "first_sound", "speech"]


def test_a_question_is_read_from_standard_input(tmp_path: Path) -> None:
    words = ("ask", "--silent", "--out", tmp_path / "none", "--set", "llm.model=none")
    result = hean(*words, "--text", "-", typed=b"\xef\xbb\xbfCan I drink tap water?\n")
    lines = result.out.splitlines()
    assert lines[0].split(maxsplit=1) == ["heard", "Can I drink tap water?"]
    assert [line.split()[0] for line in lines[:4]] == ["heard", "understood", "decision", "answer"]
    assert {line.split()[0] for line in lines[4:]} == {"source"}
    assert (result.code, result.err) == (0, "")
    assert not (tmp_path / "none").exists()


def test_in_a_shell(tmp_path: Path) -> None:
    result = hean_process(tmp_path, "ask", "--json", "--silent", "--wav", DATA / "en-bomb.flac")
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out)["decision"] == "refuse"
    assert list(tmp_path.iterdir()) == []
