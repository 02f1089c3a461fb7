from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from llm.knowledge.keys import create_key
from tests.unit.knowledge_folder import replace_in, write_base
from voice.cli import main

Run = Callable[..., tuple[int, str, str]]
LOCAL = """\
[[entry]]
id = "zh.site.shelter"
ask = ["最近的避难所在哪里", "我该去哪里躲", "避难所在哪", "附近有没有避难所"]
answer = "去镇中学地下室。"
"""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    base = write_base(tmp_path / "base")

    def command(*words: str) -> tuple[int, str, str]:
        store = ("--set", f"models.store={tmp_path / 'data' / 'models'}")
        code = main(["kb", *words, *store, "--set", f"knowledge.folder={base}"])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def one_line(result: tuple[int, str, str]) -> str:
    """Return the first line of an error; there is one more at most, on what to do."""
    code, out, err = result
    assert code in (2, 65)
    assert out == ""
    assert 1 <= len(err.strip().splitlines()) <= 2
    return err.strip().splitlines()[0]


def signed(run: Run, tmp_path: Path) -> Path:
    create_key(tmp_path / "key")
    (tmp_path / "local.toml").write_text(LOCAL, "utf-8")
    code, out, _ = run(
        *("sign", "--key", str(tmp_path / "key"), "--site", " Example\n NPP "),
        *("--authority", "Example County", "--local", str(tmp_path / "local.toml")),
    )
    assert code == 0
    assert f"signed for Example NPP on {date.today().isoformat()}" in out
    trusted = tmp_path / "data" / "trusted-keys"
    trusted.mkdir()
    shutil.copy(tmp_path / "key.pub", trusted)
    return tmp_path / "data" / "knowledge"


# --- build and export


def test_build_prints_the_hash(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "kb.sqlite"
    code, out, _ = run("build", "--out", str(path), "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["file"], told["entries"], told["speakable"]) == (str(path), 6, 5)
    assert told["content_hash"] == json.loads(run("check", "--json")[1])["content_hash"]
    first = path.read_bytes()
    assert run("build", "--out", str(path))[1].splitlines()[1] == f"content {told['content_hash']}"
    assert path.read_bytes() == first


def test_build_goes_to_the_cache_folder(run: Run, tmp_path: Path) -> None:
    assert run("build")[0] == 0
    assert (tmp_path / "cache" / "hean" / "knowledge.sqlite").exists()


def test_export_counts_its_rows(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    code, out, _ = run("export", "--format", "messages", str(path), "--json")
    told = json.loads(out)
    assert code == 0
    assert told["rows"] == told["answer"] + told["correction"] + told["refusal"]
    assert told["rows"] == len(path.read_text("utf-8").splitlines())
    code, out, _ = run("export", "--format", "alpaca", "--no-grounded", str(path))
    assert out == f"{path}: 16 rows: 12 answers, 4 corrections\n"
    assert "77" not in path.read_text("utf-8")


# --- import and review


def test_a_document_on_its_way_to_be_spoken(run: Run, tmp_path: Path) -> None:
    plan = tmp_path / "plan.md"
    plan.write_text("# 集合点\n\n去操场集合。\n\n# 联系\n\n张三，电话13812345678。\n", "utf-8")
    code, out, _ = run("import", str(plan))
    assert code == 0
    assert "2 drafts of topic plan" in out
    assert "1 with sentences to look at" in out
    assert json.loads(run("check", "--json")[1])["errors"] == 0
    assert "zh.plan.001: draft" in run("review")[1]

    shown = run("review", "zh.plan.001", "zh.plan.002")[1]
    assert "plan-001 (C) plan.md · 集合点 · sha256:" in shown
    assert "look     personal data: 张三，电话13812345678。" in shown
    vet = ("review", "zh.plan.001", "--vet", "--reviewer", "Li  Hua", "--date", "2026-05-06")
    assert "plan-001 has confidence C" in one_line(run(*vet))

    sources = tmp_path / "data" / "knowledge" / "sources" / "plan.toml"
    replace_in(sources, 'section = "集合点"', 'section = "p. 1"')
    text = sources.read_text("utf-8").replace('"C"', '"A"', 1)
    sources.write_text(text, "utf-8")
    assert "plan-001 has no title or issuer" in one_line(run(*vet))
    sources.write_text(text.replace('issuer = ""', 'issuer = "Village"', 1), "utf-8")
    code, out, _ = run(*vet, "--json")
    assert code == 0
    assert json.loads(out)["status"] == "vetted"
    listed = json.loads(run("list", "--topic", "plan", "--json")[1])["entries"]
    assert [(e["status"], e["reviewer"]) for e in listed] == [("vetted", "Li Hua"), ("draft", "")]
    assert run("review", "zh.plan.001", "--unvet")[0] == 0
    assert "zh.plan.001: draft" in run("review")[1]


def test_import_as_json_to_another_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("去操场集合。".encode("gb18030"))
    (tmp_path / "b.txt").write_text("Go to the school.", "utf-8")
    files = [str(tmp_path / "a.txt"), str(tmp_path / "b.txt")]
    code, out, _ = run("import", *files, "--out", str(tmp_path / "out"), "--json")
    rows = json.loads(out)["documents"]
    assert code == 0
    assert [(r["topic"], r["drafts"], r["encoding"]) for r in rows] == [
        ("a", 1, "gb18030"),
        ("b", 1, "utf-8"),
    ]
    assert (tmp_path / "out" / "en" / "b.toml").exists()
    assert not (tmp_path / "data").exists()


def test_several_documents_under_one_name(run: Run, tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("去操场集合。", "utf-8")
    files = [str(tmp_path / "a.txt"), str(tmp_path / "b.txt")]
    rows = json.loads(run("import", *files, "--topic", "village", "--json")[1])["documents"]
    assert [row["topic"] for row in rows] == ["village", "village-2"]
    assert json.loads(run("check", "--json")[1])["errors"] == 0


def test_import_mistakes_are_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("去操场集合。", "utf-8")
    (tmp_path / "shelter.txt").write_text("去操场集合。", "utf-8")
    (tmp_path / "empty.txt").write_text("", "utf-8")
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.4 nothing")
    for name, complaint in (
        ("none.txt", "cannot be read"),
        ("empty.txt", "is empty"),
        ("bad.pdf", "is not a PDF"),
        ("shelter.txt", "there is a topic shelter already"),
    ):
        assert complaint in one_line(run("import", str(tmp_path / name)))
    assert "no sentence in the language en" in one_line(
        run("import", str(tmp_path / "a.txt"), "--language", "en")
    )
    assert "must be of a-z" in one_line(run("import", str(tmp_path / "a.txt"), "--topic", "../x"))
    assert not (tmp_path / "data").exists()


def test_a_bad_file_among_good_ones_imports_none(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("去操场集合。", "utf-8")
    one_line(run("import", str(tmp_path / "a.txt"), str(tmp_path / "none.txt")))
    assert not (tmp_path / "data").exists()


def test_review_as_json(run: Run) -> None:
    due = json.loads(run("review", "--json")[1])["due"]
    assert {"id": "zh.shelter.draft", "reason": "draft"}.items() <= due[0].items()
    (row,) = json.loads(run("review", "zh.shelter.draft", "--json")[1])["entries"]
    assert row["entry"]["answer"] == "躲77天。"
    assert row["sources"][0]["confidence"] == "C"
    assert "F3 has confidence C" in row["obstacles"][0]


def test_review_mistakes_are_one_line(run: Run) -> None:
    assert "there is no entry zh.x" in one_line(run("review", "zh.x"))
    assert "--vet needs an entry" in one_line(run("review", "--vet", "--reviewer", "A"))
    assert "--vet needs the name" in one_line(run("review", "zh.water.tap", "--vet"))
    assert "--vet needs the name" in one_line(run("review", "zh.water.tap", "--vet", "--reviewer="))
    words = ("review", "zh.water.tap", "--vet", "--reviewer", "A", "--date", "yesterday")
    assert "not a day" in one_line(run(*words))


# --- signatures


def test_unsigned_shows(run: Run) -> None:
    assert run("verify-signature") == (
        65,
        "not signed off by a competent authority for this site\n",
        "",
    )
    assert "approval: not signed off" in run("check")[1]


def test_signed_shows_who_for_which_site(run: Run, tmp_path: Path) -> None:
    signed(run, tmp_path)
    code, out, _ = run("verify-signature")
    assert code == 0
    assert out.startswith("signed by Example County for Example NPP on ")
    told = json.loads(run("verify-signature", "--json")[1])
    assert (told["state"], told["site"], told["key_name"]) == ("signed", "Example NPP", "key")
    assert json.loads(run("check", "--json")[1])["approval"] == told
    assert "去镇中学地下室" in run("list", "--topic", "site")[1]


def test_a_change_after_signing_shows(run: Run, tmp_path: Path) -> None:
    own = signed(run, tmp_path)
    replace_in(own / "site.toml", "地下室", "操场")
    code, out, _ = run("verify-signature")
    assert code == 65
    assert "site.toml was changed or removed since: the signature does not fit" in out
    assert run("check")[0] == 0  # the rest is still true
    assert run("list", "--topic", "site")[1] == ""


def test_hean_check_shows_the_approval(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signed(run, tmp_path)
    words = ["--set", f"models.store={tmp_path / 'data' / 'models'}"]
    words += ["--set", f"knowledge.folder={tmp_path / 'base'}"]

    def approval() -> dict[str, str]:
        main(["check", "--json", *words])
        findings = json.loads(capsys.readouterr().out)["findings"]
        return next(finding for finding in findings if finding["subject"] == "approval")

    assert approval()["state"] == "ok"
    assert approval()["text"].startswith("signed by Example County for Example NPP")
    replace_in(tmp_path / "base" / "zh" / "water.toml", "可以喝", "不能喝")
    assert approval()["state"] == "warning"
    assert "does not fit" in approval()["text"]


def test_sign_mistakes_are_one_line(run: Run, tmp_path: Path) -> None:
    key = str(tmp_path / "key")
    assert "is not a private key" in one_line(run("sign", "--key", key, "--site", "X"))
    create_key(tmp_path / "key")
    assert "--site is empty" in one_line(run("sign", "--key", key, "--site", " "))
    missing = ("--local", str(tmp_path / "none.toml"))
    assert "cannot be read" in one_line(run("sign", "--key", key, "--site", "X", *missing))


@pytest.mark.parametrize(
    "name", ["build", "export", "import", "review", "sign", "verify-signature"]
)
def test_help_has_examples(run: Run, capsys: pytest.CaptureFixture[str], name: str) -> None:
    with pytest.raises(SystemExit) as caught:
        run(name, "--help")
    assert caught.value.code == 0
    assert f"hean kb {name}" in capsys.readouterr().out.partition("examples:")[2]
