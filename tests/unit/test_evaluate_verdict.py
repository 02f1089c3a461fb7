"""The verdict: better is proven, and whatever must not get worse stops a model by name."""

from dataclasses import replace

import pytest

from llm import Message
from llm.compose import NOTHING_VETTED
from llm.evaluate import Case, Measured, Reply
from llm.evaluate.gate import as_json, compared
from llm.evaluate.judging import Judge
from llm.evaluate.probes import questions, sentences
from llm.knowledge.vocabulary import Vocabulary
from llm.language import detect_language
from voice.training.gate_page import page

RIGHT = "Go inside and close all windows."
PASSAGE = f"{RIGHT} Stay there for 24 hours."
NO = NOTHING_VETTED["en"]
VAGUE = "Close windows."


def cases() -> list[Case]:
    kinds = 8 * ["answer"] + 4 * ["refusal"] + 4 * ["correction"]
    return [
        Case(
            f"valid.jsonl:{n}",
            kind,
            "en",
            (Message("user", "What now?"),),
            NO if kind == "refusal" else f"No. {RIGHT}" if kind == "correction" else RIGHT,
            f"No. {PASSAGE}" if kind == "correction" else PASSAGE,
        )
        for n, kind in enumerate(kinds)
    ]


def measured(name: str, answer: str = RIGHT, loss: float = 0.5, **changes: str) -> Measured:
    """A model that says the references; to some kinds, another `answer`."""
    said = {"answer": answer, "refusal": NO, "correction": f"No. {RIGHT}", **changes}
    replies = {case.id: Reply(said[case.kind], "end", loss) for case in cases()}
    general = tuple(question.accepted[0] for question in questions())
    return Measured(name, replies, tuple(3.0 for _ in sentences()), general, 12, 80, 700, 500)


BEFORE = measured("base", VAGUE, 2.0)


def verdict_of(after: Measured, before: Measured = BEFORE):
    return compared(before, after, cases(), Judge(Vocabulary())).verdict


def test_better_answers_pass():
    verdict = verdict_of(measured("tuned"))
    assert verdict.word == "pass"
    assert verdict.score.is_rise
    assert verdict.loss.is_fall


def test_the_same_answers_are_no_proven_gain():
    assert verdict_of(BEFORE).word == "no proven gain"
    better_once = dict(BEFORE.replies) | {"valid.jsonl:0": Reply(RIGHT, "end", 2.0)}
    verdict = verdict_of(replace(BEFORE, replies=better_once))
    assert verdict.word == "no proven gain"
    assert "chance could explain it" in verdict.reasons[0]


def one_changed(case: int, reply: Reply) -> Measured:
    """A model that is better but for one answer."""
    tuned = measured("tuned")
    return replace(tuned, replies={**tuned.replies, f"valid.jsonl:{case}": reply})


@pytest.mark.parametrize(
    ("after", "named"),
    [
        (measured("no refusals", refusal=RIGHT), "fewer refusals where nothing is known: 4 before"),
        (one_changed(8, Reply(RIGHT, "end", 0.5)), "fewer refusals where nothing is known"),
        (one_changed(12, Reply(f"Yes. {RIGHT}", "end", 0.5)), "fewer right corrections"),
        (one_changed(0, Reply("Stay for 48 hours.", "end", 0.5)), "more claims without support"),
        (one_changed(0, Reply("进入室内，关好所有门窗。", "end", 0.5)), "fewer English answers"),
        (one_changed(0, Reply(RIGHT, "length", 0.5)), "fewer answers that end by themselves"),
        (one_changed(0, Reply("go in and " * 20, "end", 0.5)), "more answers that go round"),
        (measured("worse", "No idea.", 2.0), "answers are worse beyond chance"),
        (measured("unlikely", loss=4.0), "held-out answers have become less likely"),
        (measured("damaged", loss=float("nan")), "the loss is not a number"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_must_not_get_worse_stops_a_better_model(after: Measured, named: str):
    verdict = verdict_of(after)
    assert verdict.word == "worse"
    assert any(named in reason for reason in verdict.reasons)


@pytest.mark.parametrize(("language", "name"), [("en", "English"), ("zh", "Chinese")])
def test_a_forgotten_language_stops_a_better_model(language: str, name: str):
    losses = tuple(3.5 if detect_language(text) == language else 3.0 for text in sentences())
    verdict = verdict_of(replace(measured("tuned"), probe_losses=losses))
    assert verdict.word == "worse"
    assert verdict.reasons[0].startswith(f"general {name} was forgotten")


def test_lost_general_knowledge_stops_a_better_model():
    verdict = verdict_of(replace(measured("tuned"), general=tuple("?" for _ in questions())))
    assert verdict.word == "worse"
    assert "fewer general questions answered: 8 before, 0 after, of 8" in verdict.reasons


def test_a_model_that_refuses_everyday_questions_has_forgotten_them():
    refused = tuple(NOTHING_VETTED[question.language] for question in questions())
    assert verdict_of(replace(measured("tuned"), general=refused)).word == "worse"


def test_a_claim_that_the_check_of_run_time_lets_through_stops_a_better_model():
    # "Stay" at the end of one clause and numbers without units: each check has its blind spots.
    judge = Judge(Vocabulary())
    tuned = one_changed(0, Reply("Stay there for 24 hours.", "end", 0.5))
    result = compared(BEFORE, tuned, cases(), judge)
    spoken = replace(result.after.judged[0], let_through=("number 48 h",))
    after = replace(result.after, judged=(spoken, *result.after.judged[1:]))
    from llm.evaluate.verdict import compare

    verdict = compare(result.cases, result.before, after)
    assert verdict.word == "worse"
    assert "a claim without support would be spoken (valid.jsonl:0): number 48 h" in verdict.reasons


def test_a_case_that_one_model_could_not_be_asked_is_left_out():
    short = {key: reply for key, reply in BEFORE.replies.items() if key != "valid.jsonl:3"}
    result = compared(
        replace(BEFORE, replies=short), measured("tuned"), cases(), Judge(Vocabulary())
    )
    assert len(result.cases) == len(cases()) - 1


def test_the_page_tells_verdict_reasons_and_every_answer():
    worse = measured("no <refusals>", refusal=RIGHT)
    result = as_json(compared(BEFORE, worse, cases(), Judge(Vocabulary())))
    text = page(result)
    assert "Worse: do not use this model" in text
    assert "fewer refusals where nothing is known: 4 before, 0 after, of 4" in text
    assert "no &lt;refusals&gt;" in text
    assert "<refusals>" not in text
    assert text.count('class="row') == len(cases())
    assert text.count("row lost") == 4
    assert "http" not in text
    assert "<script" not in text
