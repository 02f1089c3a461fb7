"""The verifier against answers that were corrupted on purpose, and against faithful rewordings.

Corruptions and rewordings are made from the vetted entries by rule, so the set grows with the
knowledge base. The figures are printed with `pytest -s`.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from llm.knowledge import Entry, KnowledgeBase, load_knowledge
from llm.retrieve import sentences
from llm.verify import Verifier

Change = Callable[[str, random.Random], str | None]

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_UNITS = {
    "zh": [("毫希沃特", "微希沃特"), ("毫克", "克"), ("小时", "分钟"), ("分钟", "小时"), ("天", "周"),
           ("公里", "米"), ("厘米", "米"), ("岁", "个月"), ("戈瑞", "毫戈瑞"), ("年", "天")],
    "en": [("mSv", "µSv"), ("mg", "g"), ("hours", "minutes"), ("minutes", "hours"),
           ("days", "weeks"), ("km", "m"), ("cm", "m"), ("years", "months"), ("Gy", "mGy")],
}  # fmt: skip
_FLIPS = {
    "zh": [("不要", ""), ("不能", "能"), ("别(?![人处])", ""), ("不用", "要"), ("不会", "会"), ("没有", "有"),
           ("可以", "不可以"), ("必须", "不必"), ("不是", "是"), ("防不了", "能防"), ("先(?!别)", "不要先")],
    "en": [("do not ", ""), ("Do not ", ""), ("cannot", "can"), ("can ", "cannot "), ("not ", ""),
           ("must ", "must not "), ("should ", "should not "), ("is ", "is not "), ("never", "always"),
           ("may ", "may not "), ("stay", "do not stay")],
}  # fmt: skip
_ENTITIES = {
    "zh": ["碘片", "碘盐", "碘酒", "铯", "甲状腺", "福岛", "切尔诺贝利", "三哩岛", "自来水", "瓶装水",
           "口罩", "警报", "核电站", "地下室", "医生", "政府", "学校", "室内", "室外", "伽马射线", "牛奶",
           "肥皂", "护发素", "119", "120", "110", "12345", "上风", "下风"],
    "en": ["iodine tablets", "iodised salt", "caesium", "thyroid", "Fukushima", "Chernobyl",
           "tap water", "bottled water", "mask", "siren", "basement", "doctor", "authorities",
           "school", "indoors", "outdoors", "milk", "soap", "conditioner", "119", "120", "110"],
}  # fmt: skip
_GROUPS = {
    "zh": ["孕妇", "新生儿", "婴儿", "孩子", "成人", "老人", "哺乳", "胎儿", "公众", "应急人员"],
    "en": ["pregnant women", "newborns", "babies", "children", "adults", "older people",
           "breastfeeding women", "the public", "emergency workers"],
}  # fmt: skip
_EXTRA = {
    "zh": ["另外要多喝绿茶排毒。", "还可以涂一点碘酒。", "碘盐也有同样的作用。", "撤离时先去超市买水。",
           "两小时后就安全了。", "剂量大约是5毫希沃特。", "可以打开窗户通风。", "辐射会通过空气传染。",
           "婴儿可以吃半片。", "请拨打12369报告。"],
    "en": ["Also drink green tea to flush it out.", "A little iodine tincture helps too.",
           "Iodised salt works as well.", "It is safe again after two hours.",
           "The dose is about 5 mSv.", "You may open the windows.", "Babies can take half a tablet.",
           "Radiation spreads through the air like a cold.", "Call 12369 to report it."],
}  # fmt: skip


def _swap(text: str, words: list[str], rng: random.Random) -> str | None:
    present = [w for w in words if w in text]
    if not present:
        return None
    other = rng.choice([w for w in words if w not in text])
    return text.replace(rng.choice(present), other)


def _changes(language: str) -> dict[str, Change]:
    def number(text: str, rng: random.Random) -> str | None:
        found = list(_NUMBER.finditer(text))
        if not found:
            return None
        match = rng.choice(found)
        value = float(match[0]) * rng.choice([0.5, 2, 10])
        changed = f"{value:g}" if f"{value:g}" != match[0] else f"{value + 7:g}"
        return text[: match.start()] + changed + text[match.end() :]

    def unit(text: str, rng: random.Random) -> str | None:
        for old, new in rng.sample(_UNITS[language], len(_UNITS[language])):
            pattern = re.compile(rf"(\d\s*(?:个)?){re.escape(old)}(?![a-z])")
            if pattern.search(text):
                return pattern.sub(rf"\g<1>{new}", text, count=1)
        return None

    def negation(text: str, rng: random.Random) -> str | None:
        for old, new in rng.sample(_FLIPS[language], len(_FLIPS[language])):
            if re.search(old, text):
                return re.sub(old, new, text, count=1)
        return None

    return {
        "number": number,
        "unit": unit,
        "negation": negation,
        "entity": lambda text, rng: _swap(text, _ENTITIES[language], rng),
        "group": lambda text, rng: _swap(text, _GROUPS[language], rng),
        "extra": lambda text, rng: f"{text} {rng.choice(_EXTRA[language])}".strip(),
    }


def _corrupted(entries: list[Entry], language: str) -> Iterator[tuple[str, Entry, str]]:
    rng = random.Random(20261122)
    for entry in entries:
        text = _first_two(entry)
        for kind, change in _changes(language).items():
            bad = change(text, rng)
            # A change that another sentence of the same passage states is no corruption.
            if bad and bad != text and not all(s in entry.passage for s in sentences(bad)):
                yield kind, entry, bad


_REWORDED = {
    "zh": [("不要", "别"), ("关好", "请关好"), ("室内", "屋内"), ("应该", "应当"), ("马上", "立即"),
           ("可以", "能"), ("孩子", "小孩"), ("大约", "约"), ("如果", "要是"), ("24小时", "二十四小时"),
           ("毫希沃特", "毫希"), ("大概", "大约"), ("一定要", "必须"), ("疏散", "撤离"), ("怎么", "如何"),
           ("100毫克", "一百毫克"), ("2天", "两天"), ("必须", "务必"), ("禁止", "不准"), ("您", "你")],
    "en": [("do not", "don't"), ("Do not", "Don't"), ("cannot", "can't"), ("24 hours", "twenty-four hours"),
           ("potassium iodide", "KI"), ("children", "kids"), ("should", "must"), ("evacuate", "be evacuated"),
           ("mSv", "millisieverts"), ("iodine tablets", "iodine pills"), ("outdoors", "outside"),
           ("indoors", "inside"), ("2 days", "two days")],
}  # fmt: skip


def _rewordings(entries: list[Entry], language: str) -> Iterator[tuple[Entry, str]]:
    """Synonyms, numbers written otherwise, one sentence left out, order changed."""
    for entry in entries:
        parts = sentences(entry.answer)
        text = _first_two(entry)
        yield entry, text
        if len(parts) > 1:
            yield entry, parts[1]
            yield entry, ("" if language == "zh" else " ").join(reversed(parts[:2]))
        reworded = text
        for old, new in _REWORDED[language]:
            reworded = reworded.replace(old, new)
        if reworded != text:
            yield entry, reworded
        yield entry, ("请" + text if language == "zh" else "Please: " + text)


def _first_two(entry: Entry) -> str:
    return ("" if entry.language == "zh" else " ").join(sentences(entry.answer)[:2])


@pytest.fixture(scope="module")
def knowledge() -> KnowledgeBase:
    return load_knowledge()


def _entries(knowledge: KnowledgeBase, language: str) -> list[Entry]:
    """Return the entries whose passage a model may be given."""
    return [e for e in knowledge.speakable if e.language == language and e.facts]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_corrupted_answers_are_caught(knowledge: KnowledgeBase, language: str) -> None:
    verifier = Verifier(language, knowledge.vocabulary)
    tried: Counter[str] = Counter()
    missed: dict[str, list[str]] = {}
    for kind, entry, bad in _corrupted(_entries(knowledge, language), language):
        tried[kind] += 1
        if not verifier.problems(bad, entry.passage):
            missed.setdefault(kind, []).append(f"{entry.id}: {bad}")
    for kind, count in tried.items():
        print(f"{language} {kind}: {count - len(missed.get(kind, []))} of {count} caught")
    escaped = [line for lines in missed.values() for line in lines]
    assert sum(tried.values()) >= 300
    assert len(escaped) <= 0.01 * sum(tried.values()), "\n".join(escaped)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_faithful_rewordings_pass(knowledge: KnowledgeBase, language: str) -> None:
    verifier = Verifier(language, knowledge.vocabulary)
    cases = list(_rewordings(_entries(knowledge, language), language))
    refused = [
        f"{entry.id}: {text} {problems}"
        for entry, text in cases
        if (problems := verifier.problems(text, entry.passage))
    ]
    print(f"{language}: {len(cases) - len(refused)} of {len(cases)} faithful rewordings pass")
    assert len(cases) >= 200
    assert len(refused) <= 0.05 * len(cases), "\n".join(refused[:40])
