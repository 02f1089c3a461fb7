from itertools import product

import pytest

from voice.state import Cue, State, next_state

EXPECTED = {
    # state:          woken        question    speaks     answered   stopped failed  time up
    State.IDLE: ("listening", "thinking", "idle", "idle", "idle", "idle", "idle"),
    State.LISTENING: (
        "listening", "thinking", "listening", "listening", "idle", "listening", "idle",
    ),
    State.THINKING: (
        "listening", "thinking", "speaking", "follow_up", "idle", "idle", "thinking",
    ),
    State.SPEAKING: (
        "listening", "thinking", "speaking", "follow_up", "idle", "idle", "speaking",
    ),
    State.FOLLOW_UP: (
        "listening", "thinking", "follow_up", "follow_up", "idle", "follow_up", "idle",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("state", "cue"), list(product(State, Cue)))
def test_every_cue_in_every_state(state: State, cue: Cue) -> None:
    assert next_state(state, cue).value == EXPECTED[state][list(Cue).index(cue)]


@pytest.mark.parametrize("state", State)
def test_stop_ends_everything_and_a_call_always_helps(state: State) -> None:
    assert next_state(state, Cue.STOPPED) is State.IDLE
    assert next_state(state, Cue.WOKEN) is State.LISTENING
