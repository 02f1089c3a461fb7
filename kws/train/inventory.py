"""The tokens of our own wake word models: Mandarin initials and toned finals, English phones.

Mandarin is spelled as in the ppinyin tables of the Next-gen Kaldi team, so that any word that is
typed can be spelled; English phones are the 39 of CMUdict without stress, in capitals.
"""

from __future__ import annotations

from collections.abc import Mapping

from kws.pinyin import INITIALS
from kws.tokens import BLANK

UNKNOWN = "<unk>"

FINALS = (
    "a", "ai", "an", "ang", "ao", "e", "ei", "en", "eng", "er", "i", "ia", "ian", "iang", "iao",
    "ie", "in", "ing", "iong", "iu", "o", "ong", "ou", "u", "ua", "uai", "uan", "uang", "ue", "ui",
    "un", "uo", "ü", "üe",
)  # fmt: skip
"""As pinyin writes them: uan is both that of 关 and that of 远, told apart by the initial."""
_MARKED = {
    "a": "āáǎà", "e": "ēéěè", "i": "īíǐì", "o": "ōóǒò", "u": "ūúǔù", "ü": "ǖǘǚǜ",
}  # fmt: skip

PHONES = (
    "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH",
    "IH", "IY", "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH",
    "UW", "V", "W", "Y", "Z", "ZH",
)  # fmt: skip
_PHONE_OF: Mapping[str, tuple[str, ...]] = {
    "ə": ("AH",), "ᵊ": ("AH",), "ɐ": ("AH",), "ʌ": ("AH",), "ɪ": ("IH",), "ᵻ": ("IH",),
    "i": ("IY",), "u": ("UW",), "ʊ": ("UH",), "ɛ": ("EH",), "æ": ("AE",), "ɑ": ("AA",),
    "ɒ": ("AA",), "ɔ": ("AO",), "ɜ": ("ER",), "A": ("EY",), "I": ("AY",), "O": ("OW",),
    "Q": ("OW",), "W": ("AW",), "Y": ("OY",), "a": ("AA",), "ɹ": ("R",), "ɾ": ("D",),
    "ʔ": ("T",), "ŋ": ("NG",), "ɡ": ("G",), "ʃ": ("SH",), "ʒ": ("ZH",), "ʤ": ("JH",),
    "ʧ": ("CH",), "θ": ("TH",), "ð": ("DH",), "j": ("Y",), "h": ("HH",),
    **{letter: (letter.upper(),) for letter in "bdfklmnpstvwz"},
}  # fmt: skip


def token_table() -> list[str]:
    """Return the tokens in the order of their numbers; the first is the blank."""
    finals = [each for final in FINALS for each in (final, *toned(final))]
    return [BLANK, UNKNOWN, *INITIALS, *finals, *PHONES]


def toned(final: str) -> list[str]:
    """Return a final with each of its four tone marks.

    >>> toned("iao")[2], toned("ui")[0], toned("ou")[3]
    ('iǎo', 'uī', 'òu')
    """
    vowels = [letter for letter in final if letter in _MARKED]
    chief = next((letter for letter in "ae" if letter in vowels), "")
    chief = chief or ("o" if final == "ou" else vowels[-1])
    return [final.replace(chief, mark) for mark in _MARKED[chief]]


def phones(sounds: str) -> list[str]:
    """Return the phones of a word in the phonetic letters of the American dictionary of misaki.

    Stress is left out; so are letters without a phone.
    """
    found = [phone for letter in sounds for phone in _PHONE_OF.get(letter, ())]
    return _with_r_vowels(found)


def _with_r_vowels(found: list[str]) -> list[str]:
    """Write the vowel of "bird" and of "water" as one phone."""
    merged: list[str] = []
    for phone in found:
        if phone == "R" and merged and merged[-1] in ("ER", "AH"):
            merged[-1] = "ER"
        else:
            merged.append(phone)
    return merged
