from voice.dialog.turn import Turns


def test_each_turn_is_a_new_one_and_disturbs_nobody() -> None:
    turns = Turns()
    first = turns.create()
    turns.take_over(first)
    second = turns.create()
    assert (first.number, second.number) == (1, 2)
    assert not first.cancelled()


def test_taking_over_cancels_the_turn_before_and_no_other() -> None:
    turns = Turns()
    first, second, third = (turns.create() for _ in range(3))
    turns.take_over(first)
    turns.take_over(third)
    assert [turn.cancelled() for turn in (first, second, third)] == [True, False, False]


def test_once_closed_every_turn_is_cancelled() -> None:
    turns = Turns()
    before, after = turns.create(), turns.create()
    turns.take_over(before)
    turns.close()
    turns.take_over(after)
    assert before.cancelled()
    assert after.cancelled()
