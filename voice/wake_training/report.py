"""What a run tells: what its model misses and what wakes it, and what the model was made from."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kws import Files
from kws.train.corpus import TABLE, Clip, read_clips
from models.catalog import load_catalog
from models.disk import sha256_of, write_json
from voice import __version__
from voice.wake_training.page import page
from voice.wake_training.plan import Plan, doubts, name_of

if TYPE_CHECKING:
    from kws.train.checkpoint import Checkpoint
    from voice.wake_training.choice import Choice

REPORT, PAGE, ORIGIN = "report.json", "report.html", "training.json"
MOST_BYTES = 200_000
"""A longer report keeps the curves of what was chosen alone."""
LICENCE_FILES = ("LICENSE", "LICENCE", "LICENSE.txt", "LICENCE.txt")
_PACKAGES = ("torch", "onnx", "sherpa-onnx", "onnxruntime", "numpy")


def write_report(
    plan: Plan, run: Path, checkpoint: Checkpoint, files: Files, choice: Choice
) -> dict[str, Any]:
    """Write what was measured as JSON and as a page, and where the model comes from; return what
    was measured."""
    clips = read_clips(run / "corpus")
    found = {
        "made": time.strftime("%Y-%m-%d"),
        "command": plan.command,
        "words": [asdict(word) for word in plan.words],
        "doubts": doubts(plan.words),
        "seed": plan.seed,
        "corpus": _corpus(clips),
        "training": {**_training(checkpoint), "bytes": _bytes(files)},
        **choice.as_json(),
    }
    write_json(run / REPORT, trimmed(found))
    (run / PAGE).write_text(page(found), encoding="utf-8")
    write_json(run / ORIGIN, _origin(plan, run, checkpoint, files, clips))
    return found


def papers(run: Path) -> dict[str, Path]:
    """Return what is kept with the files of a model, by role."""
    return {"report": run / REPORT, "page": run / PAGE, "training": run / ORIGIN}


def trimmed(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report that is short enough to go with its model."""
    if len(json.dumps(report, ensure_ascii=False, indent=2).encode()) <= MOST_BYTES:
        return dict(report)
    chosen = {(word, point["boost"]) for word, point in report["chosen"].items()}
    curves = [one for one in report["curves"] if (one["word"], one["boost"]) in chosen]
    return {**report, "curves": curves}


def _origin(
    plan: Plan, run: Path, checkpoint: Checkpoint, files: Files, clips: Sequence[Clip]
) -> dict[str, Any]:
    """Return all that another one needs to make the model again, without a path of this machine."""
    return {
        "command": plan.command,
        "words": {word.text: list(word.pinyin) for word in plan.words},
        "seed": plan.seed,
        "corpus": {**_corpus(clips), "sha256": corpus_sha256(run / "corpus")},
        "training": {**_training(checkpoint), "shape": checkpoint.shape},
        "files": {path.name: sha256_of(path) for path in files.values()},
        "versions": {"hean": __version__, **_versions()},
        "made_from": _made_from(plan, clips),
    }


def corpus_sha256(corpus: Path) -> str:
    """Return the hash of the table of a corpus: texts, tokens, speakers and lengths of its clips.

    Its lines are sorted, since several processes write them in any order.
    """
    lines = sorted((corpus / TABLE).read_bytes().splitlines(keepends=True))
    return hashlib.sha256(b"".join(lines)).hexdigest()


def _made_from(plan: Plan, clips: Sequence[Clip]) -> list[dict[str, Any]]:
    licences = {model.id: model.licence for model in load_catalog()}
    voices = {clip.speaker.rpartition("-")[0] for clip in clips if clip.kind != "human"}
    return [
        {
            "what": "synthetic speech, in mixtures of these voices; pronunciation and word lists",
            "from": "kokoro",
            "licence": licences["kokoro"],
            "voices": sorted(voices),
        },
        {"what": "texts", "from": "the knowledge base of He'an", "licence": "Apache-2.0"},
        *(_recordings("recordings of people, with transcripts", folder) for folder in plan.speech),
        *(_recordings("recordings of noise", folder) for folder in filter(None, [plan.noise])),
    ]


def _recordings(what: str, folder: str) -> dict[str, str]:
    return {"what": what, "from": name_of(folder), "licence": _licence_in(Path(folder))}


def _licence_in(folder: Path) -> str:
    """Return the first line of the licence in a folder of recordings."""
    for name in LICENCE_FILES:
        if (path := folder / name).is_file():
            lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
            return next((line.strip() for line in lines if line.strip()), "")
    return "not stated in the folder"


def _corpus(clips: Sequence[Clip]) -> dict[str, Any]:
    return {
        "hours": round(sum(clip.seconds for clip in clips) / 3600, 2),
        "clips": dict(Counter(f"{clip.split} {clip.kind}" for clip in clips)),
    }


def _training(checkpoint: Checkpoint) -> dict[str, Any]:
    return {"steps": checkpoint.step, "minutes": round(checkpoint.seconds / 60, 1)}


def _bytes(files: Files) -> int:
    return sum(path.stat().st_size for path in files.values())


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # built from its sources, for instance
            found[name] = "unknown"
    return found
