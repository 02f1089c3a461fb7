"""Whisper step by step through onnxruntime: sherpa-onnx gives its transcripts, not its doubts.

The files are those that sherpa-onnx takes, of any multilingual Whisper model. Transcripts come from
here as well, so that wake words and questions are heard with one model in memory.
"""

from __future__ import annotations

import base64
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from asr import RATE_HZ, Files, RecognitionError, Samples
from asr.files import check_onnx, check_tokens, paths_of
from asr.mel import STEP, log_mel, with_silence

LANGUAGES = ("zh", "en")
ROLES = ("encoder", "decoder", "tokens")

_METADATA = (
    "model_type", "n_mels", "sot_sequence", "no_timestamps", "transcribe", "eot",
    "all_language_tokens", "all_language_codes",
)  # fmt: skip
_SHORTEST = RATE_HZ // 10
"""Samples: what is shorter than a few frames is filled up with silence."""

Logits = NDArray[np.float32]
"""Scores or probabilities of all tokens."""


class State(NamedTuple):
    """Where the decoder is."""

    scores: Logits
    cache: tuple[Any, ...]
    decoded: int
    """Tokens so far."""
    heard: tuple[Any, ...]
    """What the encoder made of the audio."""
    language: str


class WhisperDecoder:
    """Encodes audio, and tells what is expected after tokens of the caller's choice.

    Keeps nothing between two calls, so several threads may use it. Raises RecognitionError if a
    file is missing or wrong.
    """

    def __init__(self, files: Files, threads: int = 1) -> None:
        paths = paths_of("whisper", files, ROLES)
        metadata = check_onnx(paths["encoder"], _METADATA)
        check_onnx(paths["decoder"])
        check_tokens(paths["tokens"], encoded=True)
        codes = metadata["all_language_codes"].split(",")
        if missing := set(LANGUAGES) - set(codes):
            raise RecognitionError(f"{paths['encoder']} does not know {sorted(missing)}")
        numbers = map(int, metadata["all_language_tokens"].split(","))
        known = dict(zip(codes, numbers, strict=False))
        self._languages = {language: known[language] for language in LANGUAGES}
        self.tokens = _load_tokens(Path(paths["tokens"]))
        """Bytes of each token."""
        self._bands = int(metadata["n_mels"])
        self._end = int(metadata["eot"])
        self._start = int(metadata["sot_sequence"].split(",")[0])
        self._task = [int(metadata["transcribe"]), int(metadata["no_timestamps"])]
        self._encoder = _load(paths["encoder"], threads)
        self._decoder = _load(paths["decoder"], threads)
        self._given = [given.name for given in self._decoder.get_inputs()]
        self._empty = tuple(_empty(given) for given in self._decoder.get_inputs()[1:3])

    @cached_property
    def texts(self) -> dict[int, str]:
        """The tokens that are whole characters."""
        decoded = ((number, _text(token)) for number, token in self.tokens.items())
        return {number: text for number, text in decoded if text}

    def begin(self, samples: Samples, silence_s: float, language: str = "") -> State:
        """Hear audio and the silence after it; return the state before the first token.

        Without a `language` it is the likelier one of LANGUAGES.
        """
        filled = np.concatenate([samples, np.zeros(max(0, _SHORTEST - len(samples)), np.float32)])
        mel = with_silence(log_mel(filled, self._bands), int(silence_s * RATE_HZ) // STEP)
        heard = tuple(self._encoder.run(None, {"mel": mel}))
        fresh = State(np.zeros(0, np.float32), self._empty, 0, heard, language)
        if language:
            return self._run([self._start, self._languages[language], *self._task], fresh)
        asked = self._run([self._start], fresh)
        if self._ends(asked):
            return asked  # nobody speaks
        language = max(LANGUAGES, key=lambda code: asked.scores[self._languages[code]])
        told = asked._replace(language=language)
        return self._run([self._languages[language], *self._task], told)

    def step(self, state: State, token: int) -> State:
        """Return the state after one more token."""
        return self._run([token], state)

    def probabilities(self, state: State, may_end: bool = True) -> Logits:
        """Return the probability of each token to be the next."""
        scores = state.scores
        if not may_end:
            scores = scores.copy()
            scores[self._end] = -np.inf
        powers = np.exp(scores - scores.max())
        return np.asarray(powers / powers.sum(), np.float32)

    def likeliest(self, state: State) -> int | None:
        """Return the likeliest next token; None if that is the end."""
        token = int(state.scores.argmax())
        return token if token in self.tokens and not self._ends(state) else None

    def _ends(self, state: State) -> bool:
        return int(state.scores.argmax()) == self._end

    def _run(self, tokens: list[int], state: State) -> State:
        values = (np.array([tokens]), *state.cache, *state.heard, np.array([state.decoded]))
        scores, *grown = self._decoder.run(None, dict(zip(self._given, values, strict=True)))
        return state._replace(
            scores=scores[0, -1], cache=tuple(grown[:2]), decoded=state.decoded + len(tokens)
        )


def _load(path: str, threads: int) -> Any:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as native

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that wait for work in a loop would keep a core busy all day.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Each length of audio needs buffers of other sizes: kept, they take 160 to 220 MB after some
    # questions; given back each time, 5 MB, and decoding takes as long.
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except (
        native.NoSuchFile,
        native.InvalidProtobuf,
        native.InvalidGraph,
        native.InvalidArgument,
        native.NotImplemented,
        native.RuntimeException,
        native.Fail,
    ) as error:
        raise RecognitionError(f"whisper cannot load {path}: {error}") from error


def _load_tokens(path: Path) -> dict[int, bytes]:
    """Read tokens that were checked."""
    rows = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return {int(number): base64.b64decode(token) for token, number in rows}


def _empty(given: Any) -> Any:
    """Return an empty cache, (layers, 1, tokens, width): some decoders want room for all tokens,
    others for those so far."""
    layers, _, tokens, width = given.shape
    return np.zeros((layers, 1, tokens if isinstance(tokens, int) else 0, width), np.float32)


def _text(token: bytes) -> str:
    try:
        return token.decode("utf-8")
    except UnicodeDecodeError:
        return ""
