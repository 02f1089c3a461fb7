"""Any text that is said or typed: everything that reads it returns something, in time."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.error_rate import units
from asr.misheard import joined_telephone
from asr.pinyin import syllables
from asr.repair import Repairer
from asr.text import clean, without_loop
from kws import WakeWordError
from kws.asr_pinyin import PinyinMatcher
from kws.words import make_word
from llm import KnowledgeError
from llm.guard import Guard
from llm.knowledge import load_knowledge, parse_toml
from llm.language import detect_language
from llm.masking import mask
from llm.people import ages_of, asked_ages
from llm.support import SupportCheck
from llm.verify import Verifier
from tests.fuzzing import bounded
from tests.unit.scripted import answerer
from voice.config_file import load_config
from voice.dialog.spoken_commands import SpokenCommands
from voice.errors import ConfigError
from voice.terminal import newest, printable
from voice.tts.phonemes import READERS
from voice.tts.sentences import split_pieces, split_sentences

_PIECES = (
    "碘片", "什么时候吃", "130", "毫克", "mSv", "μSv/h", "3.5", "1/2", "第", "12345678901", "120",
    "岁", "个月", "%", "℃", "-", "~", "—", "，", "。", "？", "！", ",", ".", "?", "...", "；", "（",
    "）", "《", "》", "“", "”", "'", '"', " ", "\n", "\t", "\0", "\x1b[2J", "a", "I'm", "KI",
    "U-235", "iodine", "don't", "20-30", "20～30", "零", "〇", "两", "百", "万", "亿", "0" * 30,
    "9" * 400, "啊" * 40, "谢谢", "http://a.b/c", "a@b.cn", "2026-11-22", "10:30", "½", "²", "①",
    "Ⅳ", "٣", "\u200b", "\u202e", "\ufeff", "\U0001f1e8", "e\u0301", "\ud800", "臺灣", "ㄅ",
    "한", "ア", "你好核安", "小安",
)  # fmt: skip
TEXTS = st.one_of(
    st.lists(st.sampled_from(_PIECES), max_size=12).map("".join),
    st.text(max_size=60),
    st.lists(st.sampled_from(_PIECES) | st.text(max_size=4), max_size=10).map("".join),
)


@cache
def readers() -> dict[str, Callable[[str], object]]:
    """Return everything that reads a text, by name."""
    knowledge = load_knowledge()
    repairer, guard = Repairer(knowledge.terms("zh")), Guard(syllables)
    asked, commands = answerer(), SpokenCommands()
    matcher = PinyinMatcher([make_word("你好核安")], 0.87)
    verifiers = [Verifier(language, knowledge.vocabulary) for language in ("zh", "en")]
    support = SupportCheck("zh", knowledge.terms("zh"), knowledge.vocabulary.synonyms("zh"))
    passage = knowledge.speakable[0].passage
    return {
        "repair": lambda text: [repairer.repair(text, language) for language in ("zh", "en", "")],
        "clean": lambda text: without_loop(clean(joined_telephone(text))),
        "units": units,
        "pinyin": syllables,
        "wake word": matcher.match,
        "language": detect_language,
        "answer": lambda text: [asked.answer(text, language) for language in ("", "zh", "en")],
        "guard": guard.check,
        "commands": lambda text: [commands.name_of(text, language) for language in ("", "zh")],
        "mask": mask,
        "ages": lambda text: (asked_ages(text), ages_of(text)),
        "verify": lambda text: [verifier.problems(text, passage) for verifier in verifiers],
        "verify against": lambda text: [v.problems(passage, text) for v in verifiers],
        "support": lambda text: support.missing(text, [passage]),
        "read aloud": lambda text: [reader(text) for reader in READERS.values()],
        "pieces": lambda text: [split_pieces(text, language) for language in ("zh", "en")],
        "sentences": split_sentences,
        "terminal": lambda text: (printable(text), newest(text, 40)),
    }


NAMES = (
    "repair", "clean", "units", "pinyin", "wake word", "language", "answer", "guard", "commands",
    "mask", "ages", "verify", "verify against", "support", "read aloud", "pieces", "sentences",
    "terminal",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@given(text=TEXTS)
def test_any_text_is_read(name: str, text: str) -> None:
    read = readers()[name]
    with bounded():
        read(text)


def test_all_readers_are_tried() -> None:
    assert tuple(readers()) == NAMES


@given(text=TEXTS)
def test_any_text_is_a_wake_word_or_refused(text: str) -> None:
    with bounded((WakeWordError,)):
        make_word(text)


@given(text=TEXTS, pinyin=TEXTS)
def test_any_pinyin_is_taken_or_refused(text: str, pinyin: str) -> None:
    with bounded((WakeWordError,)):
        make_word(text, [pinyin])


@given(text=TEXTS)
def test_any_setting_is_taken_or_refused(text: str) -> None:
    for setting in (text, f"tts.{text}", f"tts.speed={text}", f"audio.input={text}"):
        with bounded((ConfigError,)):
            load_config(None, [setting])


@given(text=TEXTS)
def test_any_toml_is_read_or_refused(text: str) -> None:
    with bounded((KnowledgeError,)):
        parse_toml(text, "here")
