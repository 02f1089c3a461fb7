"""Wake words by a small streaming Zipformer transducer, through sherpa-onnx's KeywordSpotter."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from kws import RATE_HZ, Detection, Files, Samples, WakeConfig, WakeModelError
from kws.keywords import Tokenizer, label_of
from kws.protobuf import onnx_metadata
from kws.words import WakeWord

NAME = "zipformer"
CHUNK_SAMPLES = 512
"""That of voice activity detection: what waits for more is late. The models take 0.16 s or more at
once; to ask whether they can go on costs next to nothing."""

_LEAD = np.random.default_rng(0).normal(0, 10 ** (-65 / 20), RATE_HZ // 2).tolist()
"""Half a second of a quiet room. A model that hears nothing before a word misses its first sound:
of the words in recordings that begin with it, 31 % were missed at a threshold of 0.8, then 0."""
_AROUND_S = 0.7
"""From the last sound of a word to when it is known, and from its first sound back to before it."""

DOUBT_S = 0.1
"""After which a hit that is not sure is told. The last sound may not be over when a word is known;
then Whisper, which is to confirm it, did not in 2 of 36 clear words, and 0.1 s later in none."""
_PATHS = 16
"""Texts that are followed at once. In noise the 4 of sherpa-onnx lose words whatever the threshold:
at 10 dB 9 of 100 were missed, with 16 only 4, and no more near-misses woke."""

_ENCODER_METADATA = (
    "encoder_dims", "query_head_dims", "value_head_dims", "num_heads", "num_encoder_layers",
    "cnn_module_kernels", "left_context_len", "T", "decode_chunk_len",
)  # fmt: skip
_TYPE = "zipformer2"


class ZipformerDetector:
    """Listens for wake words. Files: encoder, decoder, joiner, tokens; bpe or lexicon for English.

    sherpa-onnx tells whether a threshold was passed, but not by how much: so what tells hits that
    are sure is a second decoding with higher thresholds, beside the first.
    """

    chunk_samples = CHUNK_SAMPLES

    def __init__(
        self,
        words: Sequence[WakeWord],
        files: Files,
        config: WakeConfig = WakeConfig(),  # noqa: B008 - a frozen value
        sure: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        """`sure` has the threshold from which a hit is sure, by word; words without one never are.

        Raises WakeModelError if a file is missing or damaged, WakeWordError if a word cannot be
        heard.
        """
        self._words, self._files, self._config = words, files, config
        tokenizer = Tokenizer(files, _check_models(files))

        def spotter(heard: Sequence[WakeWord]) -> _Spotter:
            return _Spotter(_load(files, tokenizer.lines(heard), config.threads), heard)

        enabled = [word for word in words if word.enabled]
        certain = [replace(one, threshold=sure[one.text]) for one in enabled if one.text in sure]
        self._sure = spotter(certain) if certain else None
        # Where all thresholds are the same, one decoding tells all.
        self._perhaps = None if certain and certain == enabled else spotter(enabled)
        self._refractory = int(config.refractory_s * RATE_HZ)
        self.reset()

    def reset(self) -> None:
        """Forget all audio heard so far; time starts again at zero."""
        self._heard = 0
        self._deaf_until = {True: 0, False: 0}
        self._doubt: Detection | None = None
        """A hit that is not sure, and was not told yet."""
        for spotter in (self._sure, self._perhaps):
            if spotter:
                spotter.reset()

    def process(self, samples: Samples) -> Detection | None:
        """Hear one more chunk; tell whether a word has just been said.

        A hit that is sure may follow one of the same word that is not.
        """
        self._heard += len(samples)
        certain = self._sure.process(samples) if self._sure else None
        likely = self._perhaps.process(samples) if self._perhaps else None
        if certain and (hit := self._detection(certain, sure=True)):
            self._doubt = None
            return hit
        self._doubt = self._doubt or (likely and self._detection(likely, sure=False))
        if self._doubt is None or self._heard / RATE_HZ < self._doubt.at_s + DOUBT_S:
            return None
        told, self._doubt = self._doubt, None
        heard_s = self._heard / RATE_HZ
        return replace(told, at_s=heard_s, length_s=told.length_s + heard_s - told.at_s)

    def _detection(self, hit: tuple[WakeWord, float], sure: bool) -> Detection | None:
        """Return what to tell of a hit; none if one was told a moment ago."""
        if self._heard < self._deaf_until[sure]:
            return None
        deaf_until = self._heard + self._refractory
        self._deaf_until = {True: deaf_until if sure else 0, False: deaf_until}
        word, length_s = hit
        return Detection(word.text, word.threshold, self._heard / RATE_HZ, NAME, length_s, sure)

    def at(self, threshold: float) -> ZipformerDetector:
        """Return a detector of the same words at another threshold."""
        words = [replace(word, threshold=threshold) for word in self._words]
        return ZipformerDetector(words, self._files, self._config)


class _Spotter:
    """One decoding of the audio."""

    def __init__(self, native: Any, words: Sequence[WakeWord]) -> None:
        self._native = native
        self._words = {label_of(word): word for word in words}
        self.reset()

    def reset(self) -> None:
        self._stream = self._native.create_stream()
        self._stream.accept_waveform(RATE_HZ, _LEAD)

    def process(self, samples: Samples) -> tuple[WakeWord, float] | None:
        """Return the first word that has just been said, and its length in seconds."""
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
                found = found or (self._words[label], length_s)
        return found


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
                max_active_paths=_PATHS,
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
