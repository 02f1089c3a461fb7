"""`hean train` as a process: killed, the disk full, two at once; the whole way to a verdict."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llm.export.huggingface import HfWeights
from llm.export.weights import write_f16
from llm.train.rows import encode
from llm.train.runtime import check_runtime
from models.store import Store
from tests.commands import ROOT, Result, command, environment, hean, hean_process
from tests.tiny_llm.folders import write_folder
from tests.tiny_llm.training import load, row
from voice.config import Config

PAIRS = {
    "What should I do first?": "Go inside and close the windows.",
    "碘片什么时候吃？": "碘片要等通知再吃。",
    "May I eat my vegetables?": "Do not eat food from the open.",
    "How do I wash a dog?": "Wash it with soap outside the door.",
    "自来水可以喝吗？": "可以，除非广播说不要喝。",
    "Where is the shelter?": "Ask the radio or the authority.",
    "孩子在学校怎么办？": "老师会照顾，不要开车去接。",
    "Is my car safe?": "A house protects better than a car.",
    "衣服要换吗？": "脱掉外衣，装进袋子。",
    "Who won the match?": "I have nothing vetted on that.",
    "今天股票怎么样？": "这个我没有审核过的资料。",
    "Should we open a window?": "No, keep all windows closed.",
    "要不要关空调？": "关掉空调和换气扇。",
    "When may we go outside?": "When the authority says so.",
    "脸上有灰怎么洗？": "用温水和肥皂轻轻洗。",
    "Do masks help?": "A mask or wet cloth keeps dust out.",
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("base") / "tiny", "qwen2")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "data.jsonl"
    rows = [{"instruction": q, "input": "", "output": a} for q, a in PAIRS.items()]
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return file


def words(data: Path, base: Path, run: Path, epochs: int = 3) -> list[str]:
    options = f"--epochs {epochs} --lr 5e-3 --batch 2 --rank 4 --alpha 8 --patience 99 --rehearse 4"
    paths = [str(data), "--base", str(base), "--out", str(run)]
    return ["train", *paths, *options.split(), "--train-only", "--json"]


def weights(run: Path) -> bytes:
    return (run / "adapter" / "adapter_model.safetensors").read_bytes()


def test_from_rows_to_an_adapter(data: Path, base: Path, tmp_path: Path) -> None:
    result = hean(*words(data, base, tmp_path / "run"))
    assert result.code == 0, result.err
    outcome = json.loads(result.out)
    assert outcome["valid_loss_after"] < outcome["valid_loss_before"]
    record = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    assert record["state"] == "done"
    assert sum(record["rows"]["train"].values()) + sum(record["rows"]["valid"].values()) == 16
    assert len(record["data"]["data.jsonl"]) == 64
    general = tmp_path / "run" / "data" / record["rehearsed"]["file"]
    assert record["rehearsed"]["asked"] == 4
    assert len(general.read_text("utf-8").splitlines()) == record["rehearsed"]["answered"]
    twice = hean(*words(data, base, tmp_path / "run"))
    assert (twice.code, "holds a run already" in twice.out) == (2, True)
    again = hean("train", "--resume", tmp_path / "run")
    assert again.code == 2
    assert "is done" in again.err


def test_the_whole_way_to_a_verdict(data: Path, base: Path, tmp_path: Path) -> None:
    file, run = tmp_path / "base.gguf", tmp_path / "run"
    write_f16(file, HfWeights(base))
    whole = [word for word in words(data, file, run) if word != "--train-only"]
    result = hean(*whole)
    outcome = json.loads(result.out)
    assert outcome["verdict"] in ("pass", "no proven gain", "worse"), result.err
    assert (result.code == 0) is (outcome["verdict"] == "pass")
    names = {path.name for path in run.iterdir()}
    assert {"run.json", "adapter", "export", "report.json", "report.html"} <= names
    assert Path(outcome["files"][0]).name == "adapter.gguf"


def test_a_dry_run_tells_time_and_memory_and_leaves_nothing(
    data: Path, base: Path, tmp_path: Path
) -> None:
    result = hean(*words(data, base, tmp_path / "run"), "--dry-run")
    assert result.code == 0, result.err
    told = json.loads(result.out)
    assert told["steps"] == 3 * -(-told["rows"] // 2)
    assert told["peak_mb"] > 0
    assert told["tokens_per_s"] > 0
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("train", 2, "name data to train on, or a run to --resume"),
        ("train data.jsonl", 2, "--base is missing"),
        ("train data.jsonl --base nonesuch", 65, "nonesuch"),
        ("train data.jsonl --base ./nonesuch.gguf", 2, "no such file or folder"),
        ("train missing.jsonl --base {base}", 66, "missing.jsonl"),
        ("train data.jsonl --base {base} --epochs 0", 70, "epochs is 0"),
        ("train data.jsonl --base {base} --rehearse 65", 70, "rehearse is 65"),
        ("train data.jsonl --base {base} --objective dpo --rehearse 8", 2, "no worse ones"),
        ("train data.jsonl --base {base} --max-tokens 20", 66, "data.jsonl:1: "),
        ("train data.jsonl --base {base} --method qlora", 65, "use --method lora"),
        ("train data.jsonl --base {base} --objective dpo", 66, "no rejected answer"),
        ("train --resume .", 66, "is no run"),
        ("train data.jsonl --base {base} --flash .", 2, "--flash needs a --key"),
        ("train data.jsonl --base {base} --flash . --key none", 65, "none"),
    ],
)
def test_what_makes_no_sense_is_one_clear_line(
    data: Path,
    base: Path,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(data.parent)
    result = hean(*line.format(base=base).split())
    assert (result.code, "Traceback" in result.err) == (code, False), result.err
    assert said in result.err


def test_data_that_would_do_harm_is_not_trained_on(data: Path, base: Path, tmp_path: Path) -> None:
    lines = data.read_text("utf-8")
    data.write_text(lines * 2, "utf-8")
    result = hean(*words(data, base, tmp_path / "run"))
    assert result.code == 66
    assert "forbid training" in result.out
    assert not (tmp_path / "run").exists()


def test_killed_it_goes_on_where_it_was(data: Path, base: Path, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert hean_process(tmp_path, *words(data, base, whole, 12)).code == 0
    process = subprocess.Popen(
        command(*words(data, base, cut, 12)),
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 120
    while not list(cut.glob("checkpoints/step-*")) and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert json.loads((cut / "run.json").read_text("utf-8"))["state"] == "training"
    asked = (cut / "data" / "general.jsonl").stat().st_mtime_ns
    result = hean_process(tmp_path, "train", "--resume", str(cut), "--train-only")
    assert result.code == 0, result.err
    assert (cut / "data" / "general.jsonl").stat().st_mtime_ns == asked
    assert weights(cut) == weights(whole)


def test_a_full_disk_is_named_and_what_was_saved_stays(
    data: Path, base: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    most = 60_000  # bytes of a file: less than an adapter has

    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    done = subprocess.run(
        command(*words(data, base, run)[:-1]),
        env=environment(),
        capture_output=True,
        preexec_fn=small_disk,
        check=False,
    )
    result = Result(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert result.code == 70, result.err
    assert "is full; the last checkpoint is whole" in result.err
    assert f"hean train --resume {run}" in result.err
    assert hean_process(tmp_path, "train", "--resume", str(run), "--train-only").code == 0
    assert weights(run)


def test_two_processes_train_what_one_trains(data: Path, base: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    launch = "-m accelerate.commands.launch --cpu --num_processes 2 --num_machines 1"
    launch += " --mixed_precision no --dynamo_backend no --main_process_port 0 -m voice"
    done = subprocess.run(
        [sys.executable, *launch.split(), *words(data, base, two)],
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert hean(*words(data, base, one)).code == 0
    losses = [json.loads((run / "run.json").read_text())["results"] for run in (one, two)]
    assert losses[1]["valid_loss"]["after"] == pytest.approx(
        losses[0]["valid_loss"]["after"], rel=0.02
    )
    assert losses[0]["steps"] == losses[1]["steps"]


def test_the_benchmark_compares_the_same_rows(base: Path) -> None:
    result = hean("bench", "train", "--base", base, "--json")
    assert result.code == 0, result.err
    figures = json.loads(result.out)["figures"]
    read = {figures[key]["n"] for key in ("tokens_per_s", "plain_peft_tokens_per_s")}
    assert len(read) == 1
    assert figures["peak_rss_mb"]["value"] > 0


@pytest.mark.models
def test_a_model_of_the_catalogue_is_trained_as_it_runs() -> None:
    path = Store(Config().store).resolve("smollm2-135m")["model"]
    base = load(path)
    texts = [*PAIRS, *PAIRS.values()]
    check_runtime(base, texts, 2)
    encoded = encode(row(*next(iter(PAIRS.items()))), base, 200)
    assert base.tokenizer.decode(encoded.ids[encoded.start :]).endswith("windows.<|im_end|>")
