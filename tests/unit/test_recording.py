from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr import RATE_HZ, Samples
from asr.endpoint import EndpointRules
from tests.unit.scripted import WATER, Loudness, ears
from voice.errors import InputError
from voice.recording import find_question, hear_recording

RULES = EndpointRules(pre_roll_s=0.4, max_utterance_s=28.0)
TAIL_S = 0.3
CHUNK_S = 512 / RATE_HZ


def quiet(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE_HZ), np.float32)


def loud(seconds: float) -> Samples:
    return np.full(int(seconds * RATE_HZ), 0.2, np.float32)


def find(*parts: Samples, length_s: float = 0, rules: EndpointRules = RULES) -> tuple[float, int]:
    """Return seconds of the question found, and how many warnings came with it."""
    question, warnings = find_question(np.concatenate(parts), length_s, Loudness(), rules)
    return len(question) / RATE_HZ, len(warnings)


def test_the_question_is_cut_out_with_a_margin() -> None:
    length_s, warnings = find(quiet(3), loud(2), quiet(5))
    assert length_s == pytest.approx(RULES.pre_roll_s + 2 + TAIL_S, abs=2 * CHUNK_S)
    assert warnings == 0


def test_a_pause_does_not_end_a_question() -> None:
    length_s, _ = find(loud(1), quiet(4), loud(1), quiet(1))
    assert length_s == pytest.approx(6 + TAIL_S, abs=2 * CHUNK_S)


def test_a_click_is_no_speech_and_moves_no_edge() -> None:
    click = loud(0.04)
    assert find(quiet(1), click, quiet(1)) == (0, 0)
    length_s, _ = find(click, quiet(5), loud(1), quiet(5), click)
    assert length_s == pytest.approx(RULES.pre_roll_s + 1 + TAIL_S, abs=2 * CHUNK_S)


@pytest.mark.parametrize("samples", [0, 1, 511, 512, 513])
def test_very_little_audio_is_no_question(samples: int) -> None:
    assert find(quiet(0), np.full(samples, 0.2, np.float32)) == (0, 0)


def test_a_long_question_ends_at_the_limit_and_that_is_said() -> None:
    question, warnings = find_question(loud(60), 60, Loudness(), RULES)
    assert len(question) == RULES.max_utterance_s * RATE_HZ
    assert warnings == (
        "what is said more than 28 seconds after the beginning of the question was not used",
    )


def test_a_second_question_far_behind_is_left_out_with_the_silence_before_it() -> None:
    length_s, warnings = find(loud(2), quiet(50), loud(2))
    assert length_s == pytest.approx(2 + TAIL_S, abs=2 * CHUNK_S)
    assert warnings == 1


def test_with_the_longest_margin_and_the_shortest_limit_something_is_left() -> None:
    rules = EndpointRules(pre_roll_s=2.0, max_utterance_s=2.0)
    assert find(quiet(5), loud(5), rules=rules) == (2.0, 1)


def test_what_was_not_searched_is_said_also_when_nothing_was_found() -> None:
    _, warnings = find_question(quiet(1), 600, Loudness(), RULES)
    assert warnings == ("only the first 120 of 600 seconds were searched",)


def test_a_recording_is_heard_understood_and_timed(tmp_path: Path) -> None:
    path = tmp_path / "question.wav"
    soundfile.write(path, np.concatenate([quiet(1), loud(1), quiet(1)]), RATE_HZ)
    heard = hear_recording(path, ears(), RULES)
    assert (heard.transcript.text, heard.understood) == (WATER, WATER)
    assert list(heard.seconds) == ["vad", "asr", "repair"]
    assert heard.warnings == ()


@pytest.mark.parametrize(("level", "said"), [(0.0, "no speech was found"), (0.5, "nothing was un")])
def test_a_recording_without_words_is_an_input_error(
    tmp_path: Path, level: float, said: str
) -> None:
    path = tmp_path / "question.wav"
    soundfile.write(path, np.concatenate([quiet(1), level / 0.2 * loud(1), quiet(1)]), RATE_HZ)
    with pytest.raises(InputError, match=said) as caught:
        hear_recording(path, ears(), RULES)
    assert caught.value.message.startswith(str(path))
    assert caught.value.fix
