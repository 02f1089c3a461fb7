import pytest

from llm.knowledge import load_knowledge
from voice.tts.phonemes import Phonemizer
from voice.tts.phonemes_en import English
from voice.tts.phonemes_zh import Segmenter, run_phonemes, syllable, word_pinyin

LETTERS = {
    "A": "ˈA", "B": "bˈi", "C": "sˈi", "D": "dˈi", "E": "ˈi", "F": "ˈɛf", "G": "ʤˈi", "H": "ˈAʧ",
    "I": "ˈI", "J": "ʤˈA", "K": "kˈA", "L": "ˈɛl", "M": "ˈɛm", "N": "ˈɛn", "O": "ˈO", "P": "pˈi",
    "Q": "kjˈu", "R": "ˈɑɹ", "S": "ˈɛs", "T": "tˈi", "U": "jˈu", "V": "vˈi", "W": "dˈʌbᵊlju",
    "X": "ˈɛks", "Y": "wˈI", "Z": "zˈi",
}  # fmt: skip
WORDS = {
    "stay": "stˈA", "window": "wˈɪndO", "close": "klˈOz", "carry": "kˈæɹi", "stop": "stˈɑp",
    "inner": "ˈɪnəɹ", "old": "ˈOld", "room": "ɹˈum", "sievert": "sˈivəɹt", "who": "hˌu",
    "NASA": "nˈæsə", "box": "bˈɑks", "evacuate": "ɪvˈækjəwˌAt", "the": "ði", "to": "tu", "a": "A",
    "radio": "ɹˈAdiˌO", "active": "ˈæktɪv", "wait": "wˈAt", "care": "kˈɛɹ", "giver": "ɡˈɪvəɹ",
}  # fmt: skip
ENGLISH = English(LETTERS | WORDS)
COUNTS = {
    "马上": 300, "我们": 900, "的": 5000, "是": 4000, "核电站": 40, "电站": 30, "核": 50,
    "出门": 90, "不要": 400, "不": 3000, "一": 2000, "个": 1500, "去": 800, "看": 700, "天": 600,
}  # fmt: skip
SEGMENTER = Segmenter(COUNTS)


@pytest.mark.parametrize(
    ("pinyin", "phonemes"),
    {
        "ma1": "ma→", "shang4": "ʂa↘ŋ", "nv3": "ny↓", "lve4": "lɥe↘", "ju2": "ʨy↗", "yuan2": "ɥɛ↗n",
        "zhi1": "ꭧɨ→", "zi3": "ʦɨ↓", "ri4": "ɻɨ↘", "er4": "ɚ↘", "liu4": "ljou↘", "gui1": "kwei→",
        "chun2": "ꭧʰwə↗n", "xiong2": "ɕjʊ↗ŋ", "wo3": "wo↓", "yi1": "i→", "bo1": "pwo→", "le5": "lɤ",
        "n2": "n↗", "ng4": "ŋ↘", "weng1": "wə→ŋ", "que4": "ʨʰɥe↘",
    }.items(),
)  # fmt: skip
def test_syllable(pinyin: str, phonemes: str) -> None:
    assert syllable(pinyin) == phonemes


def test_words_are_the_most_frequent_ones() -> None:
    assert SEGMENTER.words("我们的核电站") == ["我们", "的", "核电站"]
    assert SEGMENTER.words("碘片魑魅") == ["碘片", "魑", "魅"]
    assert SEGMENTER.words("") == []


@pytest.mark.parametrize(
    ("word", "pinyin"),
    {
        "碘片": "dian3 pian4", "沾污": "zhan1 wu1", "撤离": "che4 li2", "剂量": "ji4 liang4",
        "铯": "se4", "钚": "bu4", "锶": "si1", "氚": "chuan1", "贝可": "bei4 ke3",
        "重新": "chong2 xin1", "着火": "zhao2 huo3", "长": "chang2", "头发": "tou2 fa5",
    }.items(),
)  # fmt: skip
def test_words_of_the_field_are_read_right(word: str, pinyin: str) -> None:
    assert " ".join(word_pinyin(word)) == pinyin


@pytest.mark.parametrize(
    ("words", "phonemes"),
    [
        (["不", "去"], "pu↗ ʨʰy↘"),
        (["不", "看"], "pu↗ kʰa↘n"),
        (["不", "出门"], "pu↘ ꭧʰu→mə↗n"),
        (["一", "个"], "i↗ kɤ↘"),
        (["一", "天"], "i↘ tʰjɛ→n"),
        (["第", "一", "天"], "ti↘ i→ tʰjɛ→n"),
        (["一", "三", "一"], "i→ sa→n i→"),
    ],
)
def test_tones_of_yi_and_bu(words: list[str], phonemes: str) -> None:
    assert run_phonemes(words) == (phonemes, [])


@pytest.mark.parametrize(
    ("word", "phonemes"),
    {
        "stay": "stˈA", "Stay": "stˈA", "STAY": "stˈA", "windows": "wˈɪndOz", "boxes": "bˈɑksᵻz",
        "carries": "kˈæɹiz", "carried": "kˈæɹid", "closed": "klˈOzd", "closing": "klˈOzɪŋ",
        "stopped": "stˈɑpt", "stopping": "stˈɑpɪŋ", "waited": "wˈAtᵻd",
        "evacuating": "ɪvˈækjəwˌAtɪŋ",
        "room's": "ɹˈumz", "rooms'": "ɹˈumz", "radioactive": "ɹˈAdiˌOˌæktɪv",
        "caregivers": "kˈɛɹɡˌɪvəɹz", "millisievert": "mˈɪləsˌivəɹt", "NASA": "nˈæsə",
        "WHO": "dˌʌbᵊljuˌAʧˈO", "who": "hˌu", "KI": "kˌAˈI", "IAEA": "ˌIˌAˌiˈA", "INES": "ˈInɛs",
        "Brzk": "bˌiˌɑɹzˌikˈA", "x": "ˈɛks",
    }.items(),
)  # fmt: skip
def test_english_word(word: str, phonemes: str) -> None:
    assert ENGLISH.word(word) == phonemes


def test_articles_follow_the_next_sound() -> None:
    assert ENGLISH.words_phonemes(["to", "the", "old", "room"]) == "tə ði ˈOld ɹˈum"
    assert ENGLISH.words_phonemes(["a", "room"]) == "ɐ ɹˈum"


def test_marks_are_merged_to_the_strongest() -> None:
    phonemize = Phonemizer(ENGLISH, SEGMENTER)
    assert phonemize("马上（KI）。", "zh").text == "ma↓ʂa↘ŋ, kˌAˈI."
    assert phonemize("“Stop”, wait?!", "en").text == "stˈɑp, wˈAt?"


def test_what_cannot_be_spoken_is_named() -> None:
    phonemes = Phonemizer(ENGLISH, SEGMENTER)("马上😀㐂ж", "zh")
    assert phonemes.text == "ma↓ʂa↘ŋ"
    assert set(phonemes.unknown) == {"😀", "㐂", "ж"}


def _knowledge_texts() -> list[tuple[str, str]]:
    return [
        (entry.language, text)
        for entry in load_knowledge().entries
        for text in (entry.answer, entry.details, *entry.ask)
    ]


def test_no_character_of_the_knowledge_base_is_left_out() -> None:
    phonemize = Phonemizer(ENGLISH, SEGMENTER)
    texts = _knowledge_texts()
    lost = {
        (character, text)
        for language, text in texts
        for character in phonemize(text, language).unknown
    }
    assert len(texts) > 500
    assert not lost
