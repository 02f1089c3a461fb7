"""`hean run`: listen and answer."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from voice.config import Config
from voice.errors import DeviceError, InputError

if TYPE_CHECKING:
    from voice.audio import Microphone, Speaker
    from voice.audio.portaudio import PortAudioMicrophone

SHIPPED = Path(__file__).parents[1] / "data" / "question.flac"
"""A recorded question, for machines without a microphone."""
ANSWER = Path("hean-answer.wav")

_EPILOG = """\
examples:
  hean run                                   listen with the default microphone
  hean run --set audio.input=USB             with the microphone whose name has USB in it
  hean run --wav question.wav                hear a recording instead, in real time

Without a microphone it hears the recording that is shipped. Without a loudspeaker, or with --wav,
the answer is written to hean-answer.wav (--out names another file). Ctrl-C ends it.
"""


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "run",
        help="listen and answer",
        description="Listen to questions and answer them aloud.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--wav", type=Path, metavar="FILE", help="hear this recording")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write the answers to this WAV file"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, config: Config) -> int:
    """Listen until the audio ends or the person ends it."""
    from asr import RATE_HZ
    from voice.app import converse, load_engines
    from voice.audio.wavfile import WavMicrophone, WavSpeaker
    from voice.events import Bus, Event, FinalTranscript, PlaybackStarted
    from voice.terminal import row
    from voice.view import TerminalView

    signal.signal(signal.SIGTERM, _interrupt)
    recording = _recording(args, config)
    in_file = args.out or (ANSWER if recording else None)
    _check_writable(in_file)
    played = WavMicrophone(recording, RATE_HZ) if recording else None
    engines = load_engines(config)
    microphone: Microphone = played or open_microphone(config)
    rate_hz = engines.voice.rate_hz
    speaker = WavSpeaker(in_file, rate_hz) if in_file else open_speaker(config, rate_hz)
    happened: Counter[type[Event]] = Counter()
    bus = Bus()
    bus.subscribe(TerminalView())
    bus.subscribe(lambda event: happened.update([type(event)]))
    try:
        converse(config, engines, microphone, speaker, bus)
    finally:
        microphone.close()
        speaker.close()
    if recording and not happened[FinalTranscript]:
        raise InputError(f"{recording}: nothing was heard in it", "speak closer to the microphone")
    if in_file and happened[PlaybackStarted]:
        print(row("spoken", str(in_file)))
    return 0


def _check_writable(file: Path | None) -> None:
    """Raise InputError now rather than when the conversation is over and would be lost."""
    if file and (file.is_dir() or not os.access(file.parent, os.W_OK)):
        raise InputError(f"{file}: cannot be written", "name a file in a folder that exists")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def open_microphone(config: Config) -> PortAudioMicrophone:
    """Open the configured microphone. Raises DeviceError."""
    from asr import RATE_HZ
    from voice.audio.portaudio import PortAudioMicrophone

    microphone = PortAudioMicrophone(config.audio.input, RATE_HZ)
    print(f"listening with {microphone.name}; Ctrl-C ends", file=sys.stderr, flush=True)
    return microphone


def open_speaker(config: Config, rate_hz: int) -> Speaker:
    """Open the configured loudspeaker; without any, the answers go to a file."""
    from voice.audio.portaudio import PortAudioSpeaker
    from voice.audio.wavfile import WavSpeaker

    try:
        return PortAudioSpeaker(config.audio.output, rate_hz, config.audio.volume)
    except DeviceError as error:
        if config.audio.output:
            raise  # one was named: silence would hide the mistake
        print(f"{error.message}: answers go to {ANSWER}", file=sys.stderr, flush=True)
        return WavSpeaker(ANSWER, rate_hz)


def _recording(args: argparse.Namespace, config: Config) -> Path | None:
    """Return the recording to hear instead of a microphone, None if there is a microphone."""
    from voice.audio.portaudio import find_device

    if args.wav:
        return Path(args.wav)
    try:
        find_device(config.audio.input, "input")
    except DeviceError as error:
        if config.audio.input:
            raise
        print(f"{error.message}: hearing the recording that is shipped", flush=True)
        return SHIPPED
    return None
