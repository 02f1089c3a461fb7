"""`hean eval answers`: the command, the noise, the comparison and the page."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asr import RATE_HZ
from llm.knowledge import load_knowledge
from llm.score import Question, parse_questions
from tests.commands import hean
from voice.audio.wavfile import write_wav
from voice.errors import InputError
from voice.evaluation.compare import compare
from voice.evaluation.noise import Noise, pink
from voice.evaluation.page import page
from voice.evaluation.run import is_recording, said_words
from voice.evaluation.speech import VOICES, deal

NO_MODEL = ("--set", "llm.model=none")
SHIPPED = Path("voice/data/questions.tsv")


def write(folder: Path, text: str, name: str = "questions.tsv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def power(samples: Any) -> float:
    return float(np.mean(np.square(samples, dtype=np.float64)))


def test_questions_of_a_file(tmp_path: Path) -> None:
    path = write(tmp_path, "a\t自来水还能喝吗\tF065\tzh\nb\t唱首歌\trefuse\tzh\n")
    result = hean("eval", "answers", path, "--json", *NO_MODEL)
    assert result.code == 0
    answers = json.loads(result.out)
    assert (answers["right"], answers["refused_right"], answers["n"]) == (1, 1, 2)
    assert answers["run"]["spoken"] is False
    assert len(answers["run"]["knowledge"]) == 64
    assert {row["voice"] for row in answers["rows"]} == {""}


def test_shipped_questions_are_asked_without_a_file() -> None:
    result = hean("eval", "answers", "--limit", "3", *NO_MODEL)
    assert result.code == 0
    assert "of 3 " in result.out
    assert "claims without support" in result.out


def test_shipped_questions_expect_facts_that_may_be_spoken() -> None:
    path = Path(__file__).parents[2] / SHIPPED
    questions = list(parse_questions(path.read_text(encoding="utf-8").splitlines()))
    base = load_knowledge()
    known = {(e.language, fact) for e in base.speakable for fact in e.facts}
    assert [q.id for q in questions if any((q.language, f) not in known for f in q.facts)] == []
    asked = {text for entry in base.entries for text in entry.ask}
    assert [q.id for q in questions if q.text in asked] == []


def test_misses_are_explained_on_a_page_and_compared(tmp_path: Path) -> None:
    line = "<b>x</b>&\t自来水还能喝吗\t{}\tzh\n"
    bad, good = (write(tmp_path, line.format(fact), fact) for fact in ("F001", "F065"))
    before, html = tmp_path / "before.json", tmp_path / "page.html"
    was = hean("eval", "answers", bad, "--json", *NO_MODEL)
    before.write_text(was.out, encoding="utf-8")
    shown = hean("eval", "answers", bad, *NO_MODEL)
    assert "retrieved wrong" in shown.out
    now = hean("eval", "answers", good, "--compare", before, "--html", html, *NO_MODEL)
    assert "better: 1 <b>x</b>&" in now.out
    text = html.read_text(encoding="utf-8")
    assert "&lt;b&gt;x&lt;/b&gt;&amp;" in text
    assert "<b>" not in text
    assert "Before and after" in text


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "cannot be read"), ("", "holds no questions"), ("only one field\n", "line 1")],
)
def test_a_useless_file_is_named(tmp_path: Path, content: str | None, words: str) -> None:
    path = tmp_path / "questions.tsv"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    result = hean("eval", "answers", path)
    assert result.code == 66
    assert "questions.tsv" in result.err
    assert words in result.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--limit", "0"], "--limit is 0"),
        (["--noise", "10"], "--noise needs --spoken"),
        (["--noise", "200", "--spoken"], "from -20 to 60"),
        (["--noise-files", "."], "--noise-files needs --noise"),
        (["--voices", "zm_yunxi"], "--voices needs --spoken"),
    ],
)
def test_options_that_make_no_sense(options: list[str], words: str) -> None:
    result = hean("eval", "answers", *options)
    assert result.code == 2
    assert words in result.err


@pytest.mark.parametrize("content", ["no json", "[]", '{"rows": [{}]}'])
def test_what_is_compared_must_be_a_result(tmp_path: Path, content: str) -> None:
    before = write(tmp_path, content, "before.json")
    result = hean("eval", "answers", "--limit", "1", "--compare", before, *NO_MODEL)
    assert result.code == 66
    assert "before.json" in result.err


def row(identity: str, good: bool) -> dict[str, Any]:
    return {"id": identity, "outcome": "right" if good else "wrong", "unsupported": []}


def test_changes_between_two_runs() -> None:
    before = {"right": 2, "rows": [row("a", True), row("b", False), row("c", True), row("d", True)]}
    after = {"right": 2, "rows": [row("b", True), row("a", False), row("c", True), row("e", True)]}
    change = compare(before, after)
    assert (change["better"], change["worse"], change["same"]) == (["b"], ["a"], 1)
    assert (change["only_before"], change["only_after"]) == (["d"], ["e"])
    assert change["figures"]["right"] == [2, 2]


class _Tags(HTMLParser):
    """Collects the tags and addresses of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_needs_nothing_but_itself(tmp_path: Path) -> None:
    path = write(tmp_path, "a\t自来水还能喝吗\tF001\tzh\nb\t<script>唱首歌\trefuse\tzh\n")
    result = json.loads(hean("eval", "answers", path, "--json", *NO_MODEL).out)
    text = page(result)
    read = _Tags()
    read.feed(text)
    assert "script" not in read.tags
    assert read.addresses == []
    assert not re.search(r"https?:", text)
    assert "Misses (1)" in text


def test_noise_has_the_ratio_that_was_asked_for() -> None:
    speech = np.zeros(3 * RATE_HZ, np.float32)
    spoken = slice(RATE_HZ, 2 * RATE_HZ)
    speech[spoken] = 0.1 * np.sin(np.arange(RATE_HZ, dtype=np.float32))
    noisy = Noise(10).mixed(speech, spoken, "q")
    ratio = power(speech[spoken]) / power(noisy - speech)
    assert 10 * np.log10(ratio) == pytest.approx(10, abs=0.01)


def test_noise_is_the_same_for_the_same_question_and_never_clips(tmp_path: Path) -> None:
    for number in range(3):
        write_wav(tmp_path / f"{number}.wav", pink(4, seed=number), RATE_HZ)
    speech = np.sin(np.arange(RATE_HZ, dtype=np.float32))
    noise, again = Noise(0, tmp_path), Noise(0, tmp_path)
    everything = slice(len(speech))
    one, same, other = (
        noise.mixed(speech, everything, "a"),
        again.mixed(speech, everything, "a"),
        noise.mixed(speech, everything, "b"),
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert np.abs(one).max() < 1


def test_pink_noise_falls_by_three_decibels_an_octave() -> None:
    spectrum = np.abs(np.fft.rfft(pink(20))) ** 2
    bands = [spectrum[20 * low : 40 * low].mean() for low in (200, 400, 800, 1600, 3200)]
    falls = 10 * np.log10(np.divide(bands[:-1], bands[1:]))
    assert falls == pytest.approx([3.0] * 4, abs=0.3)


def test_folders_without_noise_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        Noise(10, tmp_path / "none")
    write_wav(tmp_path / "click.wav", pink(1), RATE_HZ)
    with pytest.raises(InputError, match="no recordings of"):
        Noise(10, tmp_path)


def question(identity: str, language: str = "zh", text: str = "x") -> Question:
    return Question(identity, text, ("F001",), "", language, "what is said")


def test_voices_take_turns_in_their_language() -> None:
    questions = [question(n, "en" if n in "cf" else "zh") for n in "abcdefg"]
    dealt = deal(questions, ("zf_one", "zm_two"))
    ids = {voice: [q.id for q in own] for voice, own in dealt.items()}
    english = [voice for voice in VOICES if voice[0] == "a"]
    assert ids == {
        "zf_one": ["a", "d", "g"],
        "zm_two": ["b", "e"],
        english[0]: ["c"],
        english[1]: ["f"],
    }


def test_recordings_are_told_by_their_names() -> None:
    recorded = question("a", text="one.FLAC")
    assert is_recording(recorded)
    assert said_words(recorded) == "what is said"
    assert not is_recording(question("b", text="碘片什么时候吃"))


def test_a_missing_recording_is_named_before_anything_is_asked(tmp_path: Path) -> None:
    path = write(tmp_path, "a\tnone.wav\tF065\tzh\n")
    result = hean("eval", "answers", path, *NO_MODEL)
    assert result.code == 66
    assert "none.wav" in result.err
