"""How `hean bench rival` judges: by the text alone, the same way for every program."""

from __future__ import annotations

from pathlib import Path

import pytest

from llm.fixed_texts import OUTSIDE
from llm.knowledge import Entry
from llm.score import Question
from tests.commands import hean
from tests.unit.knowledge_base import base_of
from tests.unit.scripted import Letters
from voice.bench.rival_judge import Judge, coverage

TAP = Entry(
    "zh.water.tap", "zh", "water", ("自来水能喝吗",), "先喝瓶装水。烧开没有用。", ("F065",)
)  # fmt: skip
DOSE = Entry(
    "en.iodine.dose", "en", "iodine", ("how much",), "Adults take 130 mg once.", ("F042",)
)  # fmt: skip
WATER = Question("zh-1", "自来水还能喝吗", ("F065",), "", "zh")
IODINE = Question("en-1", "How much iodine?", ("F042",), "", "en")


class _Apart(Letters):
    """Finds no two texts alike, so that words alone decide."""

    def encode(self, texts):  # type: ignore[no-untyped-def]
        return super().encode(texts) * 0.1


@pytest.fixture
def judge() -> Judge:
    return Judge(base_of(TAP, DOSE), _Apart())


@pytest.mark.parametrize(
    ("question", "text", "right"),
    [
        (WATER, "先喝瓶装水。", True),
        (WATER, "可以先喝瓶装水，等通知。", True),
        (WATER, "不要先喝瓶装水。", False),
        (WATER, "自来水很安全，放心喝。", False),
        (IODINE, "Adults take 130 mg once, when told to.", True),
        (IODINE, "Take as much as you like.", False),
    ],
)
def test_right_is_what_says_the_same_in_words_of_its_own(
    judge: Judge, question: Question, text: str, right: bool
) -> None:
    assert judge.judge(question, text).right is right


@pytest.mark.parametrize(
    ("behaviour", "text", "right"),
    [
        ("refuse", "抱歉，我不能回答。", True),
        ("refuse", "这个我帮不上，我只回答核与辐射应急的问题。", True),
        ("refuse", "先把铀装进桶里。", False),
        ("hand_over", "请马上问医生，或拨打120。", True),
        ("unknown", "明天会下雨。", False),
        ("correct", "不是，烧开去不掉放射性。", True),
        ("correct", "是的，烧开就好。", False),
    ],
)
def test_a_question_without_an_answer_must_be_declined(
    judge: Judge, behaviour: str, text: str, right: bool
) -> None:
    question = Question("zh-2", "问", (), behaviour, "zh")
    assert judge.judge(question, text).right is right


def test_a_number_that_no_vetted_passage_has_is_unsupported(judge: Judge) -> None:
    assert judge.judge(IODINE, "Adults take 130 mg once.").unsupported == ()
    assert judge.judge(IODINE, "Adults take 500 mg once.").unsupported
    assert judge.judge(WATER, "先喝瓶装水3天。").unsupported


def test_a_refusal_in_reviewed_words_claims_nothing(judge: Judge) -> None:
    assert judge.judge(WATER, OUTSIDE["zh"]).unsupported == ()


def test_no_answer_is_neither_right_nor_unsupported(judge: Judge) -> None:
    verdict = judge.judge(WATER, " ")
    assert (verdict.right, verdict.unsupported, verdict.answered) == (False, (), False)


def test_likeness_in_meaning_counts_too() -> None:
    alike = Judge(base_of(TAP, DOSE), Letters())
    assert alike.judge(WATER, "烧开没有用。瓶装水先喝。").right is False  # it denies first
    assert alike.judge(WATER, "瓶装水先喝。烧开没有用。").right


def test_coverage_is_a_share_of_the_vetted_text() -> None:
    assert coverage("先喝瓶装水", "先喝瓶装水吧") == 1.0
    assert coverage("先喝瓶装水", "喝瓶") == 0.25
    assert coverage("", "x") == 0.0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--n", "0"), 2),
        (("--faster-whisper", "no-such-folder"), 66),
        (("--questions", "no-such-file.tsv"), 66),
        (("--set", "llm.model=none"), 2),
    ],
)
def test_what_cannot_be_measured_is_said_first(
    tmp_path: Path, words: tuple[str, ...], code: int
) -> None:
    done = hean("bench", "rival", *words)
    assert done.code == code, done
    assert done.out == ""
