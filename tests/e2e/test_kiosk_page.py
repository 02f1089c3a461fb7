"""The screen in a real browser, in front of a real server."""

import itertools
import socket
from collections.abc import Iterator

import pytest

from llm.knowledge import load_knowledge
from tests.browser import SIZES, barriers, chromium, noting, out_of_reach, sync_api
from tests.unit.kiosk_lab import Lab, open_lab
from tests.unit.scripted import WATER
from voice.events import (
    AnswerReady,
    DeviceLost,
    DeviceRestored,
    FinalTranscript,
    Outcome,
    PartialTranscript,
    StateChanged,
    TurnEnded,
)
from voice.kiosk.topics import topics_of
from voice.state import State

TURNS = itertools.count(1)
"""A page that was sent back to its beginning shows only newer turns."""
STATES = {
    State.IDLE: ("请叫我，然后提问", "Call me, then ask"),
    State.LISTENING: ("我在听，请说", "Listening, please speak"),
    State.THINKING: ("正在查资料", "Looking it up"),
    State.SPEAKING: ("正在回答", "Answering"),
    State.FOLLOW_UP: ("可以接着问", "You can ask on"),
}
TOUCHED = "button, input, .numbers b"
_SEEN = """() => [...document.querySelectorAll('.numbers b')]
  .map((item) => { const box = item.getBoundingClientRect();
    const seen = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return seen === item ? item.textContent : 'hidden'; })"""


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with open_lab() as opened:
        opened.kiosk.topics.update(topics_of(load_knowledge()))
        yield opened


@pytest.fixture
def page(browser, lab):
    lab.bus.publish(StateChanged(0, State.IDLE))
    opened = visit(browser, lab, 1024, 600)
    yield opened
    assert not opened.problems
    opened.context.close()


def visit(browser, lab: Lab, width: int, height: int, **settings):
    context = browser.new_context(
        viewport={"width": width, "height": height}, locale="zh-CN", **settings
    )
    page = noting(context.new_page())
    page.goto(lab.url)
    # No function to wait for: the page's policy lets nobody evaluate text, and so it shall be.
    page.wait_for_selector("html:not([data-state=offline])", state="attached")
    page.wait_for_selector("#tabs button", state="attached")
    return page


def answered(lab: Lab) -> None:
    turn = next(TURNS)
    lab.bus.publish(FinalTranscript(turn, "自来水还能和吗", WATER, "zh"))
    lab.bus.publish(AnswerReady(turn, lab.answerer.answer(WATER)))
    lab.bus.publish(TurnEnded(turn, Outcome.ANSWERED))


@pytest.mark.parametrize("state", STATES)
def test_what_it_does_is_told_in_both_languages(page, lab, state):
    lab.bus.publish(StateChanged(0, state))
    sync_api.expect(page.locator("#state")).to_have_text(STATES[state][0])
    page.click("#language")
    sync_api.expect(page.locator("#state")).to_have_text(STATES[state][1])
    assert page.locator(".sign g").filter(visible=True).count() == 1


def test_a_turn_is_followed_from_the_first_syllable_to_the_source(page, lab):
    lab.bus.publish(PartialTranscript(0, "自来水"))
    sync_api.expect(page.locator("#heard")).to_have_text("听到：自来水")
    answered(lab)
    sync_api.expect(page.locator("#heard")).to_have_text("听到：自来水还能和吗")
    sync_api.expect(page.locator("#understood")).to_have_text(f"理解为：{WATER}")
    sync_api.expect(page.locator("#first")).to_have_text("先喝瓶装水。")
    sync_api.expect(page.locator("#rest")).to_have_text("烧开没用。")
    sync_api.expect(page.locator("#sources li").first).to_contain_text("依据：")
    page.click("#home")
    sync_api.expect(page.locator("#answer")).to_be_hidden()
    sync_api.expect(page.locator("#questions button").first).to_be_visible()


def test_what_was_heard_is_shown_as_text_and_never_run(page, lab):
    script = "<img src=x onerror=document.title='run'>"
    lab.bus.publish(FinalTranscript(next(TURNS), script, script, "zh"))
    sync_api.expect(page.locator("#heard")).to_have_text(f"听到：{script}")
    assert page.title() == "核安 He'an"


def test_a_question_is_asked_by_touch_alone(browser, lab):
    page = visit(browser, lab, 1024, 600, has_touch=True)
    if page.is_visible("#home"):
        page.tap("#home")
    page.tap("#tabs button >> nth=2")
    question = page.locator("#questions button").first
    text = question.text_content()
    with page.expect_response("**/v1/ask") as replied:
        question.tap()
    assert replied.value.ok
    assert lab.controls.asked[-1] == (text, "zh")
    with page.expect_response("**/v1/command"):
        page.tap("#talk")
    assert lab.controls.commands[-1] == "wake"
    page.context.close()


def test_everything_is_reached_by_the_keyboard_alone(page, lab):
    if page.is_visible("#home"):
        page.click("#home")
    reached = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.role"))
    assert {"language", "larger", "contrast", "volume", "talk", "tab"} <= reached
    page.focus("#tabs button[aria-selected=true]")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.getAttribute('aria-selected')") == "true"
    page.focus("#questions button")
    with page.expect_response("**/v1/ask"):
        page.keyboard.press("Enter")
    assert lab.controls.asked[-1][0] == page.locator("#questions button").first.text_content()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("larger", [False, True], ids=["normal", "large type"])
def test_nothing_is_cut_off_at_any_size(browser, lab, size, larger):
    page = visit(browser, lab, *SIZES[size])
    if larger:
        page.click("#larger")
    for view in ("home", "turn"):
        if view == "turn":
            answered(lab)
            page.wait_for_selector("#answer:not([hidden])")
        elif page.is_visible("#home"):
            page.click("#home")
        assert out_of_reach(page, TOUCHED) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(_SEEN) == ["120", "119", "110"]
    page.context.close()


@pytest.mark.parametrize("look", ["plain", "larger", "contrast"])
@pytest.mark.parametrize("view", ["home", "turn"])
def test_axe_finds_no_barrier(page, lab, look, view):
    answered(lab)
    page.wait_for_selector("#answer:not([hidden])")
    if view == "home":
        page.click("#home")
    if look != "plain":
        page.click(f"#{look}")
    assert not barriers(page)


def test_settings_are_kept(page):
    page.click("#contrast")
    page.click("#language")
    page.reload()
    sync_api.expect(page.locator("#contrast")).to_have_attribute("aria-pressed", "true")
    sync_api.expect(page.locator("#language")).to_have_text("中文")


def test_a_lost_microphone_is_shown_until_it_is_back(page, lab):
    lab.bus.publish(DeviceLost(0, "the microphone is gone"))
    sync_api.expect(page.locator("#state")).to_have_text("现在听不到声音")
    sync_api.expect(page.locator("#hint")).to_have_text("the microphone is gone")
    lab.bus.publish(DeviceRestored(0))
    sync_api.expect(page.locator("#state")).to_have_text("请叫我，然后提问")


def test_the_page_comes_back_by_itself_when_the_assistant_was_started_anew(browser):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with open_lab(port=port) as lab:
        page = visit(browser, lab, 1024, 600)
    sync_api.expect(page.locator("#state")).to_have_text("正在连接助手")
    assert page.evaluate(_SEEN) == ["120", "119", "110"]
    with open_lab(port=port) as lab:
        lab.bus.publish(StateChanged(0, State.SPEAKING))
        sync_api.expect(page.locator("#state")).to_have_text("正在回答", timeout=15_000)
    page.context.close()
