from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from asr.pinyin import syllables
from llm.cache import Arrays, cached_arrays
from llm.ngrams import GramIndex, GramIndexer, fold_syllable, ranges, sound_key, sound_text
from llm.retrieve import Retriever
from llm.wording import Wording, first_sentence, sentences
from tests.unit.knowledge_base import encoder, retriever, shipped


@pytest.mark.parametrize(
    ("question", "language", "fact"),
    [
        ("哪个屋子躲着最安全", "zh", "F006"),
        ("碘片的作用是啥", "zh", "F031"),
        ("家里的牛和羊咋办", "zh", "F073"),
        ("请问一下，自来水还可以喝吗", "zh", "F065"),
        ("Which part of the house is the safest?", "en", "F006"),
        ("Is it okay to drink water from the tap?", "en", "F065"),
    ],
)
def test_reworded_questions_find_their_entry(question: str, language: str, fact: str) -> None:
    hit = retriever().search(question, language)[0]
    assert fact in hit.entry.facts, (hit.entry.id, hit.parts)


@pytest.mark.parametrize(
    ("misheard", "fact"),
    [
        ("电片什么时候吃", "F030"),
        ("惊豹响了怎么办", "F014"),
        ("吃典盐能防服射吗", "F224"),
        ("自赖水还能喝吗", "F065"),
    ],
)
def test_misheard_questions_find_their_entry(misheard: str, fact: str) -> None:
    found = [hit.entry.facts for hit in retriever().search(misheard, "zh", 2)]
    assert any(fact in facts for facts in found), found


def test_hits_are_ordered_likelihoods_with_reasons() -> None:
    hits = retriever().search("碘片什么时候吃", "zh", 4)
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert hits[0].phrase in hits[0].entry.ask
    assert {"entry_vector", "entry_wording", "entry_sound", "fused"} <= set(hits[0].parts)


def test_a_foreseen_phrasing_is_nearly_certain() -> None:
    entry = next(e for e in shipped().speakable if e.id == "zh.iodine.when")
    hit = retriever().search(entry.ask[0], "zh")[0]
    assert hit.entry.id == entry.id
    assert hit.score > 0.9


def test_only_entries_of_the_language_are_found() -> None:
    for language in ("zh", "en"):
        hits = retriever().search("KI 碘片 iodine", language)
        assert {hit.entry.language for hit in hits} == {language}


def test_numbers_are_not_confused() -> None:
    assert "F188" in retriever().search("12369还有用吗", "zh")[0].entry.facts


def test_nothing_to_search_finds_nothing() -> None:
    assert retriever().search("   ", "zh") == []
    assert Retriever([], encoder(), syllables).search("碘片", "zh") == []


def test_text_without_letters_is_harmless() -> None:
    assert all(hit.score < 0.5 for hit in retriever().search("？！…", "zh"))


def _counted(made: list[str]) -> Arrays:
    made.append("made")
    return {"squares": np.arange(4) ** 2}


def test_an_index_is_kept_until_its_key_changes(tmp_path: Path) -> None:
    made: list[str] = []
    for key in ("one", "one", "other"):
        arrays = cached_arrays(tmp_path, key, lambda: _counted(made))
        assert arrays["squares"].tolist() == [0, 1, 4, 9]
    assert len(made) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["index-other.npz"]


@pytest.mark.parametrize(
    "damage", [lambda b: b[:20], lambda b: b.replace(b"\x04", b"\x05"), lambda b: b""]
)
def test_a_damaged_index_is_made_anew(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    made: list[str] = []
    cached_arrays(tmp_path, "one", lambda: _counted(made))
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    assert cached_arrays(tmp_path, "one", lambda: _counted(made))["squares"][3] == 9
    assert len(made) == 2


def test_an_unwritable_cache_only_costs_time(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    assert cached_arrays(blocked, "one", lambda: _counted([]))["squares"][3] == 9


def test_a_kept_index_finds_the_same(tmp_path: Path) -> None:
    entries = shipped().speakable[:40]
    built, kept = (
        Retriever(entries, encoder(), syllables, shipped().vocabulary, tmp_path) for _ in range(2)
    )
    assert len(list((tmp_path / "zh").iterdir())) == 1
    assert built.search("碘片什么时候吃", "zh") == kept.search("碘片什么时候吃", "zh")


def test_vectors_have_length_one() -> None:
    lengths = np.linalg.norm(encoder().encode(["碘片什么时候吃", "tap water"]), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-3)
    assert encoder().encode([]).shape == (0, 512)


@pytest.mark.parametrize(
    ("one", "other"), [("zhi", "zi"), ("shan", "sang"), ("nan", "lan"), ("xin", "xing")]
)
def test_confusable_syllables_fold(one: str, other: str) -> None:
    assert fold_syllable(one) == fold_syllable(other)


def test_short_words_are_heard_only_exactly() -> None:
    assert sound_key(["xiang", "si"]) not in sound_text(["feng", "xian", "shi"])
    assert sound_key(["dian", "pian"]) in sound_text(["chi", "dian", "pian"])
    assert sound_key(["zi", "lai", "shui"]) in sound_text(["zhi", "nai", "sui"])
    assert sound_key(["gu"]) == ""


def _index(documents: list[list[Counter[str]]], asked: list[int]) -> GramIndex:
    indexer = GramIndexer()
    for texts, count in zip(documents, asked, strict=True):
        indexer.add(texts, count)
    return GramIndex(indexer.arrays())


def test_coverage_counts_rare_and_unseen_grams_most() -> None:
    index = _index([[Counter("ab")], [Counter("ac")]], [1, 1])
    assert index.weight("a") < index.weight("b") < index.weight("z")
    np.testing.assert_allclose(index.scores(Counter("ab"))[0], 1)
    assert index.scores(Counter("z")).max() == 0


def test_phrasings_are_compared_one_by_one() -> None:
    texts = [[Counter("ab"), Counter("cd"), Counter("xyz")], [Counter("ae")]]
    index = _index(texts, [2, 1])
    alike = index.cosines(Counter("cd"), np.array([1, 0]))
    np.testing.assert_allclose(alike, [0, 0, 1], atol=1e-6)
    assert index.scores(Counter("x")).tolist() == [1, 0]
    assert index.cosines(Counter("cd"), np.array([0])).tolist() == alike[1:].tolist()


def test_ranges() -> None:
    begins, ends = np.array([5, 0, 9]), np.array([7, 0, 10])
    assert ranges(begins, ends).tolist() == [5, 6, 9]


@pytest.mark.parametrize(
    ("text", "exchanged"),
    [
        ("碘化钾片和碘化钾", "碘片和碘片"),
        ("碘1311", "碘1311"),
        ("碘131呢", "碘-131呢"),
        ("kid ki", "kid iodine"),
        ("ki2 ki.", "ki2 iodine."),
        ("", ""),
    ],
)
def test_the_longest_whole_word_is_exchanged(text: str, exchanged: str) -> None:
    same = {"碘化钾": "碘片", "碘化钾片": "碘片", "碘131": "碘-131", "ki": "iodine"}
    assert Wording(same, ()).canonical(text) == exchanged


def test_wording_folds_synonyms_and_drops_fillers() -> None:
    wording = Wording({"碘药": "碘片", "啥时候": "什么时候"}, ["请问", "啊"])
    assert wording.core("请问 碘药啥时候吃啊？") == "碘片什么时候吃"
    assert wording.core("请问") == "请问"
    assert Wording({"ki": "iodine"}, ()).canonical("Take KI, kids") == "take iodine, kids"


def test_sentences() -> None:
    assert sentences("进屋。关窗！等通知") == ["进屋。", "关窗！", "等通知"]
    assert sentences("About 2.4 mSv. Per year.") == ["About 2.4 mSv.", "Per year."]
    assert first_sentence("Go in. Stay.") == "Go in."
