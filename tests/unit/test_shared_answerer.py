import threading
from collections.abc import Callable
from pathlib import Path

from llm.answer import Answer, Begin
from tests.unit.scripted import ALARM, WATER, answerer
from voice.audit.log import AuditLog
from voice.audit.record import Versions
from voice.config import Config
from voice.lending.shared_answerer import SharedAnswerer
from voice.recorder import AuditObserver

WITHIN_S = 10


class Slow:
    """An answerer that works until it is told to end, or somebody else is in a hurry."""

    def __init__(self) -> None:
        inner = answerer()
        self.retriever, self.model, self.prefill, self.close = (
            *(inner.retriever, inner.model, inner.prefill, inner.close),
        )
        self.began, self.may_end = threading.Event(), threading.Event()
        self._answer = inner.answer

    def answer(
        self,
        text: str,
        language: str | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        previous: Answer | None = None,
        begin: Begin = lambda answer: None,
    ) -> Answer:
        self.began.set()
        while not (cancelled() or self.may_end.wait(0.01)):
            pass
        return self._answer(text, language, previous=previous)


def test_a_program_gets_the_same_answer_as_a_person():
    shared = SharedAnswerer(answerer())
    aside = shared.answer_aside(WATER)
    assert aside is not None
    assert aside.text == shared.answer(WATER).text


def test_a_program_is_sent_away_while_a_spoken_question_is_answered():
    slow = Slow()
    shared = SharedAnswerer(slow)
    spoken = threading.Thread(target=shared.answer, args=(WATER,))
    spoken.start()
    assert slow.began.wait(WITHIN_S)
    assert shared.answer_aside(ALARM) is None
    slow.may_end.set()
    spoken.join(WITHIN_S)
    assert shared.answer_aside(ALARM) is not None


def test_a_spoken_question_cuts_a_programs_short():
    slow = Slow()
    shared = SharedAnswerer(slow)
    answers: list[Answer | None] = []
    aside = threading.Thread(target=lambda: answers.append(shared.answer_aside(ALARM)))
    aside.start()
    assert slow.began.wait(WITHIN_S)
    threading.Timer(0.2, slow.may_end.set).start()  # ends the spoken one alone
    assert shared.answer(WATER).text == "先喝瓶装水。烧开没用。"
    aside.join(WITHIN_S)
    assert answers[0] is not None and answers[0].text.startswith("先进屋。")


def test_what_a_program_is_answered_stands_in_the_audit_log(tmp_path: Path) -> None:
    config, file = Config(), tmp_path / "audit.db"
    shared = SharedAnswerer(answerer())
    shared.tell = AuditObserver(config, Versions("k1"), file=file).aside
    assert shared.answer_aside(WATER, heard="水能河吗") is not None
    rows = list(AuditLog(file, config.audit).rows())
    assert [(row.fields["source"], row.fields["heard"]) for row in rows] == [("api", "水能河吗")]
    assert rows[0].fields["outcome"] == "answered"
