"""`hean run`: listen and answer."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice.config import Config
from voice.errors import DeviceError, HeanError, InputError
from voice.process.chatter import without_chatter
from voice.process.ending import Ending
from voice.renewal import found_again, may_renew, renew

if TYPE_CHECKING:
    from llm.answer import Answerer
    from llm.knowledge import KnowledgeBase
    from voice.app import Assistant, Engines
    from voice.audio.wavfile import WavMicrophone
    from voice.devices import Devices
    from voice.events import Bus
    from voice.recorder import AuditObserver

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


@without_chatter()
def run(args: argparse.Namespace, config: Config) -> int:
    """Listen until the audio ends or the person ends it."""
    with closing(Ending()) as ending:
        return _run(args, config, ending)


def _run(args: argparse.Namespace, config: Config, ending: Ending) -> int:
    from voice.app import Assistant, load_engines
    from voice.events import Bus, Event, FinalTranscript, PlaybackStarted
    from voice.flash.trial import load_on_trial
    from voice.recorder import AuditObserver, versions_of
    from voice.terminal import row
    from voice.view import TerminalView

    recording = _recording(args, config)
    file = args.out or (ANSWER if recording else None)
    _check_writable(file)
    _check_access(config)
    happened: Counter[type[Event]] = Counter()
    bus = Bus()
    bus.subscribe(TerminalView(words=config.audit.keeps_words))
    bus.subscribe(lambda event: happened.update([type(event)]))
    played = _recorded(recording)
    engines = load_on_trial(config, load_engines)
    made_of = versions_of(engines.knowledge, engines.answerer.model, engines.model_id)
    audit = AuditObserver(config, made_of)
    bus.subscribe(audit)
    devices = _devices(config, played, file, engines.voice.rate_hz, bus)
    with _mended(devices, ending), closing(devices):
        assistant = Assistant(_dialog(config, recording), engines, devices, bus)
        assistant.answerer.tell = audit.aside
        with (
            _watched(config, engines, assistant, bus),
            _flashed(config, assistant, audit),
            ending.by(assistant.interrupt),
        ):
            assistant.listen()
    if recording and not happened[FinalTranscript]:
        raise InputError(f"{recording}: nothing was heard in it", "speak closer to the microphone")
    if file and happened[PlaybackStarted]:
        print(row("spoken", str(file)))
    return 0


@contextmanager
def _mended(devices: Devices, ending: Ending) -> Iterator[None]:
    """Begin anew where only that helps, while a microphone is listened to."""
    try:
        yield
    except HeanError as error:
        ending.close()  # from here on a signal must not be taken by a program that is replaced
        if devices.live and _renews(error) and not ending.asked:
            renew(error.message)
        raise


def _renews(error: BaseException | None) -> bool:
    """Tell whether beginning anew is the answer to an error."""
    return isinstance(error, HeanError) and error.renews and may_renew()


@contextmanager
def _flashed(config: Config, assistant: Assistant, audit: AuditObserver) -> Iterator[None]:
    """Take a model that is flashed meanwhile, while a microphone is listened to."""
    if not assistant.live:
        yield
        return
    from voice.engines import model_id_of
    from voice.flash.live import watching
    from voice.recorder import versions_of

    def taken(knowledge: KnowledgeBase, answerer: Answerer) -> None:
        audit.use(versions_of(knowledge, answerer.model, model_id_of(config)))

    with watching(config, assistant.answerer, lambda: assistant.idle, taken):
        yield


@contextmanager
def _watched(config: Config, engines: Engines, assistant: Assistant, bus: Bus) -> Iterator[None]:
    """Show what goes on, on the screen and to systemd, while a microphone is listened to."""
    if not assistant.live:
        yield
        return
    from voice.caring import cared
    from voice.process.sdnotify import Notifier
    from voice.process.vitals import Vitals
    from voice.serving.interfaces import served

    vitals = Vitals()
    bus.subscribe(vitals)
    notifier = Notifier(vitals)
    with ExitStack() as stack:
        stack.enter_context(served(config, engines, assistant, bus, vitals))
        stack.enter_context(cared(config, bus))
        notifier.start()
        stack.push(lambda kind, error, trace: notifier.finish(stops=not _renews(error)))
        yield


def _dialog(config: Config, recording: Path | None) -> Config:
    """In a recording all that is said is a question, and there is nobody to hear an earcon."""
    if not recording:
        return config
    return replace(config, dialog=replace(config.dialog, wake_word=False, earcons=False))


def _recorded(recording: Path | None) -> WavMicrophone | None:
    """Read the recording now: what is wrong with it is said before everything is loaded."""
    from asr import RATE_HZ
    from voice.audio.wavfile import WavMicrophone

    return WavMicrophone(recording, RATE_HZ) if recording else None


def _devices(
    config: Config, played: WavMicrophone | None, file: Path | None, rate_hz: int, bus: Bus
) -> Devices:
    from voice.audio.wavfile import WavSpeaker
    from voice.browser_devices import BrowserDevices
    from voice.devices import Devices, LiveDevices

    if played:
        return Devices(played, WavSpeaker(file or ANSWER, rate_hz))
    live: LiveDevices | BrowserDevices
    if config.audio.device == "browser":
        live = BrowserDevices(rate_hz, config.audio.volume, bus)
    else:
        live = found_again(lambda: LiveDevices(config, rate_hz, bus))
    call = ""
    if config.dialog.wake_word:
        from voice.active_slot import enabled_words

        words = [word.text for word in enabled_words(config)]
        call = f"; say {' or '.join(words)}, then ask"
    print(f"listening with {live.name}{call}; Ctrl-C ends", file=sys.stderr, flush=True)
    return live


def _check_writable(file: Path | None) -> None:
    """Raise InputError now rather than when the conversation is over and would be lost."""
    if file and (file.is_dir() or not os.access(file.parent, os.W_OK)):
        raise InputError(f"{file}: cannot be written", "name a file in a folder that exists")


def _check_access(config: Config) -> None:
    """Raise ConfigError now if other machines were to be served without token or encryption."""
    if config.kiosk.enabled and config.kiosk.beyond:
        from voice.kiosk.beyond import beyond_of

        beyond_of(config.kiosk, config.kiosk_folder)


def _recording(args: argparse.Namespace, config: Config) -> Path | None:
    """Return the recording to hear instead of a microphone, None if there is a microphone."""
    from voice.audio.portaudio import find_device
    from voice.browser_devices import no_page

    if args.wav:
        return Path(args.wav)
    if config.audio.device == "browser":
        if not config.kiosk.enabled:
            raise no_page()
        return None
    try:
        found_again(lambda: find_device(config.audio.input, "input"))
    except DeviceError as error:
        if config.audio.input:
            raise
        print(f"{error.message}: hearing the recording that is shipped", flush=True)
        return SHIPPED
    return None
