from __future__ import annotations

from dataclasses import replace

from llm.fixed_texts import APOLOGY, OUTSIDE, SURE, WHICH
from tests.unit.knowledge_base import base_of
from tests.unit.scripted import ENTRIES, answerer
from voice.dialog.warmer import texts_to_warm
from voice.reply import spoken_parts

TAP = replace(ENTRIES[0], details="烧开只去细菌。放射性物质还在水里。")
REPLIES = ({"zh": "这个我帮不上。问我怎么隐蔽。", "en": "I cannot help with that."},)


def test_first_how_everything_begins_then_the_rest_of_what_is_said_most() -> None:
    assert list(texts_to_warm(base_of(TAP), REPLIES)) == [
        ("这个我帮不上。", "zh"),
        ("I cannot help with that.", "en"),
        ("先喝瓶装水。", "zh"),
        ("烧开只去细菌。", "zh"),
        ("问我怎么隐蔽。", "zh"),
        ("烧开没用。", "zh"),
    ]


def test_a_text_is_given_once() -> None:
    again = replace(TAP, id="zh.water.again", details="")
    texts = list(texts_to_warm(base_of(TAP, again), ()))
    assert len(texts) == len(set(texts)) == 3


def test_every_reply_begins_with_a_sentence_that_is_known_ahead() -> None:
    subject = answerer()
    replies = subject.replies
    assert {OUTSIDE["zh"], APOLOGY["en"], WHICH["zh"], SURE["en"]} <= {
        text for texts in replies for text in texts.values()
    }
    warmed = set(texts_to_warm(base_of(TAP), replies))
    for texts in replies:
        for language, text in texts.items():
            assert (spoken_parts(text.format("甲", "乙"))[0], language) in warmed


def test_nothing_is_warmed_with_a_gap_in_it() -> None:
    warmed = dict(texts_to_warm(base_of(TAP), answerer().replies))
    assert warmed
    assert not [text for text in warmed if "{" in text]
