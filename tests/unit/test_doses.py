"""What a dose does is told by an entry on that dose: "no change below 100 mSv" is none on 300."""

from __future__ import annotations

import pytest

from llm.doses import DoseEffects, asked_doses
from tests.unit.knowledge_base import answerer, shipped

LITTLE, MILD, DEADLY = {"F121"}, {"F122"}, {"F123"}
"""Facts on less than 100 mSv, on 1000 to 2000 and on 4000."""
OVERVIEW = LITTLE | MILD | DEADLY


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("三百毫希沃特危险吗", OVERVIEW),
        ("is 300 mSv dangerous?", OVERVIEW),
        ("九十毫希会得病吗", LITTLE),
        ("一千微希沃特危险吗", LITTLE),
        ("is 500 microsieverts dangerous?", LITTLE),
        ("受了1500毫希会怎样", MILD),
        ("what happens at 2 Gy", MILD),
        ("六千毫希沃特会怎样", DEADLY),
        ("受了五戈瑞会怎样", DEADLY),
        ("is 6000 millisieverts deadly?", DEADLY),
    ],
)
def test_what_a_dose_does_is_told_of_that_dose(question: str, told: set[str]) -> None:
    facts = set(answerer().answer(question).facts)
    assert told <= facts, facts


@pytest.mark.parametrize(
    "question",
    ["受了八百毫希会怎样", "三百毫希会不会死", "0.4希沃特要紧吗", "will 300 mSv kill me?"],
)
def test_a_dose_between_is_not_said_to_do_nothing(question: str) -> None:
    facts = set(answerer().answer(question).facts)
    assert "F121" not in facts or facts >= OVERVIEW, facts


def test_doses_are_read_in_every_unit() -> None:
    assert asked_doses("一百毫希沃特") == ((100, 100),)
    assert asked_doses("受了2戈瑞") == asked_doses("two sieverts") == ((2000, 2000),)
    assert asked_doses("500 µsv") == ((0.5, 0.5),)
    assert asked_doses("1000到2000毫希") == ((1000, 2000),)


@pytest.mark.parametrize(
    "question", ["100毫希沃特每小时", "5 msv per year", "每年一毫希沃特", "吃130毫克"]
)
def test_rates_and_other_amounts_are_no_doses(question: str) -> None:
    assert asked_doses(question) == ()


def test_only_entries_that_begin_with_a_dose_can_miss() -> None:
    entries = [e for e in shipped().speakable if e.language == "zh"]
    missed = DoseEffects(entries).misses("三百毫希沃特会怎样")
    names = {e.id for e, miss in zip(entries, missed, strict=True) if miss}
    assert names == {
        "zh.health-effects.below-100",
        "zh.health-effects.acute-sickness-dose",
        "zh.health-effects.fatal-dose",
    }
    assert not DoseEffects(entries).misses("辐射会不会死人").any()
