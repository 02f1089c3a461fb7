"""Two recognisers as one: real native libraries, each tiny model writes a text of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asr import RATE_HZ, AsrConfig, RecognitionError, Recognizer, Samples
from asr.engines import TWO_PASS, create_recognizer, two_pass_files
from asr.two_pass import TwoPassRecognizer, joined
from tests.tiny_asr import BUILDERS

SHOWN, DECIDED = "点片怎么吃", "碘片如何服用"
CHUNK = 512


def loud(seconds: float) -> Samples:
    return np.random.default_rng(0).normal(0, 0.1, int(seconds * RATE_HZ)).astype(np.float32)


def quiet(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE_HZ), np.float32)


def built(folder: Path, engine: str, text: str) -> dict[str, Path]:
    folder.mkdir()
    return BUILDERS[engine](folder, text)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    folder = tmp_path_factory.mktemp("two")
    return {
        "zipformer": built(folder / "live", "zipformer", SHOWN),
        "sense-voice": built(folder / "final", "sense-voice", DECIDED),
    }


@pytest.fixture(scope="module")
def recognizer(models: dict[str, dict[str, Path]]) -> Recognizer:
    return create_recognizer(TWO_PASS, two_pass_files(models), AsrConfig(threads=1))


def follow(recognizer: Recognizer, *audio: Samples) -> tuple[list[str], str]:
    """Return what is shown after each chunk, and the final transcript."""
    stream = recognizer.stream()
    heard = np.concatenate(audio)
    shown = []
    for start in range(0, len(heard), CHUNK):
        stream.accept(heard[start : start + CHUNK])
        shown.append(stream.partial())
    return list(dict.fromkeys(shown)), stream.finish().text


def test_one_shows_what_is_said_and_the_other_decides(recognizer: Recognizer) -> None:
    shown, final = follow(recognizer, loud(2.0), quiet(0.8))
    assert shown == ["", SHOWN, DECIDED]
    assert final.startswith(DECIDED)


def test_after_a_pause_what_was_decided_stays_and_what_follows_is_added(
    recognizer: Recognizer,
) -> None:
    shown, final = follow(recognizer, loud(2.0), quiet(0.6), loud(1.0))
    assert shown == ["", SHOWN, DECIDED, DECIDED + SHOWN]
    assert final.startswith(DECIDED)


class Counted:
    """A streaming recogniser that counts how much it was made to hear; also its own stream."""

    streaming = True
    decoder = None

    def __init__(self, inner: Recognizer) -> None:
        self._inner = inner
        self.heard = 0

    def stream(self) -> Counted:
        return self

    def accept(self, samples: Samples) -> None:
        self.heard += len(samples)

    def partial(self, paused: bool = False) -> str:
        return ""

    def finish(self) -> None:
        """Never asked for: it decides nothing."""


def test_what_nobody_looks_at_costs_one_decoding(models: dict[str, dict[str, Path]]) -> None:
    final = create_recognizer("sense-voice", models["sense-voice"], AsrConfig(threads=1))
    live = Counted(final)
    stream = TwoPassRecognizer(live, final).stream()  # type: ignore[arg-type]
    stream.accept(loud(2.0))
    assert stream.finish().text == DECIDED
    assert live.heard == 0
    stream.partial()
    assert live.heard == 2 * RATE_HZ


@pytest.mark.parametrize("engines", [(), ("zipformer",), ("sense-voice",), ("dragon", "zipformer")])
def test_it_takes_one_of_each_kind(
    models: dict[str, dict[str, Path]], engines: tuple[str, ...]
) -> None:
    files = two_pass_files({engine: models.get(engine, {"x": Path("x")}) for engine in engines})
    with pytest.raises(RecognitionError, match=r"a streaming recogniser \(zipformer\) and one by"):
        create_recognizer(TWO_PASS, files, AsrConfig())


@pytest.mark.parametrize(
    ("one", "other", "text"),
    [("碘片", "怎么吃", "碘片怎么吃"), ("take it", "now", "take it now"), ("", "吃", "吃")],
)
def test_parts_are_joined_as_they_are_written(one: str, other: str, text: str) -> None:
    assert joined(one, other) == text
