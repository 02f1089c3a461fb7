"""What a run of `hean wake train` leaves on paper, beside the model and with it in the box."""

import json
import re
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="only for training: pip install 'hean[train]'")

from kws.train.checkpoint import Checkpoint  # noqa: E402
from kws.train.corpus import Clip, append_clips, write_audio  # noqa: E402
from kws.train.operating import Point  # noqa: E402
from kws.words import make_word  # noqa: E402
from models.catalog import load_catalog  # noqa: E402
from tests.tiny_kws import silence  # noqa: E402
from voice.wake_training import box  # noqa: E402
from voice.wake_training.choice import Choice  # noqa: E402
from voice.wake_training.plan import Plan  # noqa: E402
from voice.wake_training.report import (  # noqa: E402
    MOST_BYTES,
    corpus_sha256,
    papers,
    trimmed,
    write_report,
)

WORD = make_word("你好核安")


def clip(number, kind="sentence", speaker="zf_a-00001") -> Clip:
    return Clip(f"clips/{number}.flac", "今天", ("j",), kind, "", speaker, "train", 2.0)


def corpus(folder: Path, clips) -> None:
    (folder / "clips").mkdir(parents=True)
    for one in clips:
        write_audio(folder / one.audio, silence(0.1))
    append_clips(folder, clips)


def point(boost: float, threshold: float) -> Point:
    return Point(WORD.text, boost, threshold, {"clean": 0.1, "10db": 0.2}, 0.05, 0.4)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with recordings of people in a folder that only this machine has."""
    folder = tmp_path / "run"
    corpus(folder / "corpus", [clip(1), clip(2, "wake", "zm_b-00002"), clip(3, "human", "S1")])
    (tmp_path / "speech").mkdir()
    (tmp_path / "speech" / "LICENSE").write_text("\nApache License 2.0\nterms", encoding="utf-8")
    return folder


@pytest.fixture
def files(run: Path) -> dict[str, Path]:
    """A model, with its report and where it comes from."""
    (run / "model").mkdir()
    found = {"encoder": run / "model" / "encoder.onnx", "tokens": run / "model" / "tokens.txt"}
    for role, path in found.items():
        path.write_text(role, encoding="utf-8")
    plan = Plan((WORD,), 1.5, (str(run.parent / "speech"),), "", 1)
    checkpoint = Checkpoint(("<blk>",), {"dim": 8}, {}, {}, step=120, seconds=90.0)
    curves = [point(0.4, 0.5), point(0.4, 0.6)]
    choice = Choice(
        {WORD.text: curves[0]},
        {WORD.text: curves[1]},
        curves,
        {WORD.text: {"zf_a": (0.1, 9)}},
        {"near": 3},
    )
    write_report(plan, run, checkpoint, found, choice)
    return {**found, **papers(run)}


def origin(files: dict[str, Path]) -> dict:
    return json.loads(files["training"].read_text(encoding="utf-8"))


def test_it_tells_what_the_model_was_made_from(files):
    told = origin(files)
    assert told["corpus"]["clips"] == {"train sentence": 1, "train wake": 1, "train human": 1}
    assert told["training"] == {"steps": 120, "minutes": 1.5, "shape": {"dim": 8}}
    assert told["words"] == {"你好核安": ["nǐ hǎo hé ān"]} and told["seed"] == 1
    assert {"hean", "torch", "onnx", "sherpa-onnx"} <= told["versions"].keys()
    assert set(told["files"]) == {"encoder.onnx", "tokens.txt"}
    speech, texts, people = told["made_from"]
    assert speech["voices"] == ["zf_a", "zm_b"] and speech["licence"].startswith("Apache-2.0")
    assert texts["licence"] == "Apache-2.0"
    assert (people["from"], people["licence"]) == ("speech", "Apache License 2.0")


def test_a_folder_without_a_licence_is_told_so(files, run):
    (run.parent / "speech" / "LICENSE").unlink()
    plan = Plan((WORD,), 1.5, (str(run.parent / "speech"),), str(run.parent / "speech"), 1)
    curves = [point(0.4, 0.5)]
    choice = Choice({WORD.text: curves[0]}, {}, curves, {}, {})
    write_report(plan, run, Checkpoint((), {}, {}, {}), {}, choice)
    *_, people, noise = origin(files)["made_from"]
    assert people["licence"] == noise["licence"] == "not stated in the folder"


def test_no_path_of_this_machine_is_in_what_is_shipped(files, tmp_path):
    for role in ("report", "page", "training"):
        assert str(tmp_path) not in files[role].read_text(encoding="utf-8")
    assert origin(files)["command"] == 'hean wake train "你好核安" --hours 1.5 --speech speech'


def test_the_hash_of_a_corpus_does_not_depend_on_the_order_of_its_making(tmp_path):
    clips = [clip(1), clip(2), clip(3)]
    corpus(tmp_path / "one", clips)
    corpus(tmp_path / "other", clips[::-1])
    corpus(tmp_path / "less", clips[:2])
    one, other, less = (corpus_sha256(tmp_path / name) for name in ("one", "other", "less"))
    assert one == other != less


def test_a_long_report_keeps_the_curves_of_what_was_chosen(files):
    report = json.loads(files["report"].read_text(encoding="utf-8"))
    assert trimmed(report) == report
    curves = [
        {**report["curves"][0], "boost": boost / 1000, "word": word}
        for boost in range(1000)
        for word in (WORD.text, "小安小安")
    ]
    short = trimmed({**report, "curves": curves})
    assert [(one["word"], one["boost"]) for one in short["curves"]] == [(WORD.text, 0.4)]
    assert len(json.dumps(short, ensure_ascii=False, indent=2).encode()) < MOST_BYTES
    assert short["chosen"] == report["chosen"]


def test_the_report_is_in_the_box_with_the_model(files, tmp_path):
    folder = box(files, tmp_path / "box")
    assert {path.name for path in folder.iterdir()} == {
        "encoder.onnx", "tokens.txt", "report.json", "report.html", "training.json", "catalog.toml",
    }  # fmt: skip
    shipped = tmp_path / "catalog.toml"
    shipped.write_text("[profiles.starter]\n", encoding="utf-8")
    model = load_catalog(shipped, tmp_path / "box").model("kws-hean")
    assert model.files["training"].path == "training.json"
    assert model.files["report"].bytes == files["report"].stat().st_size


def test_what_is_in_the_box_is_part_of_the_package():
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    (line,) = re.findall(r"package-data\]\n(.*)", project)
    assert '"box/*/*"' in line
