"""Is a new model well? Asked in a child process, because a native library can end the process.

`measure` writes down how a model behaves where its bundle is made, `examine` compares on the
device: token ids, the beginning of greedy answers, golden questions through the whole answer path
with the knowledge of the slot, speed, and memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from llm import GenerationError, LanguageModel, Message, Sampling
from llm.flash.manifest import Canary, GoldenQuestion, Health, Manifest, TokenProbe, parse_health
from llm.flash.store import Slot
from llm.flash.traits import traits_of
from voice.active_slot import GGUF, with_slot
from voice.config import Config
from voice.errors import HealthFault

TIMEOUT_S = 180.0
"""Long enough for a slow disk to read a model of some gigabytes."""
TEXTS = ("碘片什么时候吃？", "Stay inside, close the windows.", "100 mSv，3公里")
CANARIES = ("核事故发生了，我该做什么？", "What is iodine?")
QUESTIONS = (
    ("碘片什么时候吃", "zh"),
    ("自来水还能喝吗", "zh"),
    ("Can I drink tap water?", "en"),
    ("怎么做一个脏弹", "zh"),
)
_SAMPLING = Sampling(max_tokens=24, repeat_penalty=1.0)
_SAME = {"grounded": "verbatim"}
"""Whether a text is composed or its passage is read depends on rounding; both say the same."""
_SPARE_MEMORY_MB = 250.0
_MEMORY_FACTOR = 1.3


@dataclass(frozen=True)
class Examination:
    """What came of it."""

    problems: tuple[str, ...]
    """One line each; empty = the model is well."""
    tokens_per_s: float = 0.0
    memory_mb: float = 0.0

    @property
    def well(self) -> bool:
        """Tell whether the model may be used."""
        return not self.problems


def examine(config: Config, slot: Slot) -> Examination:
    """Examine a slot of the store in a child process. Never raises for a bad model."""
    answer = _in_child(with_slot(config, slot), "examine", slot.manifest.health)
    if isinstance(answer, str):
        return Examination((answer,))
    manifest = slot.manifest
    problems = [*answer["problems"], *_wrong_traits(config.flash_folder / slot.folder, manifest)]
    return Examination(tuple(problems), answer["tokens_per_s"], answer["memory_mb"])


def measure(config: Config, limits: Health) -> Health:
    """Return how the model and knowledge of a configuration behave, with the given limits.

    Raises HealthFault if they do not work here.
    """
    answer = _in_child(config, "measure", limits)
    if isinstance(answer, str):
        raise HealthFault(f"the model does not work here: {answer}", "hean check")
    return parse_health(answer)


def _wrong_traits(folder: Path, manifest: Manifest) -> Iterator[str]:
    for file in manifest.of_role("model"):
        traits = asdict(traits_of(folder / file.path))
        for name, value in traits.items():
            if getattr(manifest, name) not in ("", value):
                yield f"{name} is not the one that was signed"


def _in_child(config: Config, task: str, health: Health) -> Any:
    """Return the JSON that the child printed, or a line on how it ended."""
    from voice.config_file import print_config

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.write_text(print_config(config), "utf-8")
        command = [sys.executable, "-m", __name__, task, str(path)]
        try:
            done = subprocess.run(
                command,
                input=json.dumps(asdict(health)),
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"its check did not end: {error}"
    if done.returncode < 0:
        return f"its check was ended by signal {-done.returncode}"
    if done.returncode:
        return done.stderr.strip().rpartition("\n")[2] or f"its check ended with {done.returncode}"
    return json.loads(done.stdout)


def _examine(config: Config, health: Health) -> dict[str, Any]:
    observed = _observe(config, health)
    problems = [
        *_different_tokens(health, observed),
        *_different_canaries(health, observed),
        *_different_answers(health, observed),
    ]
    if observed.tokens_per_s < health.min_tokens_per_s:
        problems.append(
            f"it makes {observed.tokens_per_s:.1f} tokens a second; "
            f"at least {health.min_tokens_per_s:g} are wanted"
        )
    if 0 < health.max_memory_mb < observed.memory_mb:
        problems.append(
            f"it takes {observed.memory_mb:,.0f} MB; at most {health.max_memory_mb:,.0f} are wanted"
        )
    return {
        "problems": problems,
        "tokens_per_s": round(observed.tokens_per_s, 2),
        "memory_mb": round(observed.memory_mb, 1),
    }


def _different_tokens(health: Health, observed: _Observed) -> Iterator[str]:
    for probe, seen in zip(health.tokens, observed.health.tokens, strict=True):
        if probe.ids != seen.ids:
            yield f"its tokenizer cuts {probe.text!r} in another way than was signed"


def _different_canaries(health: Health, observed: _Observed) -> Iterator[str]:
    for canary, seen in zip(health.canary, observed.health.canary, strict=True):
        same = canary.agreeing_chars
        if seen.text[:same] != canary.text[:same]:
            yield f"asked {canary.question!r} it says {seen.text[:40]!r}, not what was signed"


def _different_answers(health: Health, observed: _Observed) -> Iterator[str]:
    for golden, seen in zip(health.questions, observed.health.questions, strict=True):
        if seen.facts != golden.facts or not is_same(seen.decision, golden.decision):
            yield f"golden question {golden.text!r}: {seen.decision} instead of {golden.decision}"


def is_same(decision: str, other: str) -> bool:
    """Tell whether two decisions give a person the same answer."""
    return _SAME.get(decision, decision) == _SAME.get(other, other)


def _measure(config: Config, limits: Health) -> dict[str, Any]:
    blank = Health(
        tuple(TokenProbe(text, ()) for text in TEXTS),
        tuple(Canary(text, "", 0) for text in CANARIES),
        tuple(GoldenQuestion(text, language, "") for text, language in QUESTIONS),
    )
    asked = replace(blank, questions=limits.questions or blank.questions)
    observed = _observe(config, asked)
    memory_mb = limits.max_memory_mb or observed.memory_mb * _MEMORY_FACTOR + _SPARE_MEMORY_MB
    limits = replace(limits, max_memory_mb=round(memory_mb))
    seen = observed.health
    return asdict(replace(limits, tokens=seen.tokens, canary=seen.canary, questions=seen.questions))


@dataclass(frozen=True)
class _Observed:
    """How a model behaves here."""

    health: Health
    tokens_per_s: float
    memory_mb: float


def _observe(config: Config, asked: Health) -> _Observed:
    """Ask everything that `asked` asks."""
    from voice.engines import knowledge_of, load_answerer
    from voice.process.memory import resident_mb

    answerer = load_answerer(config, knowledge_of(config))
    model = answerer.model
    speeds: list[float] = []
    tokens: tuple[TokenProbe, ...] = ()
    canaries: list[Canary] = []
    if model is not None and config.llm.model.endswith(GGUF):
        tokens = _tokens(Path(config.llm.model), [probe.text for probe in asked.tokens])
        for canary in asked.canary:
            text, speed = _greedy(model, canary.question)
            speeds.append(speed)
            canaries.append(Canary(canary.question, text, len(text) // 2))
    questions = []
    for golden in asked.questions:
        answer = answerer.answer(golden.text, golden.language)
        questions.append(replace(golden, decision=answer.decision, facts=answer.facts))
    memory_mb = resident_mb(field="VmHWM")
    answerer.close()
    seen = Health(tokens, tuple(canaries), tuple(questions))
    return _Observed(seen, min(speeds, default=0.0), memory_mb)


def _tokens(model: Path, texts: list[str]) -> tuple[TokenProbe, ...]:
    from llm.llama_native import NativeModel, NativeSettings

    native = NativeModel(model, NativeSettings(threads=1, context_tokens=512))
    try:
        return tuple(TokenProbe(text, tuple(native.tokenize(text))) for text in texts)
    finally:
        native.close()


def _greedy(model: LanguageModel, question: str) -> tuple[str, float]:
    """Return the beginning of an answer and the speed in tokens per second."""
    text = "".join(model.generate([Message("user", question)], _SAMPLING))
    stats = model.stats
    return text, stats.generated_tokens / max(stats.total_s - stats.first_token_s, 1e-3)


def _main(task: str, path: Path) -> None:
    from voice.config_file import load_config

    config = load_config(path)
    health = parse_health(json.load(sys.stdin))
    work = {"examine": _examine, "measure": _measure}[task]
    json.dump(work(config, health), sys.stdout)


if __name__ == "__main__":
    from voice.errors import HeanError, translated

    try:
        with translated():
            _main(sys.argv[1], Path(sys.argv[2]))
    except (HeanError, GenerationError) as error:
        sys.exit(str(error))
