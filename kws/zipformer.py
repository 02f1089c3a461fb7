"""Wake words by a small streaming Zipformer transducer, through sherpa-onnx's KeywordSpotter."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kws import RATE_HZ, Detection, Files, Samples, WakeConfig, WakeModelError
from kws.keywords import Tokenizer, label_of
from kws.protobuf import onnx_metadata
from kws.words import WakeWord

NAME = "zipformer"
CHUNK_SAMPLES = 1600
"""0.1 s: the models take 0.16 s or more at once."""

_LEAD = np.random.default_rng(0).normal(0, 10 ** (-65 / 20), RATE_HZ // 2).tolist()
"""Half a second of a quiet room. A model that hears nothing before a word misses its first sound:
of the words in recordings that begin with it, 31 % were missed at a threshold of 0.8, then 0."""
_AROUND_S = 0.7
"""From the last sound of a word to when it is known, and from its first sound back to before it."""

_ENCODER_METADATA = (
    "encoder_dims", "query_head_dims", "value_head_dims", "num_heads", "num_encoder_layers",
    "cnn_module_kernels", "left_context_len", "T", "decode_chunk_len",
)  # fmt: skip
_TYPE = "zipformer2"


class ZipformerDetector:
    """Listens for wake words. Files: encoder, decoder, joiner, tokens; bpe or lexicon for English.

    Raises WakeModelError if a file is missing or damaged, WakeWordError if a word cannot be heard.
    """

    chunk_samples = CHUNK_SAMPLES

    def __init__(
        self,
        words: Sequence[WakeWord],
        files: Files,
        config: WakeConfig = WakeConfig(),  # noqa: B008 - a frozen value
    ) -> None:
        lines = Tokenizer(files, _check_models(files)).lines(words)
        self._words = {label_of(word): word for word in words}
        self._refractory = int(config.refractory_s * RATE_HZ)
        self._native = _load(files, lines, config.threads)
        self.reset()

    def reset(self) -> None:
        """Forget all audio heard so far; time starts again at zero."""
        self._stream = self._native.create_stream()
        self._stream.accept_waveform(RATE_HZ, _LEAD)
        self._heard = self._deaf_until = 0

    def process(self, samples: Samples) -> Detection | None:
        """Hear one more chunk; tell whether a word has just been said."""
        self._heard += len(samples)
        # As a list: sherpa-onnx converts arrays element by element, four times as slowly.
        self._stream.accept_waveform(RATE_HZ, samples.tolist())
        found = None
        while self._native.is_ready(self._stream):
            self._native.decode_stream(self._stream)
            # The native result: asked for its times alone, it has forgotten the word by then.
            result = self._native.keyword_spotter.get_result(self._stream)
            if label := result.keyword.strip():
                self._native.reset_stream(self._stream)  # or it would be found again and again
                length_s = result.timestamps[-1] - result.timestamps[0] + _AROUND_S
                found = found or self._detection(label, length_s)
        return found

    def _detection(self, label: str, length_s: float) -> Detection | None:
        if self._heard < self._deaf_until:
            return None
        self._deaf_until = self._heard + self._refractory
        word = self._words[label]
        return Detection(word.text, word.threshold, self._heard / RATE_HZ, NAME, length_s)


def _load(files: Files, lines: Iterable[str], threads: int) -> Any:
    import sherpa_onnx

    with tempfile.TemporaryDirectory() as folder:
        keywords = Path(folder) / "keywords.txt"
        keywords.write_text("\n".join(lines) + "\n", encoding="utf-8")
        try:
            return sherpa_onnx.KeywordSpotter(
                tokens=str(files["tokens"]),
                encoder=str(files["encoder"]),
                decoder=str(files["decoder"]),
                joiner=str(files["joiner"]),
                keywords_file=str(keywords),
                num_threads=threads,
            )
        except RuntimeError as error:
            raise WakeModelError(f"the wake word model cannot be loaded: {error}") from error


def _check_models(files: Files) -> int:
    """Return how many tokens the model knows.

    Raises WakeModelError where sherpa-onnx would end the process: it wants all of the metadata.
    """
    if missing := {"encoder", "decoder", "joiner", "tokens"} - files.keys():
        raise WakeModelError(f"the wake word model has no {' and no '.join(sorted(missing))} file")
    kind = _metadata(files["encoder"], ["model_type"])["model_type"]
    if kind != _TYPE:
        raise WakeModelError(f"{files['encoder']} is of type {kind}, not {_TYPE}")
    _metadata(files["encoder"], _ENCODER_METADATA)
    _metadata(files["joiner"], [])
    known = _metadata(files["decoder"], ["vocab_size", "context_size"])["vocab_size"]
    if not known.isdecimal():
        raise WakeModelError(f"{files['decoder']} has a wrong vocab_size: {known!r}")
    return int(known)


def _metadata(path: Path, keys: Iterable[str]) -> dict[str, str]:
    """Return the metadata of a whole ONNX file that has all `keys`."""
    try:
        found = onnx_metadata(path.read_bytes())
    except OSError as error:
        raise WakeModelError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise WakeModelError(f"{path} is no whole ONNX model: {error}") from error
    if missing := [key for key in keys if not found.get(key)]:
        raise WakeModelError(f"{path} lacks the metadata {', '.join(missing)}")
    return found
