"""`hean say`: read a text aloud, or into a file."""

from __future__ import annotations

import argparse
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice.config import Config
from voice.errors import ConfigError, InputError
from voice.process.ending import Ending
from voice.tts import TtsConfig

if TYPE_CHECKING:
    from voice.audio import Speaker
    from voice.tts import Synthesizer

MAX_CHARACTERS = 5000
"""About twenty minutes of speech."""
_TURN = 1
_EPILOG = """\
examples:
  hean say 马上进屋，关好门窗。
  hean say "Go indoors now." --out answer.wav
  hean say 剂量率是100mSv/h --speed 0.9
  hean say --voices                      the voices of the configured model
"""


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "say",
        help="read a text aloud",
        description="Read a text aloud with the assistant's voice.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("text", nargs="*", metavar="TEXT")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write a WAV, not to the speaker")
    parser.add_argument("--language", choices=("zh", "en"), help="default: that of the text")
    parser.add_argument("--voice", help="voice of the model")
    parser.add_argument("--speed", type=float, help="1.0 = natural")
    parser.add_argument("--voices", action="store_true", help="list the voices of the model")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, config: Config) -> int:
    """Speak or list voices; return 0."""
    from llm.language import detect_language

    text = " ".join(args.text).strip()
    if not args.voices:
        _check(text)
    language = args.language or detect_language(text)
    voice = _load(config, _settings(config.tts, args, language))
    if args.voices:
        print("\n".join(voice.voices))
        return 0
    with closing(Ending()) as ending:
        _speak(voice, text, language, _speaker(args.out, config, voice.rate_hz), ending)
    if args.out:
        print(args.out)
    return 0


def _check(text: str) -> None:
    if not text:
        raise InputError("there is no text to say", 'for example: hean say "马上进屋"')
    if len(text) > MAX_CHARACTERS:
        raise InputError(
            f"the text has {len(text)} characters, at most {MAX_CHARACTERS} are read at a time",
            "read it in parts",
        )


def _settings(settings: TtsConfig, args: argparse.Namespace, language: str) -> TtsConfig:
    changes: dict[str, Any] = {}
    if args.voice:
        changes[f"voice_{language}"] = args.voice
    if args.speed is not None:
        changes["speed"] = args.speed
    try:
        return replace(settings, **changes)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _load(config: Config, settings: TtsConfig) -> Synthesizer:
    from voice.engines import load_voice

    return load_voice(replace(config, tts=settings))


def _speaker(out: Path | None, config: Config, rate_hz: int) -> Speaker:
    if out:
        from voice.audio.wavfile import WavSpeaker

        return WavSpeaker(out, rate_hz)
    from voice.audio.portaudio import PortAudioSpeaker

    return PortAudioSpeaker(config.audio.output, rate_hz, config.audio.volume)


def _speak(voice: Synthesizer, text: str, language: str, speaker: Speaker, ending: Ending) -> None:
    seconds = 0.0
    with closing(speaker), ending.by(lambda: speaker.flush(before=_TURN + 1)):
        for samples in voice.synthesize(text, language, lambda: ending.asked):
            seconds += samples.size / voice.rate_hz
            speaker.play(samples, voice.rate_hz, _TURN)
        speaker.drain(_TURN, timeout_s=seconds + 5)
