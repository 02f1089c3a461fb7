"""Mandarin characters to Kokoro's phonemes.

Words are found with a word list (unigram model, best path), read with pypinyin, and written in
the symbols that Kokoro learnt: IPA without combining marks, tones as arrows, words set apart by
spaces. The phoneme table follows Duanmu, The Phonology of Standard Chinese (2nd ed., 2007), as
Kokoro's training text did.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

from pypinyin import Style, lazy_pinyin

TONES = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}

INITIALS = {
    "zh": "ꭧ", "ch": "ꭧʰ", "sh": "ʂ", "b": "p", "p": "pʰ", "m": "m", "f": "f", "d": "t",
    "t": "tʰ", "n": "n", "l": "l", "g": "k", "k": "kʰ", "h": "x", "j": "ʨ", "q": "ʨʰ",
    "x": "ɕ", "r": "ɻ", "z": "ʦ", "c": "ʦʰ", "s": "s",
}  # fmt: skip

FINALS = {
    "a": "a0", "ai": "ai0", "an": "a0n", "ang": "a0ŋ", "ao": "au0", "e": "ɤ0", "ei": "ei0",
    "en": "ə0n", "eng": "ə0ŋ", "er": "ɚ0", "i": "i0", "ia": "ja0", "ian": "jɛ0n",
    "iang": "ja0ŋ", "iao": "jau0", "ie": "je0", "in": "i0n", "ing": "i0ŋ", "iong": "jʊ0ŋ",
    "iou": "jou0", "o": "wo0", "ong": "ʊ0ŋ", "ou": "ou0", "u": "u0", "ua": "wa0",
    "uai": "wai0", "uan": "wa0n", "uang": "wa0ŋ", "uei": "wei0", "uen": "wə0n",
    "ueng": "wə0ŋ", "uo": "wo0", "v": "y0", "ve": "ɥe0", "van": "ɥɛ0n", "vn": "y0n",
    "buzz": "ɨ0",
}  # fmt: skip
"""Finals by their full spelling; 0 marks the place of the tone. `buzz` is the vowel of zi, zhi."""

SYLLABIC = {
    "o": "ɔ0",
    "m": "m0",
    "n": "n0",
    "ng": "ŋ0",
    "hm": "hm0",
    "hng": "hŋ0",
    "ê": "ɛ0",
    "io": "jɔ0",
}
"""Interjections such as 嗯 and 呣."""

_FULL = {
    "iu": "iou",
    "ui": "uei",
    "un": "uen",
    "ue": "ve",
    "ü": "v",
    "üe": "ve",
    "üan": "van",
    "ün": "vn",
}
_ZERO_INITIAL = {
    "yi": "i", "ya": "ia", "yan": "ian", "yang": "iang", "yao": "iao", "ye": "ie", "yin": "in",
    "ying": "ing", "yong": "iong", "you": "iou", "yu": "v", "yue": "ve", "yuan": "van",
    "yun": "vn", "yo": "io", "wu": "u", "wa": "ua", "wai": "uai", "wan": "uan", "wang": "uang",
    "wei": "uei", "wen": "uen", "weng": "ueng", "wo": "uo",
}  # fmt: skip
_ROUNDED_AFTER_PALATAL = {"u": "v", "ue": "ve", "uan": "van", "un": "vn"}

READINGS = {
    "长": "chang2", "头发": "tou2 fa5", "时候": "shi2 hou5", "什么": "shen2 me5",
    "结实": "jie1 shi5", "衣服": "yi1 fu5", "大夫": "dai4 fu5", "呕吐": "ou3 tu4",
    "调低": "tiao2 di1", "调到": "tiao2 dao4", "调小": "tiao2 xiao3", "调大": "tiao2 da4",
    "着火": "zhao2 huo3", "量体温": "liang2 ti3 wen1", "盛水": "cheng2 shui3",
    "重新": "chong2 xin1", "孩子": "hai2 zi5", "肚子": "du4 zi5", "鼻子": "bi2 zi5",
    "被子": "bei4 zi5", "袋子": "dai4 zi5", "盖子": "gai4 zi5", "日子": "ri4 zi5",
    "咋": "za3", "咋办": "za3 ban4", "啥": "sha2", "骷髅": "ku1 lou2", "厂子": "chang3 zi5",
    "得病": "de2 bing4", "得待": "dei3 dai1", "待在": "dai1 zai4", "待多久": "dai1 duo1 jiu3",
    "秦山": "qin2 shan1", "大亚湾": "da4 ya4 wan1", "岭澳": "ling3 ao4", "田湾": "tian2 wan1",
    "甲状腺": "jia3 zhuang4 xian4", "碘片": "dian3 pian4", "沾污": "zhan1 wu1",
    "避迁": "bi4 qian1", "烟羽": "yan1 yu3", "贝可": "bei4 ke3", "戈瑞": "ge1 rui4",
    "希沃特": "xi1 wo4 te4", "毫希沃特": "hao2 xi1 wo4 te4", "微希沃特": "wei1 xi1 wo4 te4",
    "切尔诺贝利": "qie4 er3 nuo4 bei4 li4", "脏弹": "zang1 dan4", "核弹": "he2 dan4",
    "贝可勒尔": "bei4 ke3 le4 er3", "居里": "ju1 li3", "核电站": "he2 dian4 zhan4",
}  # fmt: skip
"""Words of the field and of everyday speech, with the reading they need. They also cut text."""

_DIGITS = frozenset("零〇一二三四五六七八九十幺")


def syllable(pinyin: str) -> str:
    """Return the phonemes of one syllable, written in pinyin with the tone as last digit.

    Raises KeyError if it is no syllable of Mandarin.
    """
    letters, tone = pinyin[:-1], TONES[pinyin[-1]]
    letters = letters.replace("ü", "v")
    if letters in SYLLABIC:
        return SYLLABIC[letters].replace("0", tone)
    if letters in _ZERO_INITIAL:
        spelled = _ZERO_INITIAL[letters]
        return (SYLLABIC.get(spelled) or FINALS[spelled]).replace("0", tone)
    initial = letters[:2] if letters[:2] in INITIALS else letters[:1]
    if initial not in INITIALS:
        return FINALS[letters].replace("0", tone)
    final = letters[len(initial) :]
    if initial in ("j", "q", "x"):
        final = _ROUNDED_AFTER_PALATAL.get(final, final)
    if final == "i" and initial in ("z", "c", "s", "zh", "ch", "sh", "r"):
        final = "buzz"
    return INITIALS[initial] + FINALS[_FULL.get(final, final)].replace("0", tone)


class Segmenter:
    """Cuts Chinese text into words: the path of the highest product of word frequencies."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        total = math.log(sum(counts.values()) or 1)
        self._cost = {word: total - math.log(count) for word, count in counts.items()}
        self._unknown = total + 1
        for word in READINGS:
            self._cost.setdefault(word, total / 2 if len(word) > 1 else self._unknown)
        self._longest = max(map(len, self._cost))

    def words(self, text: str) -> list[str]:
        """Return the words; joined, they are the text."""
        best: list[tuple[float, int]] = [(0.0, 0)]
        for end in range(1, len(text) + 1):
            starts = range(max(0, end - self._longest), end)
            best.append(
                min((best[start][0] + self._word_cost(text[start:end]), start) for start in starts)
            )
        words, end = [], len(text)
        while end:
            start = best[end][1]
            words.append(text[start:end])
            end = start
        return words[::-1]

    def _word_cost(self, word: str) -> float:
        known = self._cost.get(word)
        if known is not None:
            return known
        return self._unknown if len(word) == 1 else math.inf


@lru_cache(maxsize=4096)
def word_pinyin(word: str) -> tuple[str, ...]:
    """Return the syllables of a word in pinyin with tone digits; 5 is the neutral tone."""
    if word in READINGS:
        return tuple(READINGS[word].split())
    syllables = _pinyin(word)
    if len(syllables) != len(word):  # pypinyin joins characters that it does not know
        syllables = [_pinyin(character)[0] for character in word]
    return tuple(syllables)


def _pinyin(word: str) -> list[str]:
    return lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True)


def run_phonemes(words: list[str]) -> tuple[str, list[str]]:
    """Return the phonemes of consecutive words, and the characters that have no reading."""
    pinyin = [list(word_pinyin(word)) for word in words]
    _change_tones(words, pinyin)
    spoken, unknown = [], []
    for word, syllables in zip(words, pinyin, strict=True):
        sounds = ""
        for character, letters in zip(word, syllables, strict=True):
            try:
                sounds += syllable(letters)
            except (KeyError, IndexError):
                unknown.append(character)
        spoken.append(sounds)
    return " ".join(filter(None, spoken)), unknown


def _change_tones(words: list[str], pinyin: list[list[str]]) -> None:
    """Let 一 and 不 take the tone that the following syllable asks for, where they stand alone.

    Inside words pypinyin's dictionary has it right. Third tones are left: Kokoro learnt them from
    unchanged spelling.
    """
    for index, word in enumerate(words[:-1]):
        following = pinyin[index + 1][0][-1:]
        if word == "不" and following == "4":
            pinyin[index] = ["bu2"]
        elif word == "一" and words[index + 1][0] not in _DIGITS:
            before = words[index - 1][-1] if index else ""
            if before not in _DIGITS and before not in ("第", "点"):
                pinyin[index] = ["yi2" if following == "4" else "yi4"]
