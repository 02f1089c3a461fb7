"""Wake words in the tokens of the official models, and the tables that must be whole."""

from pathlib import Path

import pytest
from pypinyin import Style, lazy_pinyin

from kws import WakeModelError, WakeWordError
from kws.keywords import Tokenizer
from kws.protobuf import fields, onnx_metadata
from kws.tokens import PieceEncoder, load_lexicon, load_tokens
from kws.words import make_word

OFFICIAL = Path(__file__).parents[3] / "shared" / "models" / "sherpa-kws-tokens"
needs_official = pytest.mark.skipif(
    not OFFICIAL.is_dir(), reason="the official token tables are not beside the project"
)


@pytest.fixture
def mandarin() -> Tokenizer:
    return Tokenizer({"tokens": OFFICIAL / "zh_tokens.txt"})


@pytest.fixture
def english() -> Tokenizer:
    return Tokenizer({"tokens": OFFICIAL / "en_tokens.txt", "bpe": OFFICIAL / "en_bpe.model"})


def small_table(folder: Path, *tokens: str) -> Path:
    path = folder / "tokens.txt"
    lines = (f"{token} {number}\n" for number, token in enumerate(("<blk>", *tokens)))
    path.write_text("".join(lines), encoding="utf-8")
    return path


def test_no_boost_is_not_written_as_zero(tmp_path):
    """Which sherpa-onnx would take for none given, and boost each token by 1.0."""
    tokenizer = Tokenizer({"tokens": small_table(tmp_path, "h", "é", "ān")})
    (line,) = tokenizer.lines([make_word("核安", boost=0)])
    assert line == "h é ān :0.01 #0.25 @核安"


@needs_official
def test_a_line_has_tokens_boost_threshold_and_label(mandarin):
    words = [make_word("你好核安"), make_word("小安小安", boost=2, threshold=1)]
    assert mandarin.lines(words) == [
        "n ǐ h ǎo h é ān :1.50 #0.25 @你好核安",
        "x iǎo ān x iǎo ān :2.00 #1.00 @小安小安",
    ]


@needs_official
def test_settings_are_never_mistaken_for_tokens(mandarin):
    table = load_tokens(OFFICIAL / "zh_tokens.txt")
    assert "#0" in table
    assert "#21" in table
    for threshold in (0.01, 0.1, 0.25, 0.5, 0.999, 1):
        (line,) = mandarin.lines([make_word("核安", threshold=threshold)])
        boost, limit, label = line.split(" ")[-3:]
        assert not {boost, limit, label} & table.keys()
        assert (boost[0], limit[0], label[0]) == (":", "#", "@")


@needs_official
def test_every_way_to_say_a_word_has_its_line(mandarin):
    word = make_word("小乐小乐", ["xiao3 le4 xiao3 le4", "xiao3 yue4 xiao3 yue4"])
    assert [line.split(" :")[0] for line in mandarin.lines([word])] == [
        "x iǎo l è x iǎo l è",
        "x iǎo y uè x iǎo y uè",
    ]


@needs_official
@pytest.mark.parametrize(
    "text",
    [
        "核应急",
        "应急助手",
        "辐射监测",
        "秦山",
        "女儿",
        "绿色",
        "军哥",
        "永远",
        "二维码",
        "呜呜",
        "略过",
        "翁",
    ],
)
def test_words_of_all_kinds_of_syllables_can_be_heard(mandarin, text):
    (line,) = mandarin.lines([make_word(text)])
    tokens = line.split(" :")[0].replace(" ", "")
    assert tokens == "".join(lazy_pinyin(text, style=Style.TONE))


@needs_official
def test_english_words_are_written_in_pieces(english):
    words = [make_word("hello world"), make_word("Hey Computer")]
    assert english.lines(words) == [
        "▁HE LL O ▁WORLD :1.50 #0.25 @hello_world",
        "▁HE Y ▁COMP U TER :1.50 #0.25 @Hey_Computer",
    ]


@needs_official
@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        # As the sentencepiece library itself writes them.
        ("HI GOOGLE", ["▁HI", "▁GO", "O", "G", "LE"]),
        ("LIGHT UP", ["▁", "L", "IGHT", "▁UP"]),
        ("FOREVER LOVELY CHILD", ["▁FOR", "E", "VER", "▁LOVE", "LY", "▁CHI", "L", "D"]),
    ],
)
def test_the_likeliest_pieces_are_taken(text, pieces):
    assert PieceEncoder(OFFICIAL / "en_bpe.model").encode(text) == pieces


def test_phones_and_pinyin_stand_together(tmp_path):
    lexicon = tmp_path / "en.phone"
    lexicon.write_text("HEY HH EY1\nhey HH AY1\nNOVA N OW1 V AH0\n", encoding="utf-8")
    tokens = small_table(tmp_path, "HH", "EY1", "N", "OW1", "V", "AH0", "h", "é", "ān")
    tokenizer = Tokenizer({"tokens": tokens, "lexicon": lexicon})
    assert tokenizer.lines([make_word("hey nova"), make_word("hey核安")]) == [
        "HH EY1 N OW1 V AH0 :1.50 #0.25 @hey_nova",
        "HH EY1 h é ān :1.50 #0.25 @hey核安",
    ]
    with pytest.raises(WakeWordError, match="how 'jarvis' is said"):
        tokenizer.lines([make_word("hey jarvis")])


@needs_official
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["核安", "hello"], "line 2: the wake word model knows no English: 'hello'"),
        (["核安", "和安"], "line 2: 和安 is said exactly like 核安"),
        ([], "there is no wake word"),
    ],
)
def test_a_wrong_line_is_told_before_the_native_library_sees_it(mandarin, words, said):
    with pytest.raises(WakeWordError, match=said):
        mandarin.lines([make_word(text) for text in words])


@needs_official
def test_a_token_that_the_model_lacks_is_named(mandarin, english):
    with pytest.raises(WakeWordError, match=r"line 1: .*嗯 \(ńg\).* no token 'ńg'"):
        mandarin.lines([make_word("嗯", ["ńg"])])
    with pytest.raises(WakeWordError, match=r"核安 \(hé ān\).* no token 'h'"):
        english.lines([make_word("核安")])


@needs_official
def test_tokens_of_training_alone_cannot_be_heard():
    tokenizer = Tokenizer({"tokens": OFFICIAL / "zh_tokens.txt"}, known=100)
    assert tokenizer.encode("你好", "nǐ hǎo") == ["n", "ǐ", "h", "ǎo"]
    with pytest.raises(WakeWordError, match="no token 'ē'"):
        tokenizer.encode("喝", "hē")


def test_words_that_are_off_have_no_line(tmp_path):
    tokens = small_table(tmp_path, "h", "é", "ān")
    off = make_word("你好", enabled=False)
    assert len(Tokenizer({"tokens": tokens}).lines([off, make_word("核安")])) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<blk> 0\nn\n", "line 2: not a token and its number"),
        (b"<blk> 0\nn x\n", "line 2: not a token"),
        (b"<blk> 0\nn 1\nn 2\n", "line 3: the token 'n' is there twice"),
        (b"<blk> 0\nn 5\n", "not a whole token table"),
        (b"n 0\n", "not a whole token table"),
        (b"", "not a whole token table"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_a_damaged_token_table_is_refused(tmp_path, content, said):
    path = tmp_path / "tokens.txt"
    path.write_bytes(content)
    with pytest.raises(WakeModelError, match=said):
        load_tokens(path)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(WakeModelError, match="absent"):
        load_tokens(tmp_path / "absent")
    with pytest.raises(WakeModelError, match="absent"):
        PieceEncoder(tmp_path / "absent")
    (tmp_path / "lexicon").write_text("HEY\n", encoding="utf-8")
    with pytest.raises(WakeModelError, match="line 1: not a word and its phones"):
        load_lexicon(tmp_path / "lexicon")


@pytest.mark.parametrize("content", [b"", b"\x00", b"garbage", b"\x0a\xff", b"\x12\x02\x18\x02"])
def test_a_damaged_piece_model_is_refused(tmp_path, content):
    path = tmp_path / "bpe.model"
    path.write_bytes(content)
    with pytest.raises(WakeModelError, match=r"bpe\.model is no"):
        PieceEncoder(path)


def test_protocol_buffers_are_read_field_by_field():
    message = b"\x08\x96\x01" + b"\x12\x02hi" + b"\x1d\x00\x00\x80\x3f"
    assert list(fields(message)) == [(1, 150), (2, b"hi"), (3, 1.0)]
    for end in (1, 2, 4, 6, len(message) - 1):
        with pytest.raises(ValueError, match="cut short"):
            list(fields(message[:end]))
    with pytest.raises(ValueError, match="no graph"):
        onnx_metadata(message[:3])
