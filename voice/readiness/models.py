"""The models: installed, flashed, and whether they answer as they should."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from llm.answer import Answer
from llm.flash.journal import BY_HAND, IDLE
from llm.flash.manifest import GoldenQuestion
from llm.flash.store import fault
from models.catalog import Catalog
from models.store import Store
from voice.active_slot import slots_of
from voice.config import Config
from voice.engines import NO_MODEL
from voice.errors import FlashFault, HealthFault, ModelError
from voice.flash.health import QUESTIONS, is_same
from voice.readiness.finding import FAILURE, OK, WARNING, Finding, Words
from voice.wake import model_in_use

_MOST_GOLDEN = 8


def model_profiles(config: Config, store: Store) -> Iterator[Finding]:
    """Look at the models in use, then at those of the other profiles."""
    chosen = config.models.profile
    used = used_models(config, store.catalog)
    problems = {name: problem for name in used.values() if (problem := store.problem(name))}
    subject = Words(f"models ({chosen}, in use)", f"模型（{chosen}，在用）")
    if problems:
        text = Words("; ".join(problems.values()), f"缺少、损坏或过时：{'、'.join(problems)}")
        fetch = f"hean models fetch --profile {chosen}"
        fix = Words(fetch, f"运行 {fetch}")
        yield Finding(subject, FAILURE, text, fix, ModelError.exit_code)
    else:
        yield Finding(subject, OK, Words(", ".join(used.values()), "、".join(used.values())))
    for name, profile in store.catalog.profiles.items():
        if name != chosen:
            subject = Words(f"models ({name})", f"模型（{name}）")
            have = sum(not store.problem(model) for model in profile.values())
            text = Words(
                f"{have} of {len(profile)} here, not in use",
                f"{len(profile)} 个中已有 {have} 个，未用",
            )
            yield Finding(subject, OK, text)


def used_models(config: Config, catalog: Catalog) -> dict[str, str]:
    """Return the model of each stage: that of the profile, unless the configuration names one.

    Without a wake word model the words are found by the one that recognises speech.
    """
    chosen = {"asr": config.asr.model, "llm": config.llm.model, "tts": config.tts.model}
    used = {**catalog.profile(config.models.profile), "kws": model_in_use(config)}
    used |= {stage: model for stage, model in chosen.items() if model}
    if config.asr.streaming_model:
        used["streaming asr"] = config.asr.streaming_model
    if config.llm.encoder:
        used["encoder"] = config.llm.encoder
    if config.llm.server_url or used["llm"] == NO_MODEL:
        used["llm"] = ""
    return {stage: model for stage, model in used.items() if model}


def slots(config: Config) -> Finding:
    """Look at the flashed model that is in use, and at how the last flash ended.

    Sizes are compared; `hean slots verify` reads everything.
    """
    subject, kept = Words("flashed model", "更新的模型"), slots_of(config)
    status = kept.status()
    current, last = status.current, status.journal.last
    if current is None:
        text = Words("none: the models of the profile are used", "没有：使用出厂模型")
    else:
        text = _named(current.manifest.name, current.manifest.version)
    if problem := current and fault(kept.disk, current, quick=True):
        fix = Words(
            "start hean, which goes back to the one before; then flash it again",
            "启动 hean，它会退回上一个；然后重新更新",
        )
        text = text.plus(f": {problem}", f"：已损坏（{problem}）")
        return Finding(subject, FAILURE, text, fix, FlashFault.exit_code)
    if status.journal.state != IDLE:
        fix = Words("start hean: it proves itself there", "启动 hean，在运行中完成检验")
        return Finding(subject, WARNING, text.plus(", on trial", "，正在试用"), fix)
    if last.slot and not last.good and last.reason != BY_HAND:
        tried = _named(last.name, last.version)
        text = text.plus(
            f"; {tried.en} was not kept: {last.reason}", f"；{tried.zh} 没有启用：{last.reason}"
        )
        fix = Words("make or train it again, then flash it", "重新制作或训练，再更新")
        return Finding(subject, WARNING, text, fix)
    return Finding(subject, OK, text)


def _named(name: str, version: int) -> Words:
    return Words(f"{name} version {version}", f"{name} 第 {version} 版")


def golden_question(
    config: Config, answer: Callable[[str, str | None], Answer | None]
) -> Iterator[Finding]:
    """Ask through the whole answer path what the slot in use was signed with, else what always has
    a vetted answer. `answer` returns None while a person is answered."""
    current = slots_of(config).current()
    signed = current.manifest.health.questions if current else ()
    text, language = QUESTIONS[0]
    for golden in signed[:_MOST_GOLDEN] or (GoldenQuestion(text, language, "verbatim"),):
        began_s = time.monotonic()
        got = answer(golden.text, golden.language)
        yield _judged(golden, got, time.monotonic() - began_s)


def _judged(golden: GoldenQuestion, got: Answer | None, took_s: float) -> Finding:
    subject = Words(f"golden question {golden.text}", f"标准问题：{golden.text}")
    if got is None:
        text = Words("a person was answered instead", "正在回答别人的提问，没有试")
        return Finding(subject, WARNING, text, Words("try again", "请再试一次"))
    if not is_same(got.decision, golden.decision):
        text = Words(
            f"{got.decision} instead of {golden.decision}, {took_s:.2f} s",
            f"处理方式是 {got.decision}，应为 {golden.decision}，{took_s:.2f} 秒",
        )
        fix = Words(
            "hean slots rollback, or flash it again",
            "用 hean slots rollback 退回，或重新更新",
        )
        return Finding(subject, FAILURE, text, fix, HealthFault.exit_code)
    text = Words(
        f"{got.decision}, {took_s:.2f} s: {got.text}",
        f"{got.decision}，{took_s:.2f} 秒：{got.text}",
    )
    return Finding(subject, OK, text)
