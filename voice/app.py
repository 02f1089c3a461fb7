"""The assistant at work: the one place where threads, devices and engines are put together."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from asr import Samples
from asr.endpoint import EndpointRules
from kws.asr_pinyin import PinyinMatcher
from kws.words import WakeWord, load_words
from llm.answer import Answerer
from llm.knowledge import KnowledgeBase
from llm.language import detect_language
from voice.active_slot import wake_words_of
from voice.audio.remote import RemoteDevice
from voice.config import Config, DialogConfig
from voice.devices import Devices
from voice.dialog.conversation import Call, Conversation
from voice.dialog.listener import Listener
from voice.dialog.responder import Responder
from voice.dialog.spoken_commands import SpokenCommands
from voice.dialog.touch import Touch
from voice.dialog.transcriber import Transcriber
from voice.dialog.turn import Turns
from voice.dialog.warmer import Warmer, texts_to_warm
from voice.ears import Ears
from voice.engines import (
    knowledge_of,
    load_answerer,
    load_ears,
    load_voice,
    model_id_of,
)
from voice.errors import StageLost
from voice.events import Bus, StageFailed
from voice.lending.shared_answerer import SharedAnswerer
from voice.lending.shared_recognizer import shared
from voice.process.memory import give_back
from voice.process.overseer import Overseer, Piece
from voice.process.threads import crashes_end
from voice.state import State
from voice.tts import Synthesizer
from voice.tts.cache import CachedSynthesizer
from voice.wake import load_wake_engine

KNOWN = 0.95
"""Likelihood of the best entry from which a question counts as complete: the pause after it need
not be waited out."""
_END_S = 10.0
"""Longest wait for what is being decoded or synthesised when the run is interrupted."""


@dataclass(frozen=True)
class Engines:
    """Everything that takes time to load."""

    knowledge: KnowledgeBase
    ears: Ears
    answerer: Answerer
    voice: Synthesizer
    model_id: str = ""
    """Of the language model, see `voice.engines.model_id_of`."""
    ahead: bool = True
    """Synthesise ahead what can be said, while nobody needs the processor."""


def load_engines(config: Config) -> Engines:
    """Load everything, one part beside the other."""
    knowledge = knowledge_of(config)
    with ThreadPoolExecutor(3) as pool:
        ears = pool.submit(load_ears, config, knowledge)
        answerer = pool.submit(load_answerer, config, knowledge)
        voice = pool.submit(load_voice, config)
        loaded = ears.result(), answerer.result(), voice.result()
        engines = Engines(knowledge, *loaded, model_id_of(config))
    give_back()
    return engines


def endpoint_rules(config: Config) -> EndpointRules:
    """Return when an utterance begins and ends, as configured."""
    return EndpointRules(
        silence_s=config.vad.silence_s,
        pre_roll_s=config.vad.pre_roll_s,
        max_utterance_s=config.asr.max_utterance_s,
    )


class Assistant:
    """Threads and engines, put together: listens and answers while `listen` runs."""

    def __init__(self, config: Config, engines: Engines, devices: Devices, bus: Bus) -> None:
        self._devices = devices
        self.also_hears: Callable[[Samples], None] = lambda samples: None
        """Hears what the microphone delivers; must be quick."""
        self._turns = Turns()
        recognizer, self.recognizer_aside = shared(engines.ears.recognizer)
        ears = replace(engines.ears, recognizer=recognizer)
        self.answerer = SharedAnswerer(engines.answerer)
        self._bus = bus
        self._responder = Responder(
            self.answerer, engines.voice, devices.speaker, bus, devices.clock
        )
        self._responder.earcons = config.dialog.earcons
        self._responder.compose_s = config.llm.timeout_s
        dialog = _possible(config.dialog, devices)
        words = load_words(wake_words_of(config))
        self.conversation = Conversation(
            dialog, self._turns, bus, caller(words, config.wake.likeness), SpokenCommands().name_of
        )
        self.conversation.stage = self._responder
        self.touch = Touch(self.conversation, self._turns, devices.speaker, bus)
        self.conversation.hears_itself = devices.live and devices.canceller is None
        if canceller := devices.canceller:
            self.conversation.echo_known = lambda: canceller.adapted
        self._responder.follow = self.conversation.follow
        wake = load_wake_engine(config, words, recognizer)
        self._transcriber = Transcriber(ears, bus, self.conversation, knower(self.answerer), wake)
        self._transcriber.own_voice = devices.own_voice
        self._listener = Listener(
            ears,
            endpoint_rules(config),
            self._transcriber,
            self._turns,
            bus,
            wake.detector,
        )
        self._warmer = self._make_warmer(engines)
        self._overseer = Overseer((self._transcriber.labour, self._responder.labour), self._hangs)
        self._hung = ""
        """The stage that hangs."""
        self._leave_s = float("inf")
        """When the end of what is being done is waited for no longer."""

    def _make_warmer(self, engines: Engines) -> Warmer | None:
        if not (engines.ahead and self._devices.live):
            return None
        if not isinstance(engines.voice, CachedSynthesizer):
            return None
        texts = texts_to_warm(engines.knowledge, engines.answerer.replies)
        return Warmer(engines.voice, texts, lambda: not self.idle)

    @property
    def idle(self) -> bool:
        """Tell whether nobody speaks, waits for an answer or hears one."""
        quiet = self.conversation.state is State.IDLE and not self._listener.speech
        return quiet and not (self.answering or self.transcribing)

    @property
    def engaged(self) -> bool:
        """Tell whether a person is listened to, waits for an answer or hears one."""
        waits = self.conversation.state in (State.LISTENING, State.THINKING, State.SPEAKING)
        return waits or self.answering

    @property
    def remote(self) -> RemoteDevice | None:
        """Return where pages bring their microphone to, None if this machine's own is used."""
        return self._devices.remote

    @property
    def live(self) -> bool:
        """Tell whether a person speaks, and not a recording."""
        return self._devices.live

    @property
    def transcribing(self) -> bool:
        """Tell whether audio waits for the recogniser or is being decoded."""
        return self._transcriber.busy

    @property
    def answering(self) -> bool:
        """Tell whether a question waits, or its answer is not yet over."""
        return self._responder.busy

    def end(self) -> None:
        """Hear no more; `listen` then finishes what was begun, and returns. From any thread."""
        self._devices.stop_listening()

    def interrupt(self) -> None:
        """Hear no more and be silent; `listen` then gives up what was begun. From any thread."""
        self._give_up()
        self._devices.stop_listening()

    def listen(self) -> None:
        """Listen and answer until the microphone ends, then finish what was begun.

        Raises StageLost if a part of the assistant crashed or hangs.
        """
        with crashes_end(self._devices.stop_listening):
            self._listen()
        if self._hung:
            raise StageLost(f"{self._hung} hangs", "start again: a service does so by itself")

    def _listen(self) -> None:
        try:
            # In here: an interruption between two starts must end the first.
            self._overseer.start()
            self._responder.start()
            self._transcriber.start()
            if self._warmer:
                self._warmer.start()
            for microphone in self._devices.microphones():
                self._listener.listen(microphone, self._hear)
        except BaseException:
            self._give_up()
            raise
        finally:
            if self._warmer:
                self._warmer.finish()
            self._transcriber.finish(self._given_up)
            self._responder.finish(self._given_up)
            self._overseer.finish()

    def _give_up(self) -> None:
        self._leave_s = time.monotonic() + _END_S
        self._turns.close()
        self._devices.speaker.flush(before=sys.maxsize)  # what is queued would still be played

    def _hangs(self, piece: Piece) -> None:
        """Tell that a stage hangs, and end. Called by the overseer's thread."""
        self._hung = piece.stage
        self._turns.close()
        self._bus.publish(StageFailed(piece.turn, StageLost.code, f"{piece.stage} hangs"))
        self._responder.tell_failure()
        self._devices.stop_listening()

    def _given_up(self) -> bool:
        return bool(self._hung) or time.monotonic() > self._leave_s

    def _hear(self, samples: Samples) -> Samples:
        """Return what the microphone heard without the assistant's own voice."""
        self.also_hears(samples)
        if self._devices.canceller:
            return self._devices.canceller.clean(samples)
        return samples


def knower(answerer: SharedAnswerer) -> Callable[[str], bool]:
    """Return a function that tells whether a transcript already is a question with an answer."""

    def known(text: str) -> bool:
        hits = answerer.retriever.search(text, detect_language(text), limit=1)
        return bool(hits) and hits[0].score >= KNOWN

    return known


def caller(words: list[WakeWord], likeness: float) -> Callable[[str, str], Call | None]:
    """Return a function that finds a wake word at the beginning of a text, or anywhere the one
    that is known to have been said."""
    matcher = PinyinMatcher(words, likeness)

    def called(text: str, word: str) -> Call | None:
        if word:
            return Call(word, matcher.rest(word, text))
        match = matcher.match(text)
        return Call(match.word, match.rest) if match else None

    return called


def _possible(dialog: DialogConfig, devices: Devices) -> DialogConfig:
    """Without echo cancellation no speech can interrupt: it would be the assistant's own."""
    return dialog if devices.canceller else replace(dialog, barge_in="wake_word")
