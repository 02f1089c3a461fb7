"""`hean bench answer`: how long a person waits who speaks to the assistant.

A call, a question, and a call again that interrupts the answer: through the device code, in real
time. The questions are ways to ask for vetted entries, spoken by the assistant's own voices.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from asr import RATE_HZ
from llm.answer import Answer, Answerer
from llm.knowledge import Entry
from voice.active_slot import enabled_words
from voice.app import Engines, endpoint_rules, load_engines
from voice.audio import Samples
from voice.audio.pcm import resample
from voice.bench import Figures, Say, distribution
from voice.bench.room import BenchRoom, bench_room
from voice.config import Config
from voice.engines import knowledge_of, load_voice
from voice.errors import UsageError
from voice.events import (
    AnswerBegun,
    AnswerReady,
    FinalTranscript,
    PlaybackStarted,
    SpeechEnded,
    SpeechStarted,
    WakeWordDetected,
)
from voice.recording import hear_audio
from voice.reply import speech, spoken_parts
from voice.tts import Synthesizer
from voice.tts.cache import CachedSynthesizer

SEED = 3
VOICES = ("zm_yunjian", "zf_xiaobei")
"""Voices that ask; where the configured model has others, its default voice does."""
FREELY_ASKED = (
    "我从外面刚跑进来，身上全是灰",
    "有辐射的时候能洗衣服吗",
    "核设施被轰炸了普通人怎么办",
    "怀疑邻居家里有放射源怎么办",
    "当年福岛撤人有效果吗",
    "门窗关了还要做什么",
    "回家以后先做什么",
    "国家哪个部门管核事故",
    "存折房产证要不要带",
    "我在田里干活，听见警报往哪走",
    "外头喇叭一直响，我该干啥呀",
    "志愿者可以进污染区吗",
)
"""Questions that are like no way to ask for an entry, so that the language model has to answer."""
_PAUSE_S = 0.8
"""Between the call and the question, and before an answer is interrupted."""
_SETTLE_S = 0.3
_KEPT_MB = 200.0
_LIKELY = 3
"""Answers that a question is thought to lead to."""


@dataclass(frozen=True)
class _Spoken:
    """Something to say into the microphone."""

    text: str
    samples: Samples


def measure(config: Config, count: int, say: Say) -> Figures:
    """Ask `count` questions; return the distribution of each wait, in seconds.

    The first sentences of whatever the questions may lead to are synthesised ahead, as a running
    assistant does with all it can say while nobody speaks; `first_sound_unwarmed_s` tells what
    that spares. A composed answer begins with such a sentence; `composed_after_first_sound_s`
    tells when the rest of it is known, while that one is spoken. Raises UsageError, DeviceError.
    """
    entries = _choose(config)
    if count > len(entries):
        raise UsageError(f"there are {len(entries)} vetted entries", f"--n {len(entries)}")
    entries = entries[:count]
    call, questions = _speak_questions(config, entries, say)
    with TemporaryDirectory(prefix="hean-bench-speech-") as folder:
        engines = load_engines(replace(config, tts=replace(config.tts, cache_mb=0)))
        voice = CachedSynthesizer(engines.voice, Path(folder), _KEPT_MB)
        waits: dict[str, list[float]] = defaultdict(list)
        for entry in entries:
            say(f"synthesising ahead: {entry.id}")
            waits["first_sound_unwarmed_s"].append(_warm(entry, voice))
        say("looking for questions that the language model answers")
        more = [answer.question for answer in _composed(engines.answerer)]
        composed = _speak_all(more, engines.voice)
        say("synthesising ahead what else may be said")
        for _ in voice.warm(_openings(config, engines, [*questions, *composed])):
            pass
        with bench_room(config, replace(engines, voice=voice)) as room:
            for number, question in enumerate([*questions, *composed], 1):
                say(f"question {number} of {len(questions) + len(composed)}: {question.text}")
                for key, seconds in _ask(room, call, question, voice.rate_hz):
                    waits[key].append(seconds)
    return {key: distribution(values) for key, values in waits.items()}


def _choose(config: Config) -> list[Entry]:
    """Return the vetted entries in an order that is random and always the same."""
    entries = [
        entry
        for entry in knowledge_of(config).speakable
        if entry.language == "zh" and entry.decision == "verbatim" and entry.facts
    ]
    return random.Random(SEED).sample(entries, len(entries))


def _speak_questions(
    config: Config, entries: Sequence[Entry], say: Say
) -> tuple[_Spoken, list[_Spoken]]:
    """Return the wake word, and one way to ask for each entry, in turn by each voice."""
    word = next((word for word in enabled_words(config) if word.pinyin), None)
    if word is None:
        raise UsageError("there is no Mandarin wake word", "hean wake add 你好核安")
    choice = random.Random(SEED)
    texts = [choice.choice(entry.ask) for entry in entries]
    spoken: dict[int, _Spoken] = {}
    known = load_voice(replace(config, tts=replace(config.tts, cache_mb=0))).voices
    voices = [name for name in VOICES if name in known] or [""]
    for turn, name in enumerate(voices):
        say(f"synthesising questions: {name}")
        chosen = replace(config.tts, voice_zh=name, cache_mb=0)
        voice = load_voice(replace(config, tts=chosen))
        mine = range(turn, len(texts), len(voices))
        spoken |= dict(zip(mine, _speak_all([texts[i] for i in mine], voice), strict=True))
        call = _speak_all([word.text], voice)[0]
    return call, [spoken[i] for i in range(len(texts))]


def _speak_all(texts: Sequence[str], voice: Synthesizer) -> list[_Spoken]:
    return [_Spoken(text, np.concatenate(list(voice.synthesize(text, "zh")))) for text in texts]


def _openings(
    config: Config, engines: Engines, questions: Sequence[_Spoken]
) -> Iterator[tuple[str, str]]:
    """Yield how the replies begin, and the answers that questions may lead to: the best three for
    each, as it is written and as it is heard."""
    texts = [reply["zh"] for reply in engines.answerer.replies]
    for question in questions:
        audio = resample(question.samples, engines.voice.rate_hz, RATE_HZ)
        length_s, rules = len(audio) / RATE_HZ, endpoint_rules(config)
        heard = hear_audio(audio, length_s, engines.ears, rules, question.text)
        for text in (question.text, heard.understood):
            hits = engines.answerer.retriever.search(text, "zh", limit=_LIKELY)
            texts += [hit.entry.answer for hit in hits]
    openings = dict.fromkeys(spoken_parts(text)[0] for text in texts)
    return ((text, "zh") for text in openings if "{" not in text)


def _warm(entry: Entry, voice: CachedSynthesizer) -> float:
    """Synthesise the first sentence ahead; return how long its first sound takes without that."""
    begin_s = time.perf_counter()
    next(speech(entry.answer, entry.language, voice))
    seconds = time.perf_counter() - begin_s
    for _ in voice.warm([(spoken_parts(entry.answer)[0], entry.language)]):
        pass
    return seconds


def _composed(answerer: Answerer) -> list[Answer]:
    """Return the answers that the language model was asked for, with the knowledge in use."""
    answers = (answerer.answer(text, "zh") for text in FREELY_ASKED)
    return [answer for answer in answers if _is_composed(answer)]


def _is_composed(answer: Answer) -> bool:
    """Tell whether the language model was asked; its words may have been found wanting."""
    return "compose" in answer.seconds


def _ask(
    room: BenchRoom, call: _Spoken, question: _Spoken, rate_hz: int
) -> Iterator[tuple[str, float]]:
    """Call, ask, listen to the first words of the answer; yield how long each thing took.

    The call interrupts the answer before, if that is still being spoken.
    """
    called_s = time.monotonic()
    room.say(call.samples, rate_hz)
    woken = room.until(WakeWordDetected, called_s)
    if woken is None:
        return  # not heard: `hean bench wake` counts those
    time.sleep(_PAUSE_S)
    yield from _call_waits(room, called_s, woken)
    asked_s = time.monotonic()
    room.say(question.samples, rate_hz)
    started = room.until(PlaybackStarted, asked_s)
    if started is None:
        return
    time.sleep(_PAUSE_S + _SETTLE_S)
    yield from _answer_waits(room, asked_s, started)


def _call_waits(
    room: BenchRoom, called_s: float, woken: WakeWordDetected
) -> Iterator[tuple[str, float]]:
    started = room.until(SpeechStarted, called_s)
    began_s, ended_s = room.heard.first_sound_s(called_s), room.heard.last_sound_s(called_s)
    earcon_s = room.left.first_sound_s(woken.at_s)
    if not (started and began_s and ended_s and earcon_s):
        return
    yield "wake_to_earcon_s", max(0.0, earcon_s - ended_s)
    yield "stage_wake_word_s", max(0.0, woken.at_s - ended_s)
    if room.left.last_sound_s(called_s, before_s=began_s) is None:
        return  # no answer was being spoken
    silent_s = room.left.last_sound_s(called_s, before_s=earcon_s - 1e-6)
    if silent_s:
        yield "barge_in_to_silence_s", max(0.0, silent_s - began_s)
        yield "stage_barge_in_found_s", started.at_s - began_s


def _answer_waits(
    room: BenchRoom, asked_s: float, started: PlaybackStarted
) -> Iterator[tuple[str, float]]:
    ended_s = room.heard.last_sound_s(asked_s)
    sound_s = room.left.first_sound_s(started.at_s)
    answered = room.until(AnswerReady, asked_s)
    ended, heard = room.until(SpeechEnded, asked_s), room.until(FinalTranscript, asked_s)
    if not (ended_s and sound_s and answered and ended and heard):
        return
    known_s, part = answered.at_s, ""
    if _is_composed(answered.answer):
        begun = room.until(AnswerBegun, asked_s)
        known_s, part = begun.at_s if begun else known_s, ".composed"
        yield "first_sound_composed_s", sound_s - ended_s
        yield "composed_after_first_sound_s", max(0.0, answered.at_s - sound_s)
    else:
        vetted = answered.answer.decision == "verbatim"
        yield f"voice_to_voice_{'vetted' if vetted else 'other'}_s", sound_s - ended_s
    yield f"stage_endpoint_s{part}", ended.at_s - ended_s
    yield f"stage_asr_s{part}", heard.at_s - ended.at_s
    yield f"stage_decide_s{part}", known_s - heard.at_s
    yield f"stage_first_sound_s{part}", started.at_s - known_s
    yield f"stage_output_s{part}", sound_s - started.at_s
