from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile

from tests.unit.scripted import WATER, Hum, answerer
from voice.errors import InputError
from voice.reply import Reply, citation, speak_to_file, spoken_parts
from voice.tts import SynthesisError

ANSWER = answerer().answer(WATER, "zh")
SECONDS = {"asr": 0.12345, "decide": 0.01}


def test_scripts_see_everything_that_led_to_the_answer() -> None:
    reply = Reply("自来睡还能喝吗", ANSWER, SECONDS, "question.answer.wav", ("a note",))
    row = json.loads(json.dumps(reply.as_json()))
    assert list(row) == [
        "heard", "understood", "language", "decision", "answer", "facts", "sources", "passages",
        "reason", "problems", "model", "seconds", "spoken", "warnings",
    ]  # fmt: skip
    assert (row["heard"], row["understood"]) == ("自来睡还能喝吗", WATER)
    assert (row["decision"], row["answer"]) == ("verbatim", "先喝瓶装水。烧开没用。")
    assert row["facts"] == ["F065"]
    assert row["sources"][0].keys() == {"fact", "title", "issuer", "year", "section", "address"}
    assert row["passages"][0]["id"] == "zh.water.tap"
    assert 0 <= row["passages"][0]["score"] <= 1
    assert row["seconds"] == {"asr": 0.123, "decide": 0.01}
    assert (row["spoken"], row["warnings"]) == ("question.answer.wav", ["a note"])


def test_people_see_labelled_lines() -> None:
    lines = list(Reply("a\x1bb", ANSWER, {}, "answer.wav", ("a note",)).lines("question.wav"))
    assert [line.split()[0] for line in lines] == [
        "question", "heard", "understood", "decision", "answer", "source", "spoken", "note",
    ]  # fmt: skip
    assert all(line.isprintable() for line in lines)
    assert citation(ANSWER.sources[0]) in lines[5]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("先进屋。", ["先进屋。"]),
        ("先进屋。关窗。等通知。", ["先进屋。", "关窗。 等通知。"]),
        ("Go in. Close it. Wait.", ["Go in.", "Close it. Wait."]),
    ],
)
def test_the_first_sentence_is_spoken_by_itself(text: str, parts: list[str]) -> None:
    assert spoken_parts(text) == parts


@pytest.mark.parametrize(
    ("begun", "parts"),
    [
        ("Go in.", ["Close it. Wait."]),
        ("Go in. Close it.", ["Wait."]),
        ("Go in. Close it. Wait.", []),
    ],
)
def test_what_was_spoken_is_not_spoken_again(begun: str, parts: list[str]) -> None:
    assert spoken_parts("Go in. Close it. Wait.", begun) == parts


def test_the_spoken_answer_is_written_whole(tmp_path: Path) -> None:
    seconds = speak_to_file(ANSWER, Hum(), tmp_path / "new" / "answer.wav")
    wav = soundfile.info(tmp_path / "new" / "answer.wav")
    assert (wav.samplerate, wav.channels, wav.duration) == (24_000, 1, 1.0)
    assert list(seconds) == ["first_sound", "speech"]
    assert 0 <= seconds["first_sound"] <= seconds["speech"]


def test_a_voice_that_fails_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(SynthesisError):
        speak_to_file(ANSWER, Hum(fails=lambda text: "烧开" in text), tmp_path / "answer.wav")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be written"):
        speak_to_file(ANSWER, Hum(), tmp_path / "file" / "answer.wav")
