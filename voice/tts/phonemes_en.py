"""English words to Kokoro's phonemes.

A pronouncing dictionary (misaki's American one), then the domain's own words, inflections,
compounds, and, for everything else, the letters one by one: no word is left out in silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

WORDS = {
    "caesium": "sˈiziəm", "fukushima": "fˌukuʃˈimə", "daiichi": "dIˈiʧi", "ines": "ˈInɛs",
    "kilometre": "kəlˈɑməɾəɹ", "kilometres": "kəlˈɑməɾəɹz", "litre": "lˈiɾəɹ", "litres": "lˈiɾəɹz",
    "metre": "mˈiɾəɹ", "metres": "mˈiɾəɹz", "millisievert": "mˈɪləsˌivəɹt",
    "microsievert": "mˈIkɹOsˌivəɹt", "nanosievert": "nˈænOsˌivəɹt", "sieverts": "sˈivəɹts",
    "becquerels": "bˈɛkəɹˌɛlz", "kilobecquerel": "kˈɪləbˌɛkəɹˌɛl",
    "megabecquerel": "mˈɛɡəbˌɛkəɹˌɛl", "gigabecquerel": "ɡˈɪɡəbˌɛkəɹˌɛl",
    "terabecquerel": "tˈɛɹəbˌɛkəɹˌɛl", "petabecquerel": "pˈɛtəbˌɛkəɹˌɛl", "milligray": "mˈɪləɡɹˌA",
    "microgray": "mˈIkɹOɡɹˌA", "milligram": "mˈɪləɡɹˌæm", "iodised": "ˈIədˌIzd",
    "iodized": "ˈIədˌIzd", "dosimeter": "dOsˈɪməɾəɹ", "radioiodine": "ɹˌAdiOˈIədˌIn",
    "qinshan": "ʧˈɪnʃˌɑn", "daya": "dˈIə", "radon": "ɹˈAdˌɑn", "potassium": "pətˈæsiəm",
    "zaporizhzhia": "zˌæpəɹˈiʒə", "he'an": "hˈʌˌɑn", "hean": "hˈʌˌɑn",
    "covid": "kˈOvɪd", "goiania": "ɡˌOjˈɑniə", "pripyat": "pɹˈɪpjˌɑt", "geiger": "ɡˈIɡəɹ",
    "nausea": "nˈɔziə", "tokai": "tˈOkI", "tokaimura": "tˌOkImˈuɹə", "kyshtym": "kˈɪʃtɪm",
    "povidone": "pˈOvᵻdˌOn", "wifi": "wˈIfˌI",
}  # fmt: skip
"""Words of the field that the dictionary lacks, in lower case."""

SPELLED = frozenset(
    (
        "WHO",
        "IAEA",
        "KI",
        "US",
        "UK",
        "EU",
        "UN",
        "EPA",
        "CT",
        "CD",
        "TV",
        "OIL",
        "AC",
        "ID",
        "DIY",
        "OK",
    )
)
"""Capitals that are read as letters although they look like a word of the dictionary."""

_VOWELS = "AIOQWYaiuæɑɒɔəɛɜɪʊʌᵻ"
_WEAK: dict[str, Callable[[bool], str]] = {
    "a": lambda _: "ɐ",
    "an": lambda _: "ɐn",
    "the": lambda before_vowel: "ði" if before_vowel else "ðə",
    "to": lambda before_vowel: "tʊ" if before_vowel else "tə",
}
"""Words whose sound depends on what follows."""

_SPELLINGS = (("is", "iz"), ("our", "or"), ("ae", "e"), ("oe", "e"), ("tre", "ter"), ("lys", "lyz"))

_STRESS = "ˈˌ"


class English:
    """Pronounces English words."""

    def __init__(self, lexicon: Mapping[str, str]) -> None:
        self._lexicon = lexicon

    def words_phonemes(self, words: list[str]) -> str:
        """Return the phonemes of consecutive words, set apart by spaces."""
        spoken: list[str] = []
        before_vowel = False
        for word in reversed(words):  # backwards: the weak words need to know the next sound
            weak = _WEAK.get(word.lower()) if spoken and word.islower() else None
            sounds = weak(before_vowel) if weak else self.word(word)
            before_vowel = sounds.lstrip(_STRESS)[:1] in _VOWELS
            spoken.append(sounds)
        return " ".join(reversed(spoken))

    def word(self, word: str) -> str:
        """Return the phonemes of one word of letters and apostrophes."""
        word = word.strip("'")
        if word in SPELLED:
            return self.spell(word)
        known = self._known(word) or self._derived(word)
        if known:
            return known
        if word.isupper() and word.lower() not in self._lexicon:
            return self.spell(word)
        lower = word.lower()
        return (
            self._known(lower)
            or self._derived(lower)
            or self._american(lower)
            or self._parts(lower)
            or self.spell(word)
        )

    def spell(self, word: str) -> str:
        """Return the letters one by one, the last one stressed."""
        names = [self._lexicon.get(letter, "") for letter in word.upper() if letter.isalpha()]
        weak = [name.replace("ˈ", "ˌ") for name in names[:-1]]
        return "".join([*weak, *names[-1:]])

    def _known(self, word: str) -> str | None:
        return WORDS.get(word.lower()) or self._lexicon.get(word)

    def _derived(self, word: str) -> str | None:
        """Return the sound of an inflected form of a known word."""
        for pattern, replacement, ending in _INFLECTIONS:
            stem = pattern.sub(replacement, word)
            if stem != word and len(stem) > 1 and (sounds := self._known(stem)):
                return ending(sounds)
        return None

    def _american(self, word: str) -> str | None:
        """Return the sound of a word in British spelling."""
        for british, american in _SPELLINGS:
            respelled = word.replace(british, american)
            if respelled != word and (sounds := self._known(respelled) or self._derived(respelled)):
                return sounds
        return None

    def _parts(self, word: str) -> str | None:
        """Return the sound of a compound, cut where both parts are known."""
        for cut in range(len(word) - 3, 2, -1):
            first, rest = self._known(word[:cut]), word[cut:]
            if first and (second := self._known(rest) or self._derived(rest)):
                return first + second.replace("ˈ", "ˌ")
        return None


def plural(sounds: str) -> str:
    """Add the ending -s to the sounds of a word."""
    if sounds[-1] in "ptkfθ":
        return sounds + "s"
    return sounds + ("ᵻz" if sounds[-1] in "szʃʒʧʤ" else "z")


def past(sounds: str) -> str:
    """Add the ending -ed to the sounds of a word."""
    if sounds[-1] in "td":
        return sounds + "ᵻd"
    return sounds + ("t" if sounds[-1] in "pkfθʃsʧ" else "d")


def progressive(sounds: str) -> str:
    """Add the ending -ing to the sounds of a word."""
    return sounds + "ɪŋ"


_INFLECTIONS: tuple[tuple[re.Pattern[str], str, Callable[[str], str]], ...] = (
    (re.compile(r"'s$"), "", plural),
    (re.compile(r"(?<=s)'$"), "", plural),
    (re.compile(r"ies$"), "y", plural),
    (re.compile(r"(?<=[sxzh])es$"), "", plural),
    (re.compile(r"(?<!s)s$"), "", plural),
    (re.compile(r"ied$"), "y", past),
    (re.compile(r"(?<=e)d$"), "", past),
    (re.compile(r"([bdgklmnprt])\1ed$"), r"\1", past),
    (re.compile(r"ed$"), "", past),
    (re.compile(r"([bdgklmnprt])\1ing$"), r"\1", progressive),
    (re.compile(r"ing$"), "", progressive),
    (re.compile(r"ing$"), "e", progressive),
    (re.compile(r"ly$"), "", lambda sounds: sounds + "li"),
    (re.compile(r"ness$"), "", lambda sounds: sounds + "nəs"),
    (re.compile(r"^un"), "", lambda sounds: "ˌʌn" + sounds),
    (re.compile(r"^non"), "", lambda sounds: "nˌɑn" + sounds),
    (re.compile(r"^re"), "", lambda sounds: "ɹˌi" + sounds),
    (re.compile(r"^milli"), "", lambda sounds: "mˈɪlə" + sounds.replace("ˈ", "ˌ")),
    (re.compile(r"^micro"), "", lambda sounds: "mˈIkɹO" + sounds.replace("ˈ", "ˌ")),
    (re.compile(r"^kilo"), "", lambda sounds: "kˈɪlO" + sounds.replace("ˈ", "ˌ")),
)
