"""`hean bench rival`: the same questions to what one would build by hand from the same models.

Programs
    hean            this assistant, its real threads, in real time; vetted first sentences are
                    synthesised ahead, as it does by itself when idle
    plain_chain     the microphone example of sherpa-onnx with a language model and a voice behind
                    it: silero VAD with its default pause of 0.5 s, Whisper on the segment, one chat
                    completion in process by llama-cpp-python, then the whole answer is spoken
    server_chain    faster-whisper (int8, beam 5, its defaults) behind the same VAD, and a server
                    with OpenAI's interface (llama-cpp-python's, as Ollama is one around the same
                    llama.cpp) that streams; the first sentence is spoken as soon as it is there

All use the same GGUF file, the same Whisper weights and the same voice; the chains are told to
answer in one or two sentences for nuclear emergencies, and have no knowledge base: that is what
one gets without writing one. sherpa-onnx cannot read the starter's Kokoro files, so that the
chains speak through this program's Kokoro, all at once.

What is measured, for each from the last voiced sample of the question to the first sample for the
loudspeaker, no sound card in between. The chains run step by step on a clock of their own: a chunk
of audio is not there before it was spoken, and computing takes what it takes. Nothing else runs
beside them, which the threads of the assistant cannot say of each other: this favours the chains.
If a chain's VAD cuts a question in two, its texts are joined, as if somebody had seen to that.

What counts as right is judged on the text alone, by the same rules for all, which are generous to
free wording (`voice.bench.rival_judge`). Each answer is in the JSON to be judged by people.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from llm.score import Question
from voice.bench import Figure, Figures, Say, distribution, single
from voice.bench.rival_judge import Judge, Judged
from voice.config import Config
from voice.engines import NO_MODEL, knowledge_of, load_encoder
from voice.errors import StageError, UsageError
from voice.evaluation.speech import VOICES, deal, say
from voice.process.machine import version_of

HEAN, PLAIN, SERVER = "hean", "plain_chain", "server_chain"
_CHILD = "from voice.bench.rival_programs import run; run()"
_LIMIT_S = 1800.0
_NEEDED = {
    "faster-whisper": "pip package faster-whisper is not installed",
    "uvicorn": "pip package llama-cpp-python[server] is not installed",
}


@dataclass
class Outcome:
    """What came of all programs."""

    figures: dict[str, Figure] = field(default_factory=dict)
    not_measured: dict[str, str] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)


def measure(
    config: Config,
    options: Sequence[str],
    questions: Sequence[Question],
    whisper: Path | None,
    progress: Say,
) -> Outcome:
    """Ask all programs all questions aloud; return figures with the program as last part of a key.

    `options` lead a child process to the same configuration; `whisper` is a folder with Whisper in
    CTranslate2's form. Raises UsageError without a language model, StageError if `hean` fails.
    """
    if config.llm.model == NO_MODEL:
        raise UsageError("llm.model is none: there is nothing to chain", "--set llm.model=")
    outcome = Outcome(not_measured=_unmeasured(whisper))
    judge = Judge(knowledge_of(config), load_encoder(config))
    with TemporaryDirectory(prefix="hean-bench-rival-") as folder:
        clips = Path(folder) / "clips.npz"
        asked = _synthesise(config, questions, clips, progress)
        for program in (HEAN, PLAIN, SERVER):
            if program in outcome.not_measured:
                continue
            task = {"program": program, "options": list(options), "clips": str(clips)}
            try:
                lines = list(_run({**task, "whisper": str(whisper or "")}, progress))
            except StageError as error:
                if program == HEAN:
                    raise
                outcome.not_measured[program] = error.message
                continue
            _add(outcome, program, asked, lines, judge)
    return outcome


def _unmeasured(whisper: Path | None) -> dict[str, str]:
    if whisper is None:
        return {SERVER: "no --faster-whisper DIR was named"}
    missing = next((text for name, text in _NEEDED.items() if not version_of(name)), "")
    return {SERVER: missing} if missing else {}


def _synthesise(
    config: Config, questions: Sequence[Question], clips: Path, progress: Say
) -> dict[str, Question]:
    """Write what is said, by id of the question; return the questions by id."""
    said: dict[str, Any] = {}
    for voice, own in deal(questions, VOICES).items():
        progress(f"synthesising questions: {voice}")
        said |= {each.question.id: each.audio for each in say(config, voice, own)}
    np.savez(clips, **said)
    return {question.id: question for question in questions}


def _run(task: Mapping[str, Any], progress: Say) -> Iterator[dict[str, Any]]:
    """Run one program in a process of its own; yield a line for each question and one for memory.

    Raises StageError.
    """
    name = task["program"]
    progress(f"program {name}")
    with subprocess.Popen(
        [sys.executable, "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        try:
            out, _ = child.communicate(json.dumps(task).encode(), timeout=_LIMIT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            raise StageError(f"{name} took longer than {_LIMIT_S:.0f} s", "ask less") from None
        except KeyboardInterrupt:
            child.kill()
            raise
    if child.returncode:
        raise StageError(f"{name} ended with exit code {child.returncode}", "see what it wrote")
    yield from map(json.loads, out.splitlines())


def _add(
    outcome: Outcome,
    program: str,
    asked: Mapping[str, Question],
    lines: Sequence[Mapping[str, Any]],
    judge: Judge,
) -> None:
    """Add the figures and rows of one program."""
    turns = [line for line in lines if "id" in line]
    judged = [judge.judge(asked[turn["id"]], turn["answer"]) for turn in turns]
    waits = [turn["voice_to_voice_s"] for turn in turns if turn["voice_to_voice_s"] is not None]
    outcome.figures |= {
        f"{key}.{program}": figure for key, figure in _shares(judged, len(asked)).items()
    }
    if waits:
        outcome.figures[f"voice_to_voice_s.{program}"] = distribution(waits)
    memory = [line["rss_mb"] for line in lines if "rss_mb" in line]
    outcome.figures[f"rss_mb.{program}"] = single(memory[-1])
    for turn, verdict in zip(turns, judged, strict=True):
        told = {"program": program, **turn, "right": verdict.right}
        outcome.rows.append({**told, "unsupported": list(verdict.unsupported)})


def _shares(judged: Sequence[Judged], asked: int) -> Figures:
    """Return shares of all questions; those without an answer are neither right nor unsupported."""
    return {
        "right": single(sum(each.right for each in judged) / asked, asked),
        "unsupported": single(sum(bool(each.unsupported) for each in judged) / asked, asked),
        "answered": single(sum(each.answered for each in judged) / asked, asked),
    }
