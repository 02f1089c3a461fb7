from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from asr.endpoint import Boundary, Endpointer, EndpointRules, PreRoll

RULES = EndpointRules(silence_s=0.3, min_speech_s=0.2, pre_roll_s=0.2, max_utterance_s=1.0)
CHUNK_S = 0.1


def boundaries(decisions: str, rules: EndpointRules = RULES) -> list[tuple[int, Boundary]]:
    """Boundaries by the number of the chunk that made them; # is speech, . is none."""
    endpointer = Endpointer(rules, CHUNK_S)
    found = ((place, endpointer.process(char == "#")) for place, char in enumerate(decisions))
    return [(place, boundary) for place, boundary in found if boundary is not None]


START, SILENCE, TOO_LONG = Boundary.START, Boundary.SILENCE, Boundary.TOO_LONG


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        ("", []),
        ("....", []),
        (".#.#.#...", []),  # clicks
        ("##", [(1, START)]),
        (".##...", [(2, START), (5, SILENCE)]),
        (".##..#...", [(2, START), (8, SILENCE)]),  # a breath within a sentence
        (".##...##...", [(2, START), (5, SILENCE), (7, START), (10, SILENCE)]),
        # 0.2 s before the start count, so the utterance is full after six more chunks.
        ("########", [(1, START), (7, TOO_LONG)]),
        ("##########...##", [(1, START), (7, TOO_LONG), (14, START)]),
        ("##########..##...", [(1, START), (7, TOO_LONG)]),  # still the same monologue
    ],
)
def test_boundaries(decisions: str, expected: list[tuple[int, Boundary]]) -> None:
    assert boundaries(decisions) == expected


def test_every_sequence_of_twelve_chunks_keeps_the_order() -> None:
    for decisions in product("#.", repeat=12):
        kinds = [kind for _, kind in boundaries("".join(decisions))]
        starts, ends = kinds[::2], kinds[1::2]
        assert set(starts) <= {START}
        assert START not in ends


def test_no_utterance_is_longer_than_the_rules_say() -> None:
    for decisions in product("#.", repeat=12):
        found = boundaries("".join(decisions))
        for (start, _), (end, _) in zip(found[::2], found[1::2], strict=False):
            assert (end - start + 2) * CHUNK_S + RULES.pre_roll_s <= RULES.max_utterance_s + 1e-9


def test_trailing_silence_is_counted_in_audio() -> None:
    endpointer = Endpointer(RULES, CHUNK_S)
    for voiced in (True, True, False, False):
        endpointer.process(voiced)
    assert endpointer.speaking
    assert endpointer.trailing_silence_s == pytest.approx(0.2)


def test_reset_forgets_the_utterance() -> None:
    endpointer = Endpointer(RULES, CHUNK_S)
    for _ in range(3):
        endpointer.process(True)
    endpointer.reset()
    assert not endpointer.speaking
    assert endpointer.process(True) is None


def test_the_pre_roll_keeps_what_an_utterance_needs_and_little_more() -> None:
    pre_roll = PreRoll(EndpointRules(pre_roll_s=0.4, min_speech_s=0.1))
    audio = np.arange(32_000, dtype=np.float32)
    for start in range(0, len(audio), 512):
        pre_roll.add(audio[start : start + 512])
    kept = pre_roll.take()
    assert 8000 <= len(kept) < 8000 + 512
    assert kept[-1] == audio[-1]
    assert np.all(np.diff(kept) == 1)
    assert len(pre_roll.take()) == 0
