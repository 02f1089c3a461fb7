"""The assistant at work: the one place where threads, devices and engines are put together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from asr.endpoint import EndpointRules
from llm.answer import Answerer
from voice.audio import Microphone, Speaker
from voice.config import Config
from voice.engines import Ears, knowledge_of, load_answerer, load_ears, load_voice
from voice.events import Bus
from voice.listener import Listener, Transcriber
from voice.responder import Question, Responder
from voice.tts import Synthesizer
from voice.turn import Turn, Turns


@dataclass(frozen=True)
class Engines:
    """Everything that takes time to load."""

    ears: Ears
    answerer: Answerer
    voice: Synthesizer


def load_engines(config: Config) -> Engines:
    """Load everything, one part beside the other."""
    knowledge = knowledge_of(config)
    with ThreadPoolExecutor(3) as pool:
        ears = pool.submit(load_ears, config, knowledge)
        answerer = pool.submit(load_answerer, config, knowledge)
        voice = pool.submit(load_voice, config)
        return Engines(ears.result(), answerer.result(), voice.result())


def endpoint_rules(config: Config) -> EndpointRules:
    """Return when an utterance begins and ends, as configured."""
    return EndpointRules(
        silence_s=config.vad.silence_s,
        pre_roll_s=config.vad.pre_roll_s,
        max_utterance_s=config.asr.max_utterance_s,
    )


def converse(
    config: Config, engines: Engines, microphone: Microphone, speaker: Speaker, bus: Bus
) -> None:
    """Listen and answer until the microphone ends, then finish what was begun."""
    turns = Turns()
    responder = Responder(engines.answerer, engines.voice, speaker, bus)

    def heard(turn: Turn, text: str, language: str) -> None:
        turns.take_over(turn)
        speaker.flush(before=turn.number)
        responder.ask(Question(turn, text, language))

    transcriber = Transcriber(engines.ears, bus, heard)
    listener = Listener(engines.ears, endpoint_rules(config), transcriber, turns, bus)
    responder.start()
    transcriber.start()
    try:
        listener.listen(microphone, deaf=lambda: responder.speaking)
    except BaseException:
        turns.cancel()
        raise
    finally:
        transcriber.finish()
        responder.finish()
