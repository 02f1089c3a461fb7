"""Whisper step by step through onnxruntime: sherpa-onnx gives its transcripts, not its doubts.

The files are those that sherpa-onnx takes, of any Whisper model.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kws import Files, Samples, WakeModelError
from kws.mel import log_mel

ROLES = ("encoder", "decoder", "tokens")

_METADATA = ("model_type", "n_mels", "sot_sequence", "no_timestamps", "eot")
_LANGUAGE = "zh"
"""Wake words in Latin letters are heard in it, too."""

Logits = NDArray[np.float32]
"""Scores or probabilities of all tokens."""


class State(NamedTuple):
    """Where the decoder is."""

    scores: Logits
    cache: tuple[Any, Any]
    decoded: int
    """Tokens so far."""


class WhisperDecoder:
    """Encodes audio, and tells what is expected after tokens of the caller's choice.

    Raises WakeModelError if a file is missing or wrong.
    """

    def __init__(self, files: Files, threads: int = 1) -> None:
        self.tokens = _load_tokens(_file(files, "tokens"))
        """Bytes of each token."""
        self._encoder = _load(_file(files, "encoder"), threads)
        self._decoder = _load(_file(files, "decoder"), threads)
        metadata = self._encoder.get_modelmeta().custom_metadata_map
        if missing := [key for key in _METADATA if not metadata.get(key)]:
            raise WakeModelError(f"{files['encoder']} lacks the metadata {', '.join(missing)}")
        self._bands = int(metadata["n_mels"])
        self._end = int(metadata["eot"])
        self._prompt = _prompt(metadata)
        self._empty = tuple(_empty(given) for given in self._decoder.get_inputs()[1:3])
        self._cross: tuple[Any, ...] = ()

    @property
    def texts(self) -> dict[int, str]:
        """Return the tokens that are whole characters."""
        decoded = ((number, _text(token)) for number, token in self.tokens.items())
        return {number: text for number, text in decoded if text}

    def begin(self, samples: Samples) -> State:
        """Take the audio that is spoken of from now on; return the state before its first token."""
        self._cross = tuple(self._encoder.run(None, {"mel": log_mel(samples, self._bands)}))
        return self._run(self._prompt, self._empty, 0)

    def step(self, state: State, token: int) -> State:
        """Return the state after one more token."""
        return self._run([token], state.cache, state.decoded)

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
        return token if token in self.tokens and token != self._end else None

    def _run(self, tokens: list[int], cache: tuple[Any, ...], decoded: int) -> State:
        names = [given.name for given in self._decoder.get_inputs()]
        values = (np.array([tokens]), *cache, *self._cross, np.array([decoded]))
        scores, *grown = self._decoder.run(None, dict(zip(names, values, strict=True)))
        return State(scores[0, -1], (grown[0], grown[1]), decoded + len(tokens))


def _file(files: Files, role: str) -> Path:
    if role not in files:
        raise WakeModelError(f"whisper needs a file for '{role}'; there are: {sorted(files)}")
    return files[role]


def _load(path: Path, threads: int) -> Any:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as native

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that wait for work in a loop would keep a core busy all day.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except (
        native.NoSuchFile,
        native.InvalidProtobuf,
        native.InvalidGraph,
        native.InvalidArgument,
        native.Fail,
    ) as error:
        raise WakeModelError(f"{path} cannot be loaded: {error}") from error


def _load_tokens(path: Path) -> dict[int, bytes]:
    try:
        rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
        table = {int(number): base64.b64decode(token, validate=True) for token, number in rows}
    except (OSError, ValueError, binascii.Error) as error:
        raise WakeModelError(f"{path} is no table of Whisper's tokens: {error}") from error
    if not table:
        raise WakeModelError(f"{path} is no table of Whisper's tokens: it is empty")
    return table


def _prompt(metadata: dict[str, str]) -> list[int]:
    """Return the tokens that ask for a Chinese transcript without times."""
    begin, *_ = map(int, metadata["sot_sequence"].split(","))
    codes = metadata["all_language_codes"].split(",")
    languages = dict(zip(codes, metadata["all_language_tokens"].split(","), strict=True))
    language = int(languages[_LANGUAGE])
    return [begin, language, int(metadata["transcribe"]), int(metadata["no_timestamps"])]


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
