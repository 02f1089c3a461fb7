from __future__ import annotations

import io
import os
import pty
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import pytest

from tests.unit.scripted import WATER, answerer
from voice.config import AuditConfig
from voice.events import (
    AnswerReady,
    Event,
    FinalTranscript,
    LevelMeasured,
    Outcome,
    PartialTranscript,
    SpeechEnded,
    SpeechStarted,
    StageFailed,
    StateChanged,
    TurnEnded,
)
from voice.state import State
from voice.terminal import newest, printable, row
from voice.view import TerminalView, meter

HEARD = FinalTranscript(1, "点片", "碘片", "zh")


def shown(*events: Event) -> list[str]:
    """Return the lines that are written where nobody sits."""
    out = io.StringIO()
    view = TerminalView(out)
    for event in events:
        view(event)
    return out.getvalue().splitlines()


@contextmanager
def terminal() -> Iterator[tuple[TextIO, int]]:
    """Open a real terminal: what the program writes to, and where the screen reads it."""
    screen, keyboard = pty.openpty()
    try:
        with os.fdopen(keyboard, "w", encoding="utf-8") as out:
            yield out, screen
    finally:
        os.close(screen)


def read_until(screen: int, ending: str) -> str:
    """Return what arrives on a screen, up to and with its last word."""
    text = b""
    while not text.endswith(ending.encode()):
        assert select.select([screen], [], [], 10)[0], text
        text += os.read(screen, 4096)
    return text.decode()


def test_a_whole_turn_is_told_line_by_line() -> None:
    answer = answerer().answer(WATER, "zh")
    lines = shown(
        SpeechStarted(1),
        PartialTranscript(1, "自来水"),
        FinalTranscript(1, "自来睡", WATER, "zh"),
        AnswerReady(1, answer),
        TurnEnded(1, Outcome.ANSWERED),
    )
    assert [line.split()[0] for line in lines] == [
        "partial", "heard", "understood", "decision", "answer", "source",
    ]  # fmt: skip
    assert answer.text in lines[4]
    assert answer.sources[0].issuer in lines[5]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (StageFailed(1, "stage", "the voice has failed"), "stage: the voice has failed"),
        (TurnEnded(1, Outcome.NOTHING_HEARD), "please say it again"),
        (TurnEnded(1, Outcome.CANCELLED), "interrupted"),
        (SpeechEnded(1, "too_long", 28.04, 0.0), "only its beginning, 28 seconds, was used"),
    ],
)
def test_what_goes_wrong_is_said(event: Event, said: str) -> None:
    [line] = shown(event)
    assert said in line


def test_lines_that_stay_tell_no_words_where_the_owner_keeps_none() -> None:
    out = io.StringIO()
    view = TerminalView(out, words=False)
    answer = answerer().answer(WATER, "zh")
    for event in (PartialTranscript(1, WATER), HEARD, AnswerReady(1, answer)):
        view(event)
    view(StageFailed(1, "voice", "it has failed"))
    assert [line.split()[0] for line in out.getvalue().splitlines()] == ["decision", "failed"]


def test_on_a_terminal_nothing_stays_and_words_are_told() -> None:
    with terminal() as (out, screen):
        TerminalView(out, words=False)(HEARD)
        assert "点片" in read_until(screen, "碘片\r\n")


@pytest.mark.parametrize(
    ("settings", "kept"),
    [({}, True), ({"text": False}, False), ({"mask_personal": True}, False)],
)
def test_words_stay_where_the_audit_log_keeps_them_as_they_were_said(
    settings: dict[str, bool], kept: bool
) -> None:
    assert AuditConfig(**settings).keeps_words == kept


def test_what_needs_no_words_gets_none() -> None:
    assert shown(SpeechStarted(1), SpeechEnded(1, "silence", 2.0, 0.0)) == []
    assert shown(TurnEnded(1, Outcome.ANSWERED)) == []


def test_words_cannot_steer_the_terminal() -> None:
    [line, _] = shown(FinalTranscript(1, "a\x1b[2J\r\nb\x9b1m\u202e", "x", "en"))
    assert line.isprintable()
    assert row("heard", "a\tb\x00").isprintable()
    assert printable("核安 He'an") == "核安 He'an"


def test_on_a_terminal_a_partial_replaces_the_one_before() -> None:
    with terminal() as (out, screen):
        view = TerminalView(out)
        for event in (PartialTranscript(1, "点"), PartialTranscript(1, "点片"), HEARD):
            view(event)
        text = read_until(screen, "碘片\r\n")
    wiped = "\r\x1b[K"
    idle = f"{'idle':<14}"
    assert text.startswith(f"{wiped}{idle}点{wiped}{idle}点片{wiped}heard")
    assert text.count("\n") == 2


def test_on_a_terminal_state_and_level_stand_below_the_lines() -> None:
    with terminal() as (out, screen):
        view = TerminalView(out)
        view(StateChanged(1, State.LISTENING))
        view(LevelMeasured(0, -35.0))
        text = read_until(screen, "▯  ")
    assert text == "\r\x1b[Klistening   ▮▮▮▮▮▯▯▯▯▯  "


@pytest.mark.parametrize(
    ("level_dbfs", "filled"), [(-96, 0), (-60, 0), (-55, 1), (-10, 10), (0, 10)]
)
def test_the_level_is_a_bar_of_ten_places(level_dbfs: float, filled: int) -> None:
    assert meter(level_dbfs) == "▮" * filled + "▯" * (10 - filled)


def test_on_a_terminal_a_partial_keeps_to_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    with terminal() as (out, screen):
        TerminalView(out)(PartialTranscript(1, "甲" * 50 + "乙"))
        text = read_until(screen, "乙")
    assert text == "\r\x1b[K" + "甲" * 8 + "乙"


@pytest.mark.parametrize(
    ("line", "columns", "kept"),
    [("abc", 3, "abc"), ("abc", 2, "bc"), ("核安", 4, "核安"), ("核安", 3, "安"), ("", 0, "")],
)
def test_the_newest_part_of_a_line_fits(line: str, columns: int, kept: str) -> None:
    assert newest(line, columns) == kept


def test_it_goes_on_when_nobody_reads_any_more() -> None:
    source, sink = os.pipe()
    with os.fdopen(sink, "w", encoding="utf-8") as out:
        view = TerminalView(out)
        os.close(source)
        for _ in range(3):
            view(HEARD)
        out.flush()
        assert not out.closed


def test_it_goes_on_when_the_disk_is_full() -> None:
    with open("/dev/full", "w", encoding="utf-8") as out:
        view = TerminalView(out)
        for _ in range(3):
            view(HEARD)
        out.flush()
        assert not out.closed


def test_lines_of_several_threads_stay_whole() -> None:
    out = io.StringIO()
    view = TerminalView(out)

    def tell(text: str) -> None:
        for _ in range(200):
            view(PartialTranscript(1, text))

    threads = [threading.Thread(target=tell, args=(letter * 50,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = out.getvalue().splitlines()
    assert len(lines) == 800
    assert {line.split()[1] for line in lines} == {letter * 50 for letter in "abcd"}
