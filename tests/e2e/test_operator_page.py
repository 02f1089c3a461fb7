"""The operator's page in a real browser: by keys, by touch, at every size, in both languages."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llm.flash.journal import Outcome
from tests.browser import SIZES, barriers, chromium, noting, out_of_reach, sync_api
from tests.unit.knowledge_folder import write_base
from tests.unit.operator_lab import PIN, WRONG_PIN, OperatorLab, open_operator_lab
from tests.unit.scripted import WATER
from voice.engines import knowledge_of
from voice.events import (
    AnswerReady,
    FinalTranscript,
    LevelMeasured,
    PlaybackStarted,
    SpeechEnded,
    TurnEnded,
)
from voice.events import Outcome as Ending
from voice.flash.told import tell
from voice.operator.pin import FREE_TRIES

WITHIN_MS = 60_000
PANELS = ("sound", "turns", "update", "models", "knowledge", "care", "records")
_TOUCHED = ", ".join(
    f"{place} {kind}"
    for place in ("header", "#panel", "#sign-in")
    for kind in ("button", "a", "input")
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorLab]:
    folder = tmp_path_factory.mktemp("operator")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        with open_operator_lab(folder) as opened:
            answered(opened)
            shutil.copy(opened.bundles.write(1, evaluation=(("right", 0.7, 0.9),)), opened.stick)
            yield opened


def answered(lab: OperatorLab) -> None:
    lab.bus.publish(SpeechEnded(1, "silence", 1.5, 100.0))
    lab.bus.publish(FinalTranscript(1, "自来水还能和吗", WATER, "zh", at_s=100.4))
    lab.bus.publish(AnswerReady(1, lab.answerer.answer(WATER), at_s=100.5))
    lab.bus.publish(PlaybackStarted(1, at_s=100.8))
    lab.bus.publish(TurnEnded(1, Ending.ANSWERED))


def visit(browser: Any, lab: OperatorLab, size: str = "7-inch", **settings: Any) -> Any:
    width, height = SIZES[size]
    viewport = {"width": width, "height": height}
    page = noting(browser.new_context(viewport=viewport, locale="zh-CN", **settings).new_page())
    page.set_default_timeout(WITHIN_MS)
    page.goto(f"{lab.url}operator")
    return page


def sign_in(page: Any) -> Any:
    page.fill("#sign-in-pin", PIN)
    page.keyboard.press("Enter")
    page.wait_for_selector("#tabs button")
    return page


@pytest.fixture
def page(browser: Any, lab: OperatorLab) -> Iterator[Any]:
    opened = sign_in(visit(browser, lab))
    yield opened
    assert not opened.problems
    opened.context.close()


def expect(place: Any) -> Any:
    return sync_api.expect(place)


def settled(page: Any, panel: str) -> None:
    """Choose a section, and wait until it has loaded what it shows."""
    page.click(f"#tab-{panel}")
    page.wait_for_selector("#panel:has(h2):not([aria-busy=true])")


def test_signing_in_by_keys_alone_and_out_again(browser: Any, lab: OperatorLab) -> None:
    page = visit(browser, lab)
    expect(page.locator("#sign-in-pin")).to_be_focused()
    page.keyboard.type(WRONG_PIN)
    page.keyboard.press("Enter")
    expect(page.locator("#sign-in .told")).to_have_text("密码不对。")
    page.keyboard.type(PIN)
    page.keyboard.press("Enter")
    expect(page.locator("#panel")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.locator("#tab-sound")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#panel h2").first).to_have_text("最近问答")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#tab-records")).to_be_focused()
    page.reload()
    expect(page.locator("#panel h2").first).to_have_text("问答记录")
    page.focus("#leave")
    page.keyboard.press("Enter")
    page.wait_for_url(lab.url)
    page.goto(f"{lab.url}operator")
    expect(page.locator("#sign-in-pin")).to_be_visible()
    assert not page.problems
    page.context.close()


def test_signing_in_by_touch_alone(browser: Any, lab: OperatorLab) -> None:
    page = visit(browser, lab, has_touch=True)
    for digit in f"9{PIN}":
        page.locator("#sign-in .keys button", has_text=digit).tap()
        if digit == "9":
            page.locator("#sign-in [aria-label=删除一位]").tap()
    page.tap("#sign-in [type=submit]")
    expect(page.locator("#tabs button").first).to_be_visible()
    page.context.close()


def test_too_many_wrong_pins_and_no_pin_at_all(browser: Any, tmp_path: Any) -> None:
    with open_operator_lab(tmp_path, pin=False) as lab:
        page = visit(browser, lab)
        expect(page.locator("#how")).to_contain_text("hean kiosk pin")
        expect(page.locator("#sign-in")).to_be_hidden()
        lab.set_pin()
        page.reload()
        for number in range(FREE_TRIES + 1):
            page.fill("#sign-in-pin", WRONG_PIN)
            with page.expect_response("**/v1/operator/session") as replied:
                page.keyboard.press("Enter")
            assert replied.value.status == (403 if number < FREE_TRIES else 429)
            expect(page.locator("#sign-in [type=submit]")).to_be_enabled()
        expect(page.locator("#sign-in .told")).to_contain_text("秒再试")
        page.context.close()


def test_a_session_that_is_over_shows_the_gate(page: Any, lab: OperatorLab) -> None:
    lab.area.sessions._open.clear()
    expect(page.locator("#sign-in-pin")).to_be_visible()
    expect(page.locator("#area")).to_be_hidden()
    sign_in(page)
    lab.area.sessions._open.clear()
    page.click("#tab-models")
    expect(page.locator("#sign-in-pin")).to_be_visible()


def test_the_level_is_followed_and_the_microphone_tested(page: Any, lab: OperatorLab) -> None:
    # Published again and again: the line may not be open yet.
    for level in range(-60, -20):
        lab.bus.publish(LevelMeasured(0, float(level)))
        page.wait_for_timeout(50)
    expect(page.locator(".meter")).to_have_attribute("aria-valuenow", "-21")
    with lab.speaking():
        page.click("#panel button >> nth=1")
        expect(page.locator("#panel .mark.ok")).to_contain_text("麦克风正常")
    assert lab.played


def test_every_turn_is_shown_with_its_stages(page: Any) -> None:
    settled(page, "turns")
    expect(page.locator("#panel h3").first).to_have_text(WATER)
    expect(page.locator(".timing .soft").first).to_contain_text("从问完到出声 0.80 s")


def test_the_self_test_runs_to_its_end(page: Any) -> None:
    settled(page, "care")
    page.click("#panel .primary")
    expect(page.locator("#panel .mark").first).to_contain_text("还不能使用", timeout=WITHIN_MS)
    expect(page.locator("#panel .mark", has_text="时钟")).to_be_visible()


def test_a_restart_is_asked_for_twice(page: Any, lab: OperatorLab) -> None:
    settled(page, "care")
    restart = page.locator("#panel button", has_text="重新启动助手")
    restart.click()
    page.keyboard.press("Escape")
    expect(page.locator("#dialog")).to_be_hidden()
    assert lab.restarts == 0
    restart.click()
    page.click("#dialog .primary")
    expect(page.locator("#panel .mark.ok").last).to_contain_text("正在重新启动")
    assert lab.restarts == 1


def test_an_entry_is_reviewed_by_touch_alone(browser: Any, tmp_path: Path) -> None:
    """No keyboard: the name is one of those used before, or the role."""
    base = write_base(tmp_path / "base")
    with open_operator_lab(tmp_path / "device", knowledge=base) as lab:
        page = sign_in(visit(browser, lab, has_touch=True))
        settled(page, "knowledge")
        page.get_by_text("全部").tap()
        page.locator(".entry", has_text="zh.water.tap").tap()
        page.get_by_role("button", name="editor").tap()
        expect(page.locator("#reviewer")).to_have_value("editor")
        page.get_by_role("button", name="的管理员").tap()
        page.get_by_role("button", name="退回草稿").tap()
        expect(page.get_by_text("已退回草稿。")).to_be_visible()
        entry = knowledge_of(lab.config).by_id["zh.water.tap"]
        assert (entry.status, entry.reviewer) == ("draft", f"{platform.node()} 的管理员")
        page.context.close()


def test_the_audit_log_comes_as_a_file(page: Any) -> None:
    settled(page, "records")
    with page.expect_download() as download:
        page.click("#panel a >> nth=0")
    assert download.value.suggested_filename.startswith("hean-audit-")
    assert download.value.path().read_bytes().startswith(b"\xef\xbb\xbfid,kind")


def test_a_failure_is_shown_to_everybody_until_the_operator_has_seen_it(
    browser: Any, page: Any, lab: OperatorLab
) -> None:
    public = browser.new_context(locale="zh-CN").new_page()
    public.goto(lab.url)
    tell(lab.config, Outcome("c" * 64, "hean", 9, False, "<b>it does not load</b>"))
    notice = public.locator("#notices p", has_text="hean 9")
    expect(notice).to_contain_text("没有通过检验")
    public.click("#language")
    expect(notice).to_contain_text("did not pass")
    public.reload()
    expect(notice).to_be_visible()
    settled(page, "update")
    expect(page.locator("#panel .mark.failure").first).to_contain_text("<b>it does not load</b>")
    page.locator("#panel button", has_text="知道了").click()
    expect(notice).to_have_count(0)
    public.context.close()


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_cut_off_and_axe_finds_no_barrier(
    browser: Any, lab: OperatorLab, size: str
) -> None:
    page = visit(browser, lab, size)
    for look in ("plain", "larger") if size == "telephone" else ("plain",):
        if look != "plain":
            page.click(f"#{look}")
        page.wait_for_selector("#sign-in-pin")
        examined(page)
    sign_in(page)
    for panel in PANELS:
        settled(page, panel)
        examined(page)
    settled(page, "update")
    page.locator("#panel .card .primary").click()
    examined(page)
    page.context.close()


def examined(page: Any) -> None:
    assert out_of_reach(page, _TOUCHED) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not barriers(page)


@pytest.mark.parametrize("panel", PANELS)
def test_axe_finds_no_barrier_in_high_contrast_and_english(page: Any, panel: str) -> None:
    page.click("#contrast")
    page.click("#language")
    settled(page, panel)
    assert page.get_attribute("html", "lang") == "en"
    assert not barriers(page)
