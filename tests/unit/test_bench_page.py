"""The page of benchmarks: everything that was measured is in it, and it needs nothing else."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.commands import hean
from voice.bench import distribution, result, single
from voice.bench.page import TEXTS, page
from voice.bench.pi import estimates

_VOID = {"meta", "input", "br"}


class _Strict(HTMLParser):
    """Fails on what is not closed; collects names and addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.addresses += [v or "" for name, v in attrs if name in ("src", "href", "action")]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _outcome() -> dict[str, Any]:
    stages = ("endpoint", "asr", "decide", "first_sound", "output")
    figures = {f"answer/stage_{name}_s": distribution([0.1, 0.2, 0.3, 0.4, 0.5]) for name in stages}
    figures["answer/voice_to_voice_vetted_s"] = distribution([1.0, 1.2, 1.4, 1.6, 2.0])
    figures["llm/tokens_per_s"] = distribution([10.0, 11.0, 12.0, 11.0, 10.0])
    figures["flash/broken"] = single(0, 900)
    figures["rival/right.hean"] = single(0.9, 100)
    figures["rival/right.plain_chain"] = single(0.3, 100)
    runs = [
        {"bench": "answer", "seconds": 9.0, "noise": {"load_before": 0.1}},
        {"bench": "train", "seconds": 1.0, "error": {"code": "x", "message": "<no> torch"}},
        {"bench": "rival", "seconds": 2.0, "not_measured": {"server": "is not & was not"}},
    ]
    return {**result("all", figures), "runs": runs, "warnings": ["answer: noisy <1>"]}


def _parsed(text: str) -> _Strict:
    parser = _Strict()
    parser.feed(text)
    parser.close()
    return parser


def test_the_page_is_whole_and_reaches_for_nothing() -> None:
    text = page(_outcome(), 2.5)
    parsed = _parsed(text)
    assert parsed.open == []
    assert parsed.addresses == []
    assert not parsed.seen & {"script", "link", "iframe", "img", "object"}
    assert "url(" not in text
    assert "svg" in parsed.seen


def test_every_figure_and_trouble_is_told() -> None:
    outcome = _outcome()
    text = page(outcome)
    names = {key.partition("/")[2] for key in outcome["figures"]}
    assert {name for name in names if name not in text} == set()
    assert "answer: noisy &lt;1&gt;" in text
    assert "train: &lt;no&gt; torch" in text
    assert "is not &amp; was not" in text


def test_the_bars_of_a_turn_are_as_long_as_its_stages() -> None:
    widths = [
        float(w) for w in re.findall(r'<rect [^>]*width="([\d.]+)" height="34"', page(_outcome()))
    ]
    assert len(widths) == 10
    p50, p95 = sum(widths[:5]), sum(widths[5:])
    assert p50 / p95 == pytest.approx(0.3 / 0.48, rel=0.01)


def test_texts_are_in_both_languages() -> None:
    assert all(english and chinese and english != chinese for english, chinese in TEXTS.values())
    text = page(_outcome())
    assert text.count('lang="zh"') == text.count('<span lang="en"')


def test_the_estimate_multiplies_computing_and_nothing_else() -> None:
    groups = {
        "answer": {
            "stage_endpoint_s": {"p50": 0.8},
            "stage_asr_s": {"p50": 0.2},
            "voice_to_voice_vetted_s": {"p50": 1.0},
        },
        "llm": {"tokens_per_s": {"p50": 30.0}},
        "ask": {"rss_mb": {"value": 900.0}},
    }
    how, rows = estimates(groups, 3.0)
    found = {name: there for name, _, there in rows}
    assert found == {
        "answer/stage_endpoint_s": pytest.approx(0.8),
        "answer/stage_asr_s": pytest.approx(0.6),
        "answer/voice_to_voice_vetted_s": pytest.approx(1.4),
        "llm/tokens_per_s": pytest.approx(10.0),
    }
    assert "3 times" in how


def test_without_a_ratio_nothing_is_estimated() -> None:
    assert TEXTS["pi"][0] in page(_outcome(), 3.0)
    assert TEXTS["pi"][0] not in page(_outcome())


def test_the_command_writes_it(tmp_path: Path) -> None:
    results, target = tmp_path / "results.json", tmp_path / "page.html"
    results.write_text(json.dumps(result("x", {"wait_s": single(1.0)})), encoding="utf-8")
    assert hean("bench", "page", results, target).code == 0
    assert "wait_s" in target.read_text(encoding="utf-8")
    refused = hean("bench", "page", results, target, "--pi-ratio", "0")
    assert refused.code == 2
    assert hean("bench", "page", tmp_path / "none.json", target).code == 66
    assert hean("bench", "page", results, tmp_path / "no" / "page.html").code == 66
