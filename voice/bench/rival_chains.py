"""What one would build by hand from the same models: the chains of `hean bench rival`."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from asr import RATE_HZ, Samples
from llm import LanguageModel, LlmConfig, Message, Sampling
from llm.language import detect_language
from voice.audio.tap import SOUND
from voice.config import Config
from voice.engines import ModelFiles, load_voice
from voice.errors import StageError
from voice.process.memory import resident_mb
from voice.tts import SynthesisError, Synthesizer
from voice.tts.sentences import split_sentences

CHUNK_S = 0.1
PAUSE_S = 0.5
"""Silence that ends speech: the default of sherpa-onnx."""
LONGEST_S = 20.0
"""Longest speech segment: another default."""
TAIL_S = 3.0
"""Silence after a question, in which the answer has to begin for a chain to have heard its end."""
MAX_TOKENS = 120
_SERVER_WAIT_S = 120.0
_TOLD = {
    "zh": "你是核与辐射应急助手，用一到两句话回答。",
    "en": "You are an assistant for nuclear and radiological emergencies. "
    "Answer in one or two sentences.",
}


@dataclass
class Chain:
    """Stages that run one after the other, on a clock that is the audio and the time they take."""

    vad_path: Path
    transcribe: Callable[[Samples], str]
    reply: Callable[[str], Iterator[str]]
    """Yields the answer in pieces."""
    voice: Synthesizer
    by_sentence: bool
    """Speak the first sentence as soon as it is there; else the whole answer."""
    rss_mb: Callable[[], float] = resident_mb

    def ask(self, audio: Samples) -> dict[str, Any]:
        """Return what was heard, the answer, and the wait for its first sample."""
        segments, now_s = self._listen(audio)
        begin_s = time.perf_counter()
        heard = " ".join(filter(None, map(self.transcribe, segments))).strip()
        if not heard:
            return {"heard": "", "answer": "", "voice_to_voice_s": None}
        answer, first_s = self._answer(heard)
        wait_s = None
        if first_s is not None:
            wait_s = now_s + (first_s - begin_s) - last_sound(audio) / RATE_HZ
        return {"heard": heard, "answer": answer, "voice_to_voice_s": wait_s}

    def _listen(self, audio: Samples) -> tuple[list[Samples], float]:
        """Return what the VAD cut out, and the time of the clip when the last of it was there."""
        vad = _vad(self.vad_path)
        padded = np.concatenate([audio, np.zeros(int(TAIL_S * RATE_HZ), np.float32)])
        size = int(CHUNK_S * RATE_HZ)
        segments: list[Samples] = []
        now_s = done_s = 0.0
        for end in range(size, len(padded) + 1, size):
            now_s = max(now_s, end / RATE_HZ)
            begin_s = time.perf_counter()
            vad.accept_waveform(padded[end - size : end])
            while not vad.empty():
                segments.append(np.array(vad.front.samples, np.float32))
                vad.pop()
                done_s = now_s + time.perf_counter() - begin_s
            now_s += time.perf_counter() - begin_s
        return segments, done_s

    def _answer(self, heard: str) -> tuple[str, float | None]:
        """Return the answer, and when its first sample was there; None if it cannot be spoken."""
        text, first_s = "", None
        for piece in self.reply(heard):
            text += piece
            sentences = split_sentences(text)
            if self.by_sentence and first_s is None and len(sentences) > 1:
                first_s = self._spoken(sentences[0], whole=False)
        if first_s is None:
            first_s = self._spoken(text, whole=not self.by_sentence)
        return text.strip(), first_s

    def _spoken(self, text: str, whole: bool) -> float | None:
        try:
            pieces = self.voice.synthesize(text, detect_language(text))
            for _ in pieces:
                if not whole:
                    break
        except SynthesisError:
            return None
        return time.perf_counter()


def _vad(path: Path) -> Any:
    import sherpa_onnx

    settings = sherpa_onnx.VadModelConfig()
    settings.silero_vad.model = str(path)
    settings.silero_vad.min_silence_duration = PAUSE_S
    settings.silero_vad.max_speech_duration = LONGEST_S
    settings.sample_rate = RATE_HZ
    return sherpa_onnx.VoiceActivityDetector(settings, buffer_size_in_seconds=60)


@contextmanager
def plain_chain(config: Config, _whisper: Path) -> Iterator[Chain]:
    """Load the chain around sherpa-onnx and llama-cpp-python, both in this process."""
    import llama_cpp
    import sherpa_onnx

    found = ModelFiles(config)
    _, files = found.find("asr", config.asr.model)
    _, llm_files = found.find("llm", config.llm.model)
    recognizer = sherpa_onnx.OfflineRecognizer.from_whisper(
        **{role: str(files[role]) for role in ("encoder", "decoder", "tokens")},
        language="",  # found out: the default is English, which nobody would leave for Mandarin
        num_threads=config.asr.threads,
    )
    model = llama_cpp.Llama(
        str(llm_files["model"]), n_ctx=2048, n_threads=config.llm.threads, verbose=False
    )

    def transcribe(audio: Samples) -> str:
        stream = recognizer.create_stream()
        stream.accept_waveform(RATE_HZ, audio)
        recognizer.decode_stream(stream)
        return str(stream.result.text)

    def reply(text: str) -> Iterator[str]:
        messages = [{"role": m.role, "content": m.content} for m in _asked(text)]
        done = model.create_chat_completion(messages, temperature=0.0, max_tokens=MAX_TOKENS)
        yield str(done["choices"][0]["message"]["content"])

    voice = load_voice(replace(config, tts=replace(config.tts, cache_mb=0)))
    yield Chain(found.find("vad")[1]["model"], transcribe, reply, voice, by_sentence=False)
    model.close()


@contextmanager
def server_chain(config: Config, whisper: Path) -> Iterator[Chain]:
    """Load the chain around faster-whisper and a server; `whisper` is a folder with its model."""
    import faster_whisper

    found = ModelFiles(config)
    _, llm_files = found.find("llm", config.llm.model)
    recognizer = faster_whisper.WhisperModel(
        str(whisper), device="cpu", compute_type="int8", cpu_threads=config.asr.threads
    )
    voice = load_voice(replace(config, tts=replace(config.tts, cache_mb=0)))
    with _server(llm_files["model"], config.llm.threads) as (model, pid):

        def transcribe(audio: Samples) -> str:
            segments, _ = recognizer.transcribe(audio)
            return "".join(segment.text for segment in segments)

        def reply(text: str) -> Iterator[str]:
            return model.generate(_asked(text), Sampling(max_tokens=MAX_TOKENS))

        yield Chain(
            found.find("vad")[1]["model"],
            transcribe,
            reply,
            voice,
            by_sentence=True,
            rss_mb=lambda: resident_mb() + resident_mb(pid),
        )


@contextmanager
def _server(path: Path, threads: int) -> Iterator[tuple[LanguageModel, int]]:
    """Start llama-cpp-python's server on loopback; yield its client and its process id."""
    from llm.engines import create_model

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "llama_cpp.server", "--model", str(path), "--port", str(port)]
    command += ["--host", "127.0.0.1", "--n_ctx", "2048", "--n_threads", str(threads)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as child:
        try:
            _wait_for(port, child)
            url = f"http://127.0.0.1:{port}/v1"
            yield create_model("openai", {}, LlmConfig(server_url=url)), child.pid
        finally:
            child.terminate()


def _wait_for(port: int, child: subprocess.Popen[bytes]) -> None:
    end_s = time.monotonic() + _SERVER_WAIT_S
    while child.poll() is None and time.monotonic() < end_s:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        time.sleep(0.2)
    raise StageError("llama_cpp.server did not start", "pip package llama-cpp-python[server]")


def _asked(text: str) -> list[Message]:
    return [Message("system", _TOLD[detect_language(text)]), Message("user", text)]


def last_sound(audio: Samples) -> int:
    """Return the place of the last sample that is sound."""
    loud = np.flatnonzero(np.abs(audio) > SOUND)
    return int(loud[-1]) if len(loud) else len(audio)
