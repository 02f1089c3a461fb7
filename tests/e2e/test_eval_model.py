"""`hean eval model`: real engines, tiny models that say what the test wants, and a verdict."""

import json
from pathlib import Path

import pytest

from llm.compose import NOTHING_VETTED
from tests.commands import hean
from tests.tiny_llm import write_adapter, write_scripted_model

NO = NOTHING_VETTED["en"]
ANSWER = "Go inside and close the windows."
VAGUE = "Close windows now."


def rows(path: Path, kind: str, answer: str) -> Path:
    lines = [
        {
            "kind": kind,
            "messages": [
                {"role": "user", "content": f"What now, number {n}?"},
                {"role": "assistant", "content": answer},
            ],
        }
        for n in range(6)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def verdict(tmp_path: Path, kind: str, reference: str, before: str, after: str):
    data = rows(tmp_path / "valid.jsonl", kind, reference)
    models = [
        write_scripted_model(tmp_path / f"{name}.gguf", [text])
        for name, text in (("before", before), ("after", after))
    ]
    words = ("--before", models[0], "--after", models[1], "--data", data)
    return hean("eval", "model", *words, "--html", tmp_path / "page.html", "--json")


def test_better_answers_pass(tmp_path: Path):
    found = verdict(tmp_path, "answer", ANSWER, VAGUE, ANSWER)
    result = json.loads(found.out)
    assert (found.code, result["verdict"]) == (0, "pass")
    assert result["rows"][0]["after"]["text"] == ANSWER
    assert result["models"][1]["tokens_per_s"] > 0
    assert "Pass: it answers better" in (tmp_path / "page.html").read_text()


def test_the_same_model_twice_is_no_proven_gain(tmp_path: Path):
    found = verdict(tmp_path, "answer", ANSWER, VAGUE, VAGUE)
    assert (found.code, json.loads(found.out)["verdict"]) == (3, "no proven gain")


def test_lost_refusals_are_worse(tmp_path: Path):
    found = verdict(tmp_path, "refusal", NO, NO, ANSWER)
    result = json.loads(found.out)
    assert (found.code, result["verdict"]) == (4, "worse")
    assert any("fewer refusals" in reason for reason in result["reasons"])


def test_lost_english_is_worse(tmp_path: Path):
    found = verdict(tmp_path, "answer", ANSWER, ANSWER, "进入室内，关好门窗。")
    result = json.loads(found.out)
    assert (found.code, result["verdict"]) == (4, "worse")
    assert any("fewer English answers" in reason for reason in result["reasons"])


def test_an_adapter_that_lost_its_end_is_worse(tmp_path: Path):
    pieces = ["Go inside and ", "close the windows."]
    base = write_scripted_model(tmp_path / "base.gguf", pieces)
    adapter = write_adapter(tmp_path / "adapter.gguf", pieces[1], pieces[0], pieces)
    data = rows(tmp_path / "valid.jsonl", "answer", ANSWER)
    found = hean("eval", "model", "--before", base, "--adapter", adapter, "--data", data)
    assert found.code == 4
    assert found.out.startswith("WORSE (6 held-out rows)")
    assert "fewer answers that end by themselves: 6 before, 0 after, of 6" in found.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name a run, or a model with --before"),
        (["RUN", "--before", "x"], "name a run, or a model with --before"),
        (["--before", "x", "--after", "y"], "--before needs --data"),
        (["--before", "x", "--data", "y"], "--before needs --after or --adapter"),
        (["RUN", "--rows", "0"], "--rows is 0"),
    ],
)
def test_options_that_make_no_sense_are_told(words, said: str):
    found = hean("eval", "model", *words)
    assert found.code == 2
    assert said in found.err
