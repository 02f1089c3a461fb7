"""A USB stick on the kiosk, by touch and PIN alone, with a tiny model: used if it passes, else not.

The assistant answers all the while, and takes the new model without a restart.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llm.flash.bundle import load_private_key, open_bundle, write_bundle
from tests.browser import chromium, sync_api
from tests.small_bundles import in_use, sha256
from tests.tiny_llm import write_random_model, write_scripted_model
from tests.unit.operator_lab import PIN, OperatorLab, open_operator_lab
from voice.active_slot import slots_of
from voice.flash.device import trusted
from voice.flash.live import watching
from voice.flash.making import Parts, Terms, create

WITHIN_MS = 180_000
"""For a model that is loaded twice on a slow machine."""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OperatorLab]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with open_operator_lab(tmp_path) as opened:
        assert opened.bundles.folder.is_dir()  # its key is trusted from now on
        with watching(opened.config, opened.answerer, lambda: True, lambda *_: None):
            yield opened


@pytest.fixture
def page(lab: OperatorLab) -> Iterator[Any]:
    with chromium() as browser:
        opened = browser.new_context(locale="zh-CN", has_touch=True).new_page()
        opened.set_default_timeout(WITHIN_MS)
        yield opened


def press(page: Any, form: str, digits: str = PIN) -> None:
    for digit in digits:
        page.locator(f"{form} .keys button", has_text=digit).tap()
    page.tap(f"{form} [type=submit]")


def other_model(good: Path, folder: Path, key: Path, trusted_keys: Any) -> Path:
    """Return a bundle with the health section of another model: signed, but it will not pass."""
    manifest = open_bundle(good, trusted_keys).manifest
    model = write_random_model(folder / "other.gguf")
    content = model.read_bytes()
    file = replace(manifest.files[0], bytes=len(content), sha256=sha256(content))
    target = folder / "2.hean"
    with target.open("wb") as out:
        altered = replace(manifest, version=2, files=(file,))
        write_bundle(out, altered, {file.path: model}, load_private_key(key))
    return target


def test_a_stick_is_confirmed_with_the_pin_and_a_model_that_fails_is_told(
    lab: OperatorLab, page: Any, tmp_path: Path
) -> None:
    key, good = tmp_path / "owner", tmp_path / "1.hean"
    parts = Parts(model=write_scripted_model(tmp_path / "m.gguf"))
    create(good, parts, Terms(version=1), key, lab.config)
    expect = sync_api.expect
    page.goto(lab.url)
    shutil.copy(good, lab.stick)
    notice = page.locator("#notices p")
    expect(notice).to_contain_text("U 盘里有新模型 hean 1", timeout=WITHIN_MS)
    page.tap("a.door")
    press(page, "#sign-in")
    page.tap("#tab-update")
    page.locator("#panel button", has_text="更新").tap()
    press(page, "#dialog-form", "999999")
    expect(page.locator("#dialog .told")).to_have_text("密码不对。", timeout=WITHIN_MS)
    press(page, "#dialog-form")
    expect(page.locator("#panel progress")).to_be_visible(timeout=WITHIN_MS)
    done = page.locator("#panel .mark.ok", has_text="hean 1 已经启用")
    expect(done).to_be_visible(timeout=WITHIN_MS)
    assert in_use(slots_of(lab.config)) == 1
    expect(page.locator("#panel .mark.ok", has_text="正在使用的就是它")).to_be_visible()

    (lab.stick / "1.hean").unlink()
    shutil.copy(other_model(good, tmp_path, key, trusted(lab.config)), lab.stick)
    page.locator("#panel h3", has_text="hean 2").wait_for()
    page.locator("#panel button", has_text="更新").tap()
    press(page, "#dialog-form")
    failed = page.locator("#panel .mark.failure", has_text="没有更新，仍用原来的模型")
    expect(failed).to_contain_text("not what was signed", timeout=WITHIN_MS)
    assert in_use(slots_of(lab.config)) == 1
    page.tap("#back")
    expect(notice).to_have_count(1)  # nobody is invited to take it again
    expect(notice).to_contain_text("新模型 hean 2 没有通过检验", timeout=WITHIN_MS)
