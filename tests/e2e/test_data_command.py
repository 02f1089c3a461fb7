"""`hean data` as a shell sees it: from the knowledge base to a split, with every fault."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import Result, hean, hean_process
from tests.tiny_llm import write_scripted_model
from tests.unit.training_rows import rows

EXIT_WRONG, EXIT_USAGE, EXIT_INPUT, EXIT_MODEL = 65, 2, 66, 65
TRAINING = Path(__file__).parents[1] / "data" / "training"


def write_lines(path: Path, objects: list[object]) -> Path:
    path.write_text("".join(json.dumps(o, ensure_ascii=False) + "\n" for o in objects), "utf-8")
    return path


def pairs(count: int) -> list[object]:
    return [{"question": r.question, "answer": r.answer} for r in rows(count)]


def told(result: Result) -> dict[str, object]:
    found = json.loads(result.out)
    assert isinstance(found, dict)
    return found


def problem_codes(result: Result) -> set[str]:
    return {problem["code"] for problem in json.loads(result.out)["problems"]}


def test_from_the_knowledge_base_to_a_split_without_leaks(tmp_path: Path):
    exported, parts = tmp_path / "kb.jsonl", tmp_path / "parts"
    assert hean("kb", "export", exported, "--language", "en").code == 0
    first = json.loads(exported.read_text("utf-8").splitlines()[0])
    assert first["kind"] in ("answer", "correction", "refusal")
    assert first["entry"].startswith("en.")
    assert hean("data", "split", exported, "--out", parts).code == 0
    train, valid = (parts / f"{name}.jsonl" for name in ("train", "valid"))
    checked = hean("data", "check", train, "--valid", valid, "--json")
    assert checked.code == 0
    counts = told(checked)["counts"]
    lines = len(exported.read_text("utf-8").splitlines())
    assert counts["read"] + counts["valid"] == lines
    assert {"kind.answer", "kind.correction", "kind.refusal"} <= set(counts)
    leaking = hean("data", "check", exported, "--valid", valid, "--json")
    assert leaking.code == EXIT_WRONG
    assert problem_codes(leaking) & {"leak-exact", "leak-entry"}


@pytest.mark.parametrize("form", ["messages", "alpaca", "sharegpt", "conversations"])
def test_all_formats_become_one(form: str, tmp_path: Path):
    out = tmp_path / "all.jsonl"
    done = hean("data", "convert", TRAINING, "--to", form, "--out", out, "--json")
    assert told(done) == {"found": 19, "written": {str(out): 19}, "dropped": {}, "masked": {}}
    assert told(hean("data", "check", out, "--json"))["counts"]["read"] == 19


def test_every_problem_has_a_place_and_a_cure(tmp_path: Path):
    path = write_lines(tmp_path / "a.jsonl", pairs(3))
    with path.open("a", encoding="utf-8") as file:
        file.write('{"question": "q", "answer": ""}\n{"question": "q"\n')
    result = hean_process(tmp_path, "data", "check", path)
    assert result.code == EXIT_WRONG
    assert "a.jsonl:4:answer: the answer is empty [empty-answer]" in result.out
    assert "a.jsonl:5: " in result.out
    assert "→" in result.out
    assert "5 rows found = 3 usable + 2 that cannot be used" in result.out
    assert result.err == ""


def test_nothing_is_dropped_unless_asked(tmp_path: Path):
    path = write_lines(tmp_path / "a.jsonl", [*pairs(12), *pairs(2), {"text": "x"}])
    out = tmp_path / "b.jsonl"
    refused = hean("data", "convert", path, "--out", out)
    assert refused.code == EXIT_WRONG
    assert "--drop unread" in refused.out
    assert not out.exists()
    drops = ("--drop", "unread", "--drop", "exact-duplicate")
    done = hean("data", "convert", path, "--out", out, *drops)
    assert done.code == 0
    left_out = "2 left out (exact-duplicate)", "1 left out (unread)"
    assert all(text in done.out for text in ("15 rows found = 12 written", *left_out))
    assert len(out.read_text("utf-8").splitlines()) == 12
    assert hean("data", "convert", path, "--out", out, "--drop", "typo").code == EXIT_USAGE


def test_masking_is_asked_for_and_counted(tmp_path: Path):
    secret = {"question": "找谁？", "answer": "打 13800138000。保安夜里只有两名。"}
    path = write_lines(tmp_path / "a.jsonl", [*pairs(3), secret])
    plain, masked = tmp_path / "b.jsonl", tmp_path / "c.jsonl"
    assert "masked" not in hean("data", "convert", path, "--out", plain).out
    assert "13800138000" in plain.read_text("utf-8")
    done = hean("data", "convert", path, "--out", masked, "--mask")
    assert "masked: 1 × phone" in done.out
    assert "masked: 1 × facility detail" in done.out
    text = masked.read_text("utf-8")
    assert "[phone]" in text
    assert "[facility detail]" in text
    assert not {"13800138000", "保安"} & {word for word in ("13800138000", "保安") if word in text}


def test_half_duplicates_are_stopped(tmp_path: Path):
    path = write_lines(tmp_path / "a.jsonl", [*pairs(40), *pairs(40)])
    result = hean("data", "check", path)
    assert result.code == EXIT_WRONG
    assert "40 of 80 rows (50%) repeat others [duplicates]" in result.out
    assert "and 35 more of these: --all" in result.out
    assert "more of these" not in hean("data", "check", path, "--all").out


def test_a_row_is_shown_with_what_is_trained(tmp_path: Path):
    model = write_scripted_model(tmp_path / "tiny.gguf")
    path = write_lines(tmp_path / "a.jsonl", pairs(2))
    shown = hean("data", "show", path, "2", "--base", model)
    assert shown.code == 0
    answer = rows(2)[1].answer
    assert f"<|im_start|>assistant\n⟦{answer}<|im_end|>⟧" in shown.out
    (sequence,) = json.loads(hean("data", "show", path, "--base", model, "--json").out)["sequences"]
    assert sequence["trained"].endswith("<|im_end|>")
    assert sequence["closed"]
    assert 0 < sequence["start"] < len(sequence["ids"])


@pytest.mark.models
@pytest.mark.parametrize("base", [(), ("--base", "qwen2.5-coder-0.5b")])
def test_a_model_of_the_catalogue_tells_what_is_trained(base: tuple[str, ...]):
    result = hean("data", "show", TRAINING / "messages.jsonl", "2", *base, "--json")
    (sequence,) = json.loads(result.out)["sequences"]
    assert sequence["trained"] == "关好门窗，关掉空调和风扇，待在靠里的房间。<|im_end|>"
    assert sequence["prompt"].endswith("家里怎么隐蔽？<|im_end|>\n<|im_start|>assistant\n")


def test_rows_longer_than_the_limit_are_stopped(tmp_path: Path):
    model = write_scripted_model(tmp_path / "tiny.gguf")
    path = write_lines(tmp_path / "a.jsonl", pairs(3))
    check = ("data", "check", path, "--base", model, "--json")
    whole = hean(*check)
    longest = told(whole)["counts"]["longest_tokens"]
    assert hean(*check, "--max-tokens", str(longest)).code == 0
    cut = hean(*check, "--max-tokens", str(longest - 1))
    assert cut.code == EXIT_WRONG
    assert "cut-end" in problem_codes(cut)


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (("check", "none.jsonl"), EXIT_INPUT, "none.jsonl cannot be read"),
        (("check", "a.jsonl", "--max-tokens", "9"), EXIT_USAGE, "needs a tokenizer"),
        (("check", "a.jsonl", "--base", "no-such-model"), EXIT_MODEL, "there is no model"),
        (("check", "a.jsonl", "--base", "."), EXIT_USAGE, "is a folder"),
        (("show", "a.jsonl", "99", "--base", "tiny.gguf"), EXIT_INPUT, "has no row 99"),
        (("show", "a.jsonl", "0", "--base", "tiny.gguf"), EXIT_USAGE, "counted from 1"),
        (("show", "a.jsonl", "4", "--base", "tiny.gguf"), EXIT_INPUT, "cannot be used"),
        (("split", "b.jsonl", "--out", "parts", "--share", "2"), EXIT_INPUT, "share"),
        (("split", "c.jsonl", "--out", "parts"), EXIT_INPUT, "too alike"),
        (("convert", "b.jsonl", "--out", "/proc/x/y"), EXIT_INPUT, "cannot be written"),
        (("check",), EXIT_USAGE, ""),
    ],
)
def test_wrong_usage_is_one_line(words, code, line, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_scripted_model(tmp_path / "tiny.gguf")
    write_lines(tmp_path / "a.jsonl", [*pairs(3), {"text": "x"}])
    write_lines(tmp_path / "b.jsonl", pairs(3))
    write_lines(tmp_path / "c.jsonl", pairs(1))
    result = hean("data", *words)
    assert result.code == code
    assert line in result.err
    assert "Traceback" not in result.err
