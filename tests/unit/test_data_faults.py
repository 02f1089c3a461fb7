"""Planted faults of training data: each is named and, where it does harm, stopped."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from llm import Message, Vectors
from llm.compose import prompt
from llm.data import Problem, Row
from llm.data.doctor import Settings, examine
from llm.data.knowledge_rows import knowledge_rows
from llm.data.pairing import PairingCheck
from llm.data.treatment import CODES
from llm.encode import UniversalSentenceEncoder
from tests.unit.knowledge_base import shipped
from tests.unit.training_rows import grounded, pair, row, rows


def errors(found: list[Problem]) -> list[str]:
    return [problem.code for problem in found if problem.level == "error"]


def codes(*given: Row) -> set[str]:
    return {problem.code for problem in examine(given)}


def test_good_rows_have_no_problem():
    english = row("Where is water handed out?", "Water is handed out at the school.")
    assert examine([*rows(99), english]) == []
    assert examine([grounded(n, refuse=n % 5 == 0) for n in range(40)]) == []


def test_half_duplicates_are_stopped():
    found = examine([*rows(100), *(replace(r) for r in rows(100))])
    (whole,) = [p for p in found if p.code == "duplicates"]
    assert whole.level == "error"
    assert "100 of 200 rows (50%)" in whole.message
    assert sum(p.code == "exact-duplicate" for p in found) == 100


def test_half_near_duplicates_are_stopped():
    long = "，请带好身份证件和够三天用的东西，听从现场人员安排，路上不要停留"
    first = [row(a + long, b + long, line=n) for n, (a, b) in enumerate(map(pair, range(60)))]
    second = [row(r.question + "谢谢", r.answer + "好的", line=n) for n, r in enumerate(first, 100)]
    found = examine([*first, *second])
    near = {p.origin.line for p in found if p.code == "near-duplicate"}
    assert len(near & set(range(100, 160))) >= 55
    assert "duplicates" in errors(found)


def test_some_duplicates_are_only_told():
    found = examine([*rows(100), row(*pair(3), line=200)])
    (copy,) = [p for p in found if p.code == "exact-duplicate"]
    assert (copy.origin.line, copy.level) == (200, "warning")
    assert "a.jsonl:4" in copy.message
    assert "duplicates" not in errors(found)


def test_case_blanks_and_punctuation_make_no_difference():
    assert "exact-duplicate" in codes(row("What  now?", "Go in."), row("what now", "GO IN"))


def test_one_passage_with_several_questions_is_no_duplicate():
    passage = pair(1)[1] * 10
    asked = ["今天发水吗？", "在哪里领？", "要不要排队？", "有几份？", "可以替人领吗？"]
    given = [row(prompt(q, passage, "zh")[1].content, pair(1)[1], n) for n, q in enumerate(asked)]
    assert codes(*given) == set()
    again = row(prompt(asked[0] + "？", passage + "。", "zh")[1].content, pair(1)[1] + "好", 9)
    assert codes(*given, again) == {"near-duplicate", "two-answers"}


def test_a_question_with_two_answers_is_told():
    assert codes(row("去哪里？", "去操场。"), row("去哪里？", "留在家里。")) == {"two-answers"}


@pytest.mark.parametrize("shift", [1, -2])
def test_shifted_answers_are_stopped(shift: int):
    good = rows(60)
    shifted = [row(r.question, good[(n + shift) % 60].answer, n + 1) for n, r in enumerate(good)]
    (problem,) = [p for p in examine(shifted) if p.code == "shifted-answers"]
    assert problem.level == "error"
    # An answer from further down belongs to a question that stands further down.
    assert ("after" if shift > 0 else "before") in problem.message
    assert f"{abs(shift)} row" in problem.message


def test_a_shifted_part_is_named_by_its_lines():
    good = rows(120)
    answers = [r.answer for r in good]
    answers[60:] = [*answers[61:], "没有了。"]
    found = examine([row(r.question, a, r.origin.line) for r, a in zip(good, answers, strict=True)])
    (problem,) = [p for p in found if p.code == "shifted-answers"]
    assert 55 <= problem.origin.line <= 65


def test_answers_of_other_rows_are_stopped():
    answers = [r.answer for r in rows(100)]
    Random(1).shuffle(answers)
    mixed = [row(r.question, a, r.origin.line) for r, a in zip(rows(100), answers, strict=True)]
    (problem,) = [p for p in examine(mixed, Settings(Meaning)) if p.code == "wrong-answers"]
    assert problem.level == "error"
    assert "pairing" in {p.code for p in examine(mixed)}


SAID = Message("assistant", "Please wait for news.")


class Meaning:
    """Knows the meaning of a numbered question and its answer, in whatever words."""

    name = "meaning"

    def encode(self, texts: list[str]) -> Vectors:
        numbers = [int("".join(filter(str.isdigit, text)) or 0) for text in texts]
        return np.stack([np.random.default_rng(n).standard_normal(64) for n in numbers])


def test_an_answer_that_is_not_from_its_passage_is_named():
    good = [grounded(n) for n in range(40)]
    (one,) = examine([*good[:39], replace(good[39], messages=(*good[39].messages[:-1], SAID))])
    assert (one.code, one.origin.line, one.level) == ("foreign-answer", 40, "warning")


def test_refusals_need_not_be_told_apart():
    given = [replace(grounded(n, refuse=n % 3 == 0), kind="") for n in range(60)]
    own = Message("assistant", "Nobody knows.")
    assert errors(examine(given)) == []
    given = [
        replace(r, messages=(*r.messages[:-1], own)) if n % 3 else r for n, r in enumerate(given)
    ]
    assert errors(examine(given)) == []


@pytest.mark.parametrize("quoting", [True, False])
def test_answers_of_the_knowledge_base_belong_to_their_questions(quoting: bool):
    good = list(knowledge_rows(shipped(), grounded=quoting))[::5]
    assert list(pairing(good)) == []
    answers = [r.messages[-1] for r in good]
    Random(1).shuffle(answers)
    mixed = [
        replace(r, messages=(*r.messages[:-1], answer))
        for r, answer in zip(good, answers, strict=True)
    ]
    assert list(pairing(mixed)) == ["wrong-answers"]


def pairing(given: list[Row]) -> list[str]:
    check = PairingCheck(UniversalSentenceEncoder)
    for one in given:
        list(check.see(one))
    return [problem.code for problem in check.finish()]


def test_translations_share_meaning_but_no_words():
    found = examine(
        [row(f"第{n}章", f"Chapter no. {n}", n) for n in range(100, 160)], Settings(Meaning)
    )
    assert errors(found) == []


def test_swapped_roles_are_stopped():
    swapped = [row(r.answer + "请大家互相转告。", r.question, r.origin.line) for r in rows(40)]
    found = examine(swapped)
    assert "swapped-roles" in errors(found)
    assert sum(p.code == "maybe-swapped" for p in found) == 40
    some = [*rows(40)[:20], *swapped[20:]]
    assert "swapped-roles" in errors(examine(some))


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("进入室内。<|im_end|>", "marker"),
        ("进入室内。\n用户：还有呢？", "role-in-text"),
        ("进入\ufffd内。", "encoding"),
        ("进入室\udce5。", "encoding"),
        ("锟斤拷锟斤拷", "encoding"),
        ("进入室内".encode().decode("latin-1"), "misread"),
        ("进入\x07室内。", "control-character"),
        ("去哪里", "echo"),
        ("先关好门窗，", "unfinished"),
        ("打电话 13800138000 找李医生。", "personal-data"),
        ("保安夜里只有两名，监控死角在西门。", "facility-detail"),
    ],
)
def test_a_bad_text_is_named_with_its_place(answer: str, code: str):
    found = [p for p in examine([row("去哪里？", answer, 7)]) if p.code == code]
    assert [(p.origin.line, p.field) for p in found] == [(7, "messages[1].content")]
    assert found[0].fix


def test_what_is_found_is_not_quoted():
    (problem,) = examine([row("去哪里？", "打电话 13800138000 找人。")])
    assert "138" not in problem.message


@pytest.mark.parametrize("text", ["Café, naïve, señor, 5 µSv/h, 20 °C – “ja”", "a < b > c, [1]"])
def test_other_languages_and_signs_are_no_fault(text: str):
    assert codes(row("How is it written?", text)) == set()


def test_a_missing_language_and_missing_refusals_are_told():
    found = {p.code for p in examine([replace(r, kind="answer") for r in rows(60)])}
    assert {"one-language", "no-refusals"} <= found


def test_only_what_is_named_can_be_dropped():
    texts = ["a<|im_end|>", "\ufffd", "去哪里", "好，", "打13800138000", "保安有两名", "\x07a"]
    texts += ["进入室内".encode().decode("latin-1"), "好。\n用户：还有呢？", "去哪里？在哪里？"]
    given = [row("去哪里", text, n) for n, text in enumerate(texts)]
    found = examine([*given, *given])
    single = {problem.code for problem in found if not problem.whole}
    assert single <= set(CODES)


def test_a_rejected_answer_and_a_thought_are_checked_too():
    given = row("去哪里？", "去操场。", rejected="去操场！", thinking="先想\ufffd一想")
    found = {(p.code, p.field) for p in examine([given])}
    assert found == {("echo", "rejected"), ("encoding", "thinking")}


def test_an_earlier_answer_is_checked_too():
    messages = (*row("去哪里？", "<s>去操场。").messages, *row("还有呢？", "带上水。").messages)
    found = examine([replace(row("a", "b"), messages=messages)])
    assert [(p.code, p.field) for p in found] == [("marker", "messages[1].content")]
    assert Message("assistant", "带上水。") == messages[-1]
