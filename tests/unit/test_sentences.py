import pytest

from voice.tts.sentences import LONGEST_PIECE, split_pieces

PIECES = {
    ("zh", ""): [],
    ("zh", "  \n "): [],
    ("zh", "马上进屋。"): ["马上进屋。"],
    ("zh", "马上进屋，关好门窗。不要出门。"): ["马上进屋，", "关好门窗。", "不要出门。"],
    ("zh", "不，请等一下，再看。"): ["不，请等一下，", "再看。"],
    ("zh", "警报响了怎么办？马上进屋！"): ["警报响了怎么办？", "马上进屋！"],
    ("zh", "剂量是3.5毫希沃特。"): ["剂量是3.5毫希沃特。"],
    ("zh", "他说：“马上进屋。”然后走了。"): ["他说：“马上进屋。”", "然后走了。"],
    ("zh", "真的吗？！快走……"): ["真的吗？！", "快走……"],
    ("zh", "第一行\n第二行"): ["第一行", "第二行"],
    ("zh", "先关门窗。1. 洗手。2. 换衣服。"): ["先关门窗。", "1. 洗手。", "2. 换衣服。"],
    ("en", "Go indoors now."): ["Go indoors now."],
    ("en", "Go indoors now, close the windows. Stay there."): [
        "Go indoors now,",
        "close the windows.",
        "Stay there.",
    ],
    ("en", "Yes, go indoors now, please."): ["Yes, go indoors now,", "please."],
    ("en", "The limit is 3.5 mSv. Good."): ["The limit is 3.5 mSv.", "Good."],
    ("en", "The U.S. limit is low. Dr. Li agrees."): [
        "The U.S. limit is low.",
        "Dr. Li agrees.",
    ],
    ("en", "Milk, e.g. fresh milk, is bad. See No. 5."): [
        "Milk, e.g. fresh milk,",
        "is bad.",
        "See No. 5.",
    ],
    ("en", "About 1,000 people live here."): ["About 1,000 people live here."],
    ("en", "1. Wash your hands. 2. Change."): ["1. Wash your hands.", "2. Change."],
    ("en", "Stay 24 h. Then listen."): ["Stay 24 h.", "Then listen."],
    ("en", "It happened in 2011. It was bad."): ["It happened in 2011.", "It was bad."],
    ("en", 'He said "go." Then he left.'): ['He said "go."', "Then he left."],
}


@pytest.mark.parametrize(("language", "text"), PIECES)
def test_pieces(language: str, text: str) -> None:
    assert split_pieces(text, language) == PIECES[language, text]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("unit", ["核", "a", "word ", "字，", "。", "a.b", "1", "\n", "3.5 "])
def test_no_character_is_lost_and_no_piece_is_too_long(language: str, unit: str) -> None:
    text = unit * 5000
    pieces = split_pieces(text, language)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(0 < len(piece) <= LONGEST_PIECE[language] for piece in pieces)


def test_a_long_sentence_is_cut_at_its_last_comma() -> None:
    clause = "这句话很长很长很长很长很长很长，"
    pieces = split_pieces("好的。" + clause * 10, "zh")
    assert len(pieces) > 2
    assert all(piece.endswith("，") for piece in pieces[1:])
