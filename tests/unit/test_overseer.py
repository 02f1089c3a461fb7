from __future__ import annotations

from collections.abc import Iterator

import pytest

from voice.process.overseer import HEARING, PATIENCE_S, SPEAKING, Overseer, Piece, Work


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Watched:
    """One thread's work under an overseer that looks twice a second."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.work = Work()
        self.waited_s = 0.0
        """In half a second."""
        self.overseer = Overseer(
            [Work(), self.work], lambda piece: None, self.clock, lambda: self.waited_s
        )

    def look_for(self, seconds: float, step_s: float = 0.5) -> Piece | None:
        """Return what was found within the time."""
        for _ in range(int(seconds / step_s)):
            self.clock.now_s += step_s
            found = self.overseer.look()
            if found:
                return found
        return None


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_piece_of_work_without_an_end_is_found(watched: Watched) -> None:
    with watched.work.doing(HEARING, 7):
        assert watched.look_for(PATIENCE_S) is None
        assert watched.look_for(2.0) == Piece(HEARING, 7)


def test_work_that_was_granted_more_time_has_it(watched: Watched) -> None:
    with watched.work.doing(HEARING, 7, granted_s=30.0):
        assert watched.look_for(PATIENCE_S + 30.0) is None
        assert watched.look_for(2.0) is not None


def test_time_in_which_others_had_the_processor_does_not_count(watched: Watched) -> None:
    watched.waited_s = 0.375
    with watched.work.doing(HEARING, 7):
        assert watched.look_for(4 * PATIENCE_S) is None
        assert watched.look_for(2.0) is not None


def test_a_wait_that_is_told_late_is_no_credit_for_later_work(watched: Watched) -> None:
    with watched.work.doing(HEARING, 7):
        watched.waited_s = 30.0
        assert watched.look_for(0.5) is None
        watched.waited_s = 0.0
        assert watched.look_for(PATIENCE_S) is None
        assert watched.look_for(2.0) is not None


def test_who_waits_or_begins_anew_each_time_does_not_hang(watched: Watched) -> None:
    assert watched.look_for(10 * PATIENCE_S) is None
    for turn in range(5):
        with watched.work.doing(HEARING, turn):
            assert watched.look_for(PATIENCE_S - 1) is None


def test_of_work_within_work_the_inner_piece_is_told(watched: Watched) -> None:
    with watched.work.doing(HEARING, 1), watched.work.doing(SPEAKING, 2):
        assert watched.look_for(2 * PATIENCE_S) == Piece(SPEAKING, 2)


def test_each_item_is_a_piece_of_its_own(watched: Watched) -> None:
    def pieces() -> Iterator[int]:
        for number in range(3):
            assert watched.work.now == Piece(SPEAKING, 1)
            assert watched.look_for(PATIENCE_S - 1) is None
            yield number

    seen = []
    for number in watched.work.each(SPEAKING, 1, pieces()):
        assert watched.work.now == Piece()
        assert watched.look_for(2 * PATIENCE_S) is None  # it is being played
        seen.append(number)
    assert seen == [0, 1, 2]


def test_after_a_sleep_of_the_machine_nothing_hangs_yet(watched: Watched) -> None:
    with watched.work.doing(HEARING, 7):
        assert watched.look_for(3600, step_s=3600) is None
