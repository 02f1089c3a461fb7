"""A browser of another machine: it signs in once, then it is a screen like any other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import barriers, chromium, noting, sync_api
from tests.unit.kiosk_beyond import prepared
from tests.unit.kiosk_lab import Lab, open_lab
from voice.events import PartialTranscript, StateChanged
from voice.kiosk.keyring import COOKIE
from voice.kiosk.tokens import TokenFile
from voice.state import State


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return prepared(tmp_path_factory.mktemp("kiosk"))


@pytest.fixture(scope="module")
def lab(folder) -> Iterator[Lab]:
    with open_lab(folder=folder) as opened:
        opened.bus.publish(StateChanged(0, State.IDLE))
        yield opened


@pytest.fixture(scope="module")
def context() -> Iterator[object]:
    with chromium() as browser:
        # A person accepts the certificate once, by its fingerprint.
        yield browser.new_context(ignore_https_errors=True, locale="zh-CN")


@pytest.fixture
def page(context, lab) -> Iterator[object]:
    context.clear_cookies()
    opened = noting(context.new_page())
    opened.goto(lab.outside)
    yield opened
    assert not opened.problems
    opened.close()


def sign_in(page, token: str) -> None:
    page.fill("#token", token)
    page.keyboard.press("Enter")


def test_a_token_is_asked_for_once_and_then_the_screen_follows(page, context, lab, folder):
    sync_api.expect(page.locator("label")).to_have_text("访问令牌")
    sign_in(page, (folder / "operate.token").read_text())
    sync_api.expect(page.locator("#state")).to_have_text("请叫我，然后提问")
    lab.bus.publish(PartialTranscript(0, "自来水"))
    sync_api.expect(page.locator("#heard")).to_have_text("听到：自来水")
    with page.expect_response("**/v1/command"):
        page.click("#talk")
    page.reload()
    sync_api.expect(page.locator("#state")).to_have_text("请叫我，然后提问")
    assert lab.controls.commands == ["wake"]
    [cookie] = context.cookies()
    assert cookie["name"] == COOKIE
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Strict")
    assert page.evaluate("document.cookie") == ""
    assert "token" not in page.evaluate("JSON.stringify(localStorage)")


def test_a_wrong_token_is_told_and_can_be_mended(page, folder):
    sign_in(page, "hean_wrong")
    sync_api.expect(page.locator("#outcome")).to_have_text("令牌无效、已过期或已撤销")
    page.click("#language")
    sync_api.expect(page.locator("#outcome")).to_contain_text("not known")
    page.click("#language")
    sign_in(page, (folder / "ask.token").read_text())
    sync_api.expect(page.locator("#state")).to_be_visible()


def test_a_screen_whose_token_is_revoked_asks_for_another(page, lab, folder):
    sign_in(page, TokenFile(folder).create("lost-tablet", "ask"))
    sync_api.expect(page.locator("#state")).to_have_text("请叫我，然后提问")
    TokenFile(folder).revoke("lost-tablet")
    page.reload()
    sync_api.expect(page.locator("#token")).to_be_visible()


@pytest.mark.parametrize("size", [(320, 640), (1024, 600), (3840, 2160)])
def test_signing_in_has_no_barrier_at_any_size(page, size):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    assert not barriers(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
