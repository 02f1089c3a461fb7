"""What an answer is worth: each property by itself."""

import pytest

from llm import Message
from llm.compose import NOTHING_VETTED, prompt, quoted_passage
from llm.data import Origin, Row
from llm.evaluate import Case, Reply
from llm.evaluate.cases import cases_of, fair_share
from llm.evaluate.judging import Judge, is_refusal, overlap, repeats
from llm.knowledge.vocabulary import Term, Vocabulary

JUDGE = Judge(Vocabulary((Term("substance", {"zh": ("碘片",), "en": ("iodine",)}),)))
PASSAGES = (
    "Go inside and close all windows. Stay there for 24 hours.\n"
    "Iodine tablets are taken only when the authority says so.",
    "进入室内，关好门窗。在室内停留24小时。\n碘片只在政府通知后服用。",
)
ASKED = ("What should I do?", "我该怎么办？")


def row(kind: str, answer: str, language: str = "en") -> Row:
    number = 0 if language == "en" else 1
    asked = prompt(ASKED[number], PASSAGES[number], language)
    return Row((*asked, Message("assistant", answer)), Origin(__file__, 1), kind)  # type: ignore[arg-type]


def case(kind: str, answer: str, language: str = "en") -> Case:
    return cases_of([row(kind, answer, language)])[0]


def judged(kind: str, reference: str, said: str, language: str = "en", outcome: str = "end"):
    return JUDGE.judge(case(kind, reference, language), Reply(said, outcome, 1.0))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_passage_is_found_in_the_prompt(language: str):
    number = 0 if language == "en" else 1
    asked = prompt(ASKED[number], PASSAGES[number], language)
    assert quoted_passage(asked[-1].content) == PASSAGES[number]
    assert case("answer", "进入室内。" if number else "Go inside.", language).language == language
    assert quoted_passage("What should I do?") == ""


def test_an_answer_copied_from_its_passage_is_right():
    found = judged("answer", "Go inside and close all windows.", "Go inside and close all windows.")
    assert found.right
    assert found.score == 1
    assert found.from_right_passage
    assert not found.unsupported
    assert not found.let_through


def test_an_answer_from_the_wrong_passage_is_told():
    wrong = "Iodine tablets are taken only when the authority says so."
    found = JUDGE.judge(
        Case("1", "answer", "en", (), "Go inside and close all windows.",
             "Go inside and close all windows.\nMore.\n" + wrong),
        Reply(wrong, "end", 1.0),
    )  # fmt: skip
    assert not found.from_right_passage
    assert not found.right


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("Go inside and close all windows. Stay there for 48 hours.", "en"),
        ("Take iodine at once.", "en"),
        ("进入室内，在室内停留48小时。", "zh"),
        ("马上服用碘片10克。", "zh"),
    ],
)
def test_a_claim_without_support_is_told(said: str, language: str):
    reference = "Go inside." if language == "en" else "进入室内。"
    assert judged("answer", reference, said, language).unsupported


@pytest.mark.parametrize("language", ["en", "zh"])
def test_refusals_are_recognised(language: str):
    found = judged("refusal", NOTHING_VETTED[language], NOTHING_VETTED[language], language)
    assert found.right
    assert found.score == 1
    assert not found.unsupported  # a refusal claims nothing
    answer = "Go inside and close all windows." if language == "en" else "进入室内，关好门窗。"
    assert judged("refusal", NOTHING_VETTED[language], answer, language).score == 0
    assert judged("answer", answer, NOTHING_VETTED[language], language).score == 0


@pytest.mark.parametrize(
    ("text", "language", "refuses"),
    [
        ("资料中没有提到这个问题。", "zh", True),
        ("我不知道。", "zh", True),
        ("关好门窗，没有通知不要外出。", "zh", False),
        ("I do not know that.", "en", True),
        ("The passage does not say when.", "en", True),
        ("Do not go outside.", "en", False),
        ("", "en", False),
    ],
)
def test_other_ways_to_refuse(text: str, language: str, refuses: bool):
    assert is_refusal(text, language) is refuses


def test_a_correction_must_deny():
    reference = "No, salt does not protect you."
    assert judged("correction", reference, reference).right
    assert judged("correction", reference, "Yes, salt does protect you.").score == 0


def test_another_language_is_told():
    assert not judged("answer", "Go inside.", "进入室内，关好门窗。").in_language
    assert judged("answer", "Go inside.", "Go inside.").in_language


def test_an_answer_without_end_and_one_in_circles_are_told():
    assert not judged("answer", "Go inside.", "Go inside.", outcome="length").ended
    assert repeats("关好门窗，" * 12)
    assert repeats("go in and " * 12)
    assert not repeats(PASSAGES[0] + PASSAGES[1])


def test_overlap_is_of_pairs_of_characters_or_of_words():
    assert overlap("关好门窗", "关好门窗") == 1
    assert overlap("门窗关好", "关好门窗") == pytest.approx(2 / 3)
    assert overlap("go inside", "stay inside") == 0.5
    assert overlap("", "go") == 0


def test_every_kind_and_language_has_its_share():
    rows = [row("answer", f"Go inside {n}.") for n in range(40)]
    rows += [row("refusal", f"进入室内{n}。", "zh") for n in range(3)]
    found = fair_share(cases_of(rows), 6)
    assert sorted((c.kind, c.language) for c in found) == 3 * [("answer", "en")] + 3 * [
        ("refusal", "zh")
    ]
    assert found == fair_share(cases_of(rows), 6)
