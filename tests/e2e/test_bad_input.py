"""What cannot be used: one clear line, the right exit code, nothing lost, no traceback."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import soundfile

from models.store import Store
from tests.bad_recordings import write_cut_recordings, write_long_recordings, write_recordings
from tests.commands import DATA, Result, hean, hean_process
from voice.config import Config


def one_line(result: Result) -> str:
    """Return what was said, after checking that it is one line and one on what to do."""
    assert "Traceback" not in result.err
    lines = result.err.splitlines()
    assert len(lines) == 2, result
    assert lines[0].startswith("hean: ")
    assert lines[1].startswith("      ")
    return lines[0]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("recordings")
    groups = (write_recordings, write_long_recordings, write_cut_recordings)
    return {name: path for write in groups for name, path in write(folder).items()}


@pytest.fixture(scope="module")
def answered(recordings: dict[str, Path]) -> Result:
    """All of them asked in one run, a good one last."""
    words = ("ask", "--json", "--silent", "--set", "llm.model=none")
    return hean(*words, "--wav", *recordings.values(), DATA / "en-bomb.flac")


SAID = {
    "empty": "the file is empty",
    "absent": "no such file",
    "name-too-long": "file name too long",
    "folder": "a folder",
    "device": "a device",
    "text": "not a recording",
    "picture": "not a recording",
    "no-channels": "not a recording",
    "header-alone": "not a recording",
    "no-sample": "no speech",
    "one-sample": "no speech",
    "silent": "no speech",
    "noise": "no speech",
    "click": "no speech",
    "ten-minutes-silent": "no speech was found in it; only the first 120 of 600 seconds",
}
ANSWERED = ("ten-minutes", "cut-wav", "cut-flac", "cut-mp3")


@pytest.mark.models
def test_each_bad_recording_has_its_line_and_the_good_one_its_answer(
    answered: Result, recordings: dict[str, Path]
) -> None:
    assert answered.code == 66
    assert answered.err == ""
    files = [row["file"] for row in answered.rows]
    assert files == [*map(str, recordings.values()), str(DATA / "en-bomb.flac")]
    assert answered.rows[-1]["decision"] == "refuse"
    for name, row in zip(recordings, answered.rows, strict=False):
        if name in ANSWERED:
            continue
        assert row["error"]["code"] == "input", row
        assert row["error"]["fix"]
        assert "\n" not in row["error"]["message"]
        assert row["error"]["message"].startswith(row["file"])
        assert SAID.get(name, "") in row["error"]["message"], row


@pytest.mark.models
@pytest.mark.parametrize("name", ["cut-wav", "cut-flac", "cut-mp3"])
def test_a_recording_cut_short_is_answered_as_far_as_it_goes(
    answered: Result, recordings: dict[str, Path], name: str
) -> None:
    row = answered.rows[list(recordings).index(name)]
    assert row["decision"] == "verbatim", row
    assert "F065" in row["facts"]


@pytest.mark.models
def test_of_ten_minutes_the_first_question_is_answered(
    answered: Result, recordings: dict[str, Path]
) -> None:
    row = answered.rows[list(recordings).index("ten-minutes")]
    assert letters(row["heard"]) == letters(hear_alone("zh-water"))
    assert "F065" in row["facts"]
    assert row["warnings"] == [
        "only the first 120 of 600 seconds were searched",
        "what is said more than 28 seconds after the beginning of the question was not used",
    ]


def letters(heard: str) -> str:
    """Return what was heard without its marks: versions of onnxruntime differ over the last one."""
    return "".join(filter(str.isalnum, heard))


def hear_alone(name: str) -> str:
    words = ("ask", "--json", "--silent", "--set", "llm.model=none")
    return str(hean(*words, "--wav", DATA / f"{name}.flac").rows[0]["heard"])


@pytest.mark.models
def test_people_read_one_line_too(tmp_path: Path) -> None:
    bad = tmp_path / "\x1b[2Jbad.wav"
    bad.write_bytes(b"")
    words = ("ask", "--silent", "--set", "llm.model=none", "--wav")
    result = hean_process(tmp_path, *words, bad)
    assert one_line(result).endswith("bad.wav: the file is empty")
    assert "\x1b" not in result.err
    assert (result.code, result.out) == (66, "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
@pytest.mark.models
def test_a_recording_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes((DATA / "zh-water.flac").read_bytes())
    secret.chmod(0)
    result = hean("ask", "--silent", "--wav", secret)
    assert str(secret) in one_line(result)
    assert result.code == 66


@pytest.mark.parametrize("typed", [b"", b"  \n\t\n", b"\xef\xbb\xbf"])
def test_no_text_is_said(typed: bytes) -> None:
    result = hean("ask", "--text", "-", typed=typed)
    assert "the question is empty" in one_line(result)
    assert result.code == 66


def test_no_text_is_said_to_scripts() -> None:
    result = hean("ask", "--json", "--text", "")
    assert result.rows[0]["error"]["code"] == "input"
    assert (result.code, result.err) == (66, "")


@pytest.mark.parametrize("typed", ["核" * 100_000, "iodine " * 15_000, "?" * 1001])
def test_a_book_is_no_question(typed: str) -> None:
    result = hean("ask", "--text", "-", typed=typed.encode())
    assert "longer than 1000 characters" in one_line(result)
    assert result.code == 66


@pytest.mark.models
def test_strange_characters_steer_no_terminal_and_are_answered_aloud(tmp_path: Path) -> None:
    words = ("ask", "--set", "llm.model=none", "--out", tmp_path, "--text", "-")
    typed = "自来水\x1b[2J还能喝吗\x00\x9b\u202e😀\n".encode() + b"\xff"
    result = hean(*words, typed=typed)
    assert (result.code, result.err) == (0, "")
    assert all(line.isprintable() for line in result.out.splitlines())
    assert soundfile.info(tmp_path / "question.answer.wav").duration > 1


@pytest.mark.models
@pytest.mark.parametrize("text", ["？！。", "😀", "-", "'; DROP TABLE"])
def test_text_without_a_question_is_not_answered_from_the_base(text: str) -> None:
    result = hean("ask", "--json", "--silent", "--set", "llm.model=none", f"--text=  {text}")
    assert result.code == 0
    assert result.rows[0]["decision"] in ("refuse", "ask_back"), result.rows
    assert result.rows[0]["facts"] == []


@pytest.mark.models
def test_a_question_that_is_no_unicode_is_no_accident(tmp_path: Path) -> None:
    words = ("ask", "--json", "--silent", "--set", "llm.model=none", "--text")
    result = hean_process(tmp_path, *words, "自来水能喝吗".encode() + b"\xff\xfe")
    assert (result.code, result.err) == (0, "")
    assert "F065" in json.loads(result.out)["facts"]


@pytest.mark.parametrize("command", ["ask", "run"])
def test_a_place_that_cannot_be_written_is_said_before_any_work(
    tmp_path: Path, command: str
) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    (tmp_path / "folder").mkdir()
    places = {"ask": [blocked, blocked / "deep"], "run": [tmp_path / "folder", tmp_path / "no/x"]}
    for place in places[command]:
        result = hean(command, "--out", place, "--wav", DATA / "en-bomb.flac")
        assert str(place) in one_line(result)
        assert (result.code, result.out) == (66, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.models
@pytest.mark.parametrize("name", ["empty", "picture", "absent"])
def test_a_bad_recording_is_said_before_everything_is_loaded(
    recordings: dict[str, Path], tmp_path: Path, name: str
) -> None:
    result = hean("run", "--out", tmp_path / "answer.wav", "--wav", recordings[name])
    assert one_line(result).startswith(f"hean: {recordings[name]}: ")
    assert (result.code, result.out) == (66, "")
    assert list(tmp_path.iterdir()) == []


QUESTIONS = [
    ("ask", "--silent", "--text", "碘片什么时候吃"),
    ("ask", "--silent", "--wav", DATA / "en-bomb.flac"),
    ("ask", "--text", "碘片什么时候吃"),
    ("run", "--wav", DATA / "en-bomb.flac"),
    ("bench", "ask"),
]


@pytest.mark.parametrize("words", QUESTIONS, ids=lambda words: " ".join(map(str, words[:2])))
def test_missing_models_are_named_with_the_command_that_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str | Path, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    result = hean(*words, "--set", f"models.store={tmp_path / 'nowhere'}")
    lines = [line for line in result.err.splitlines() if not line.startswith("cold start")]
    assert "is not installed" in lines[0]
    assert lines[1].strip().startswith("hean models fetch")
    assert len(lines) == 2
    assert result.code == 65
    assert list(tmp_path.iterdir()) == []


def altered_store(folder: Path, model: str, file: str, content: bytes | None) -> Path:
    """Return a store of links to the real one in which one file differs; None = it is missing."""
    real = Store(Config().store)
    for installed in real.installed():
        (folder / installed.id).mkdir(parents=True)
        for path in real.folder(installed.id).iterdir():
            (folder / installed.id / path.name).symlink_to(path)
    target = folder / model / file
    target.unlink()
    if content is not None:
        target.write_bytes(content)
    return folder


ALTERED = {
    "vad-cut-short": ("vad", "model", lambda whole: whole[:1000], "is cut short"),
    "vad-altered": ("vad", "model", lambda whole: whole[:-1] + b"\0", "has been altered"),
    "asr-altered": ("asr", "tokens", lambda whole: whole.replace(b"\n", b" ", 1), "altered"),
    "asr-longer": ("asr", "tokens", lambda whole: whole + b"more\n", "altered"),
    "tts-empty": ("tts", "tokens", lambda whole: b"", "is cut short"),
    "tts-missing": ("tts", "tokens", lambda whole: None, "is missing"),
    "llm-text": ("llm", "model", lambda whole: b"this is no model", "is cut short"),
}


@pytest.mark.models
@pytest.mark.parametrize("case", ALTERED)
def test_altered_models_are_named_with_the_command_that_mends_it(tmp_path: Path, case: str) -> None:
    stage, role, change, said = ALTERED[case]
    real = Store(Config().store)
    model = real.catalog.profile("starter")[stage]
    path = real.resolve(model)[role]
    whole = path.read_bytes() if stage != "llm" else b""
    store = altered_store(tmp_path / "store", model, path.name, change(whole))
    words = ("ask", "--json", "--out", tmp_path, "--wav", DATA / "en-bomb.flac")
    result = hean(*words, "--set", f"models.store={store}")
    [row] = result.rows
    assert row["error"]["code"] == "model"
    assert row["error"]["message"].startswith(f"model {model}: {path.name}")
    assert said in row["error"]["message"]
    assert row["error"]["fix"].startswith("hean models fetch")
    assert (result.code, result.err) == (65, "")


@pytest.mark.models
def test_a_damaged_list_of_files_is_said(tmp_path: Path) -> None:
    store = altered_store(tmp_path / "store", "silero-vad", "manifest.json", b"{")
    words = ("ask", "--silent", "--wav", DATA / "en-bomb.flac")
    result = hean(*words, "--set", f"models.store={store}")
    assert "silero-vad: its manifest is damaged" in one_line(result)
    assert result.code == 65


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "tts.sped=1"), "did you mean speed?"),
        (("--set", "asr.threads=many"), "must be of type int"),
        (("--set", "vad.threshold=3"), "vad.threshold is 3"),
        (("--set", "nonsense"), "not of the form section.key=value"),
        (("--config", "absent.toml"), "absent.toml"),
        (("--config", DATA / "en-bomb.flac"), "not valid TOML"),
        (("--config", DATA), "directory"),
    ],
)
def test_a_wrong_configuration_is_said_before_any_work(
    words: tuple[str | Path, ...], said: str
) -> None:
    question = ("ask", "--silent", "--text", "碘片什么时候吃")
    result = hean(*question, *words)
    assert said in one_line(result)
    assert (result.code, result.out) == (78, "")
    scripted = hean(*question, "--json", *words)
    assert scripted.rows[0]["error"]["code"] == "config"
    assert scripted.code == 78


def test_a_knowledge_base_that_is_not_there_is_said(tmp_path: Path) -> None:
    words = ("ask", "--silent", "--text", "碘片什么时候吃")
    result = hean(*words, "--set", f"knowledge.folder={tmp_path}")
    assert str(tmp_path) in result.err
    assert "Traceback" not in result.err
    assert (result.code, result.out) == (65, "")
