"""The ear: finds where somebody speaks, and hands it on at once.

It does little for each chunk and is never late: a slow decoding delays nothing but itself.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from asr import RATE_HZ, Samples
from asr.endpoint import Boundary, Endpointer, EndpointRules, PreRoll
from kws import WakeWordDetector
from kws.looks import LookSchedule
from voice.audio import Microphone
from voice.audio.pcm import Rechunker, level_dbfs
from voice.dialog.transcriber import Transcriber
from voice.dialog.turn import Turn, Turns
from voice.dialog.utterance import Begin, End, Heard, Look, Pause
from voice.ears import Ears
from voice.events import Bus, LevelMeasured, SpeechEnded, SpeechStarted

END_OF_AUDIO = "end_of_audio"
OWN_VOICE = "own_voice"
"""What was heard up to now was the assistant; whoever speaks now may be a person."""
LEVEL_S = 0.25
"""How often the level is told, in seconds of audio."""
FAILED = "failed"
"""What was said cannot be transcribed; after a pause somebody may say it again."""
COMPLETE = "complete"
"""The pause is short, but what was said already is a known question."""
PAUSE_S = 0.03
"""Quiet after which it is looked what was asked: one chunk, for the look takes 0.2 s, and whoever
goes on meanwhile loses nothing by it."""
STOP_PAUSE_S = 0.19
"""The same over an answer: there a wake word is looked for first."""
LATER_PAUSE_S = 0.28
"""Quiet after which it is looked once more, if what was asked is not known: with a little quiet at
its end, speech is recognised better."""
HOLD_CHUNKS = 1
"""Chunks of speech after which an answer is held; it goes on if they are no beginning of speech.
One is enough: Silero itself wants two. Its own echo, taken out, held no answer in the tests."""
COMPLETE_S = 0.28
"""Quiet that ends a complete question, or one that failed: people pause for less between words."""


class Listener:
    """Follows a microphone and cuts what is said into utterances."""

    def __init__(
        self,
        ears: Ears,
        rules: EndpointRules,
        transcriber: Transcriber,
        turns: Turns,
        bus: Bus,
        detector: WakeWordDetector | None = None,
    ) -> None:
        """`detector` hears wake words in all speech; the transcriber looks for them, too."""
        self._detector = detector
        self._looks = LookSchedule(ears.vad.chunk_samples / RATE_HZ)
        self._detector_chunks = Rechunker(detector.chunk_samples if detector else 1)
        self._vad = ears.vad
        self._chunk_s = ears.vad.chunk_samples / RATE_HZ
        self._endpointer = Endpointer(rules, self._chunk_s)
        self._silence_s = rules.silence_s
        self._pre_roll, self._raw_pre_roll = PreRoll(rules), PreRoll(rules)
        self._transcriber = transcriber
        self._conversation = transcriber.conversation
        self._turns = turns
        self._bus = bus
        # Both go on from one microphone to the next, as that does which cleans the audio.
        self._chunks, self._raw_chunks = (Rechunker(ears.vad.chunk_samples) for _ in range(2))
        self._raw: deque[Samples] = deque()
        self._turn: Turn | None = None
        self._audio_s = 0.0
        self._pauses = 0
        self._voiced = 0
        """Chunks of speech in a row, before an utterance begins."""
        self._overhears = False
        self._goes_on = False
        """The audio of the next utterance follows that of the last one."""

    @property
    def speech(self) -> bool:
        """Tell whether somebody is speaking."""
        return self._turn is not None

    def listen(self, microphone: Microphone, hear: Callable[[Samples], Samples]) -> None:
        """Follow a microphone until it ends, in the calling thread.

        `hear` takes the assistant's own voice out of what the microphone delivers.
        """
        meter = Rechunker(int(LEVEL_S * RATE_HZ))
        for audio in microphone.chunks():
            for quarter in meter.process(audio):
                self._bus.publish(LevelMeasured(0, level_dbfs(quarter)))
            self._raw.extend(self._raw_chunks.process(audio))
            for chunk in self._chunks.process(hear(audio)):
                self._process(Heard(chunk, self._raw.popleft()))
        if self._turn is not None and not self._turns.closed:
            self._end(END_OF_AUDIO)

    def _process(self, heard: Heard) -> None:
        self._conversation.tick(self._chunk_s)
        self._leave_own_voice()
        self._leave_failed()
        voiced = self._vad.is_speech(heard.samples)
        is_look_due = self._looks.process(voiced)
        boundary = self._endpointer.process(voiced)
        if boundary is Boundary.START:
            self._begin(heard)
        elif self._turn is None:
            self._keep(heard)
            self._expect(voiced)
        else:
            self._transcriber.put(heard)
            self._audio_s += self._chunk_s
            if boundary is not None:
                self._end_at(boundary)
            else:
                self._attend(heard.samples, is_look_due)

    def _leave_own_voice(self) -> None:
        """Begin anew when the assistant falls silent that heard itself."""
        overheard, self._overhears = self._overhears, self._conversation.overhears()
        if overheard and not self._overhears and self._turn and not self._turn.followed:
            self._end(OWN_VOICE)
            self._endpointer.reset()

    def _leave_failed(self) -> None:
        """Begin anew after what failed, as soon as there was a pause."""
        if self._turn and self._turn.failed and self._quiet_s >= COMPLETE_S:
            self._end(FAILED)
            self._endpointer.reset()

    def _expect(self, voiced: bool) -> None:
        """Hold an answer as soon as there may be speech; tell if it was none."""
        before, self._voiced = self._voiced, self._voiced + 1 if voiced else 0
        if self._voiced == HOLD_CHUNKS:
            self._conversation.may_be_speech()
        elif before >= HOLD_CHUNKS and not voiced:
            self._conversation.was_no_speech()

    def _attend(self, chunk: Samples, is_look_due: bool) -> None:
        """Look for a wake word, and after a pause whether the question is complete."""
        assert self._turn is not None
        self._turn.quiet = self._quiet_s > 0
        if self._detector is not None:
            self._detect(self._detector, chunk)
        if is_look_due:
            self._transcriber.put(Look())
        if self._reaches(STOP_PAUSE_S if self._conversation.answering else PAUSE_S):
            self._pauses += 1
            self._transcriber.put(Pause(self._pauses))
        elif self._turn.complete_at == self._pauses and self._quiet_s >= COMPLETE_S:
            self._end(COMPLETE)
            self._endpointer.reset()
        elif self._reaches(LATER_PAUSE_S):
            self._transcriber.put(Pause(self._pauses, late=True))

    def _detect(self, detector: WakeWordDetector, chunk: Samples) -> None:
        """Let the wake word engine hear speech."""
        assert self._turn is not None
        for part in self._detector_chunks.process(chunk):
            detection = detector.process(part)
            if detection:
                self._transcriber.hit(self._turn, detection)

    def _reaches(self, pause_s: float) -> bool:
        """Tell whether the quiet has just become so long."""
        return self._quiet_s - self._chunk_s < pause_s <= self._quiet_s

    @property
    def _quiet_s(self) -> float:
        return self._endpointer.trailing_silence_s

    def _keep(self, heard: Heard) -> None:
        self._pre_roll.add(heard.samples)
        self._raw_pre_roll.add(heard.raw)

    def _begin(self, heard: Heard) -> None:
        self._keep(heard)
        audio = self._pre_roll.take()
        self._turn = self._turns.create()
        self._audio_s = len(audio) / RATE_HZ
        self._bus.publish(SpeechStarted(self._turn.number))
        self._turn.followed = self._conversation.admits()
        self._conversation.speech_started()
        self._transcriber.put(Begin(self._turn, self._goes_on))
        self._transcriber.put(Heard(audio, self._raw_pre_roll.take()))
        self._voiced, self._goes_on = 0, False
        if self._detector is not None:
            self._detect(self._detector, audio)

    def _end_at(self, boundary: Boundary) -> None:
        assert self._turn is not None
        is_followed = self._turn.followed
        self._end(boundary.value)
        if boundary is Boundary.TOO_LONG and not is_followed:
            # Nobody asks anything, as beside a television: somebody may call at any time.
            self._endpointer.reset()
            self._goes_on = True

    def _end(self, reason: str) -> None:
        assert self._turn is not None
        is_silence = reason == Boundary.SILENCE.value  # the endpointer then has forgotten it
        silence_s = self._silence_s if is_silence else self._quiet_s
        last_voiced_s = time.monotonic() - silence_s
        ended = SpeechEnded(self._turn.number, reason, self._audio_s, last_voiced_s)
        self._transcriber.put(End(ended))
        self._turn = None
