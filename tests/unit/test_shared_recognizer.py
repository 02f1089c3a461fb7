"""The recogniser in two hands: the conversation's calls go before those of programs."""

import threading

import numpy as np

from asr import RATE_HZ, Samples, Transcript
from tests.unit.scripted import WATER, Words
from voice.lending.shared_recognizer import Precedence, shared

WITHIN_S = 10


class Slow(Words):
    """A recogniser that decodes only while it may, and tells if it is used twice at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.may = threading.Event()
        self.began = threading.Event()
        self.inside = 0
        self.twice = False

    def stream(self) -> "Slow":
        return self

    def finish(self) -> Transcript:
        self.inside += 1
        self.twice = self.twice or self.inside > 1
        self.began.set()
        assert self.may.wait(WITHIN_S)
        self.inside -= 1
        return super().finish()


def said() -> Samples:
    return np.full(RATE_HZ, 0.2, np.float32)


def test_both_hands_hear_the_same():
    for recognizer in shared(Words()):
        stream = recognizer.stream()
        stream.accept(said())
        assert stream.partial() == WATER[:3]
        assert stream.finish().text == WATER


def test_nobody_decodes_while_another_one_does():
    slow = Slow()
    spoken, aside = shared(slow)
    threads = [threading.Thread(target=one.stream().finish) for one in (aside, spoken, aside)]
    for thread in threads:
        thread.start()
    assert slow.began.wait(WITHIN_S)
    slow.may.set()
    for thread in threads:
        thread.join(WITHIN_S)
    assert not slow.twice


def test_the_conversation_goes_before_a_program_that_waited_longer():
    precedence = Precedence()
    order: list[str] = []

    def use(name: str) -> None:
        with precedence.first() if name == "person" else precedence.aside():
            order.append(name)

    with precedence.aside():
        threads = [threading.Thread(target=use, args=(name,)) for name in ("program", "person")]
        for thread in threads:
            thread.start()
        wait_until(lambda: precedence._first == 1)
    for thread in threads:
        thread.join(WITHIN_S)
    assert order == ["person", "program"]


def wait_until(done) -> None:
    for _ in range(1000):
        if done():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen")
