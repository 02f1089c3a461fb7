"""How long a signature counts, and that it covers the sentences that stand in no entry."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from asr.pinyin import syllables
from llm import fixed_texts
from llm.guard import Guard
from llm.knowledge.sign import EXPIRED, SIGNATURE, SIGNED, UNFIT
from tests.unit.knowledge_base import answerer
from tests.unit.knowledge_folder import replace_in
from tests.unit.signing_place import Place, make_place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(tmp_path)


def test_it_counts_until_the_end_of_its_last_day(place: Place) -> None:
    place.sign(place.local, valid_days=30)  # on 2026-05-06
    loaded = place.load(date(2026, 6, 5))
    assert loaded.approval.state == SIGNED
    assert "on 2026-05-06, valid until 2026-06-05" in loaded.approval.text
    assert "zh.site.shelter" in loaded.knowledge.by_id


def test_afterwards_it_is_as_good_as_not_signed(place: Place) -> None:
    place.sign(place.local, valid_days=30)
    loaded = place.load(date(2026, 6, 6))
    assert loaded.approval.state == EXPIRED
    assert "as good as not signed, sign again" in loaded.approval.text
    assert "zh.site.shelter" not in loaded.knowledge.by_id


def test_without_a_last_day_it_does_not_run_out(place: Place) -> None:
    place.sign(valid_days=0)
    assert place.load(date(2099, 1, 1)).approval.state == SIGNED


def test_a_last_day_that_was_put_off_does_not_fit(place: Place) -> None:
    place.sign(valid_days=30)
    replace_in(place.own / SIGNATURE, "2026-06-05", "2036-06-05")
    assert place.load(date(2026, 6, 1)).approval.state == UNFIT


@pytest.mark.parametrize("name", ["OUTSIDE", "NOTHING_HEARD", "WHICH"])
def test_fixed_sentences_are_signed_too(
    place: Place, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.sign()
    changed = {"zh": "随便。", "en": "Whatever."}
    monkeypatch.setattr(fixed_texts, name, changed)
    approval = place.load().approval
    assert approval.state == UNFIT
    assert "fixed replies were changed" in approval.text


def test_what_is_said_without_an_entry_is_a_fixed_text_or_a_reply() -> None:
    subject = answerer()
    known = {text for texts in fixed_texts.fixed_texts().values() for text in texts.values()}
    known |= {text for r in Guard(syllables).replies.values() for text in r.text.values()}
    for question in ("", "x" * 2000, "讲个笑话", "what is seven times six", "现在剂量率多少"):
        answer = subject.answer(question)
        assert answer.hits or answer.text in known, answer
