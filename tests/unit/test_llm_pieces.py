"""Token bytes become whole characters and end at a stop string, however they are cut."""

import pytest

from llm.pieces import PieceAssembler

TEXT = "进入室内，close the windows。"


def assembled(tokens: list[bytes], stop: tuple[str, ...] = ()) -> list[str]:
    pieces = PieceAssembler(stop)
    return [*filter(None, map(pieces.add, tokens)), *filter(None, [pieces.finish()])]


@pytest.mark.parametrize("size", range(1, 8))
def test_characters_stay_whole_however_the_bytes_are_cut(size: int) -> None:
    content = TEXT.encode()
    pieces = assembled([content[at : at + size] for at in range(0, len(content), size)])
    assert "".join(pieces) == TEXT
    assert not any("\ufffd" in piece for piece in pieces)


@pytest.mark.parametrize("size", range(1, 12))
def test_a_stop_string_across_tokens_is_never_shown(size: int) -> None:
    content = b"Stay inside.\nUser: what else?"
    tokens = [content[at : at + size] for at in range(0, len(content), size)]
    assert "".join(assembled(tokens, ("\nUser:",))) == "Stay inside."


def test_the_first_of_several_stop_strings_ends_the_text() -> None:
    assert "".join(assembled([b"one <b> two <a> three"], ("<a>", "<b>"))) == "one "


def test_what_only_looked_like_a_stop_string_is_shown() -> None:
    assert assembled([b"a <", b"b> c"], ("<a>",)) == ["a ", "<b> c"]
    assert assembled([b"a <"], ("<a>",)) == ["a ", "<"]


def test_nothing_is_shown_after_a_stop_string() -> None:
    pieces = PieceAssembler(("。",))
    assert pieces.add("进去。再".encode()) == "进去"
    assert pieces.stopped
    assert pieces.add(b"more") == ""
    assert pieces.finish() == ""


def test_half_a_character_at_the_end_is_dropped() -> None:
    assert assembled(["内".encode(), "内".encode()[:2]]) == ["内"]


def test_impossible_bytes_do_not_end_the_text() -> None:
    assert "".join(assembled([b"a\xff\xfe", b"b"])) == "a\ufffd\ufffdb"


def test_empty_stop_strings_are_ignored() -> None:
    assert "".join(assembled([b"abc"], ("",))) == "abc"
