"""What training hears: the features of sherpa-onnx, and clips in rooms and noise."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install 'hean[train]'")

from kws.train import WakeTrainingError  # noqa: E402
from kws.train.augment import Augmenter, Strength, levelled  # noqa: E402
from kws.train.batches import Mixer, Recording, read_recordings  # noqa: E402
from kws.train.corpus import Clip  # noqa: E402
from kws.train.features import log_mel  # noqa: E402

PLAIN = Strength((1, 1), 0, 0, 0, (0, 0), (-20, -20), (-200, -200), 0, 0)
BANDS = [20, 23, 60]
KALDI = [
    [-1.0877, -1.9793, -1.3823], [-7.8909, -10.6120, -13.1654], [-7.8962, -10.6351, -13.1461],
    [-7.9125, -10.6612, -13.1713], [-1.0943, -1.9873, -1.4014],
]  # fmt: skip
"""By kaldi-native-fbank 1.22.3 with the settings of sherpa-onnx, for `test_features_are_kaldis`."""


def speech(seconds, seed=0):
    """Bursts of noise with pauses between: as loud and as uneven as speech."""
    random = np.random.default_rng(seed)
    bursts = np.repeat(random.random(int(seconds * 8)) > 0.4, 2000)
    wave = (random.standard_normal(len(bursts)) * bursts * 3000).astype(np.int16)
    return Recording(wave, random.integers(1, 9, 5))


def test_features_are_kaldis():
    t = np.arange(800) / 16_000
    tones = 0.3 * np.sin(2 * np.pi * 440 * t) + 0.1 * np.sin(2 * np.pi * 3000 * t) + 0.01
    (found,) = log_mel(torch.from_numpy(tones.astype(np.float32))[None])
    assert found.shape == (5, 80)
    assert np.allclose(found[:, BANDS], KALDI, atol=2e-3)


def test_silence_has_the_lowest_features():
    assert (log_mel(torch.zeros(2, 1600)) == np.log(np.finfo(np.float32).eps)).all()


def test_noise_is_as_loud_as_asked():
    clean = speech(4).audio()
    noisy = Strength((1, 1), 0, 0, 1, (10, 10), (-20, -20), (-200, -200), 0, 0)
    random = np.random.default_rng(3)
    plain, loud = Augmenter(PLAIN, random), Augmenter(noisy, random)
    ratios_db = []
    for seed in range(12):
        placed = plain.place(clean, clean, np.random.default_rng(seed))
        mixed = loud.place(clean, clean, np.random.default_rng(seed))
        said = np.abs(placed) > 0.02
        ratios_db.append(20 * np.log10(np.std(placed[said]) / np.std(mixed - placed)))
    assert min(ratios_db) > 7  # 10 dB or more: a bang is not made louder than speech for its mean
    assert np.median(ratios_db) < 14
    assert np.std(placed[said]) == pytest.approx(0.1, rel=0.3)  # -20 dB


def test_a_bang_is_not_made_far_louder_than_the_noise_is_to_be():
    bang = np.zeros(16_000 * 10, np.float32)
    bang[50_000:50_400] = 1
    rms = np.sqrt(np.square(levelled(bang)[49_600:51_200]).mean())
    assert 20 * np.log10(rms) == pytest.approx(10, abs=1)
    hiss = np.random.default_rng(0).normal(0, 0.01, 16_000).astype(np.float32)
    assert np.std(levelled(hiss)) == pytest.approx(1, rel=0.01)


def test_nothing_breaks_on_silence():
    silence = np.zeros(16_000, np.float32)
    augmenter = Augmenter(Strength(), np.random.default_rng(0), [silence])
    for seed in range(20):
        placed = augmenter.place(silence, silence, np.random.default_rng(seed))
        assert np.isfinite(placed).all()


def test_a_step_can_be_made_again_and_each_is_another():
    clips = [speech(seconds, seed) for seed, seconds in enumerate((1, 2, 3))]
    mixers = [
        Mixer(clips, Augmenter(Strength(), np.random.default_rng(5)), 7, 30) for _ in range(2)
    ]
    first, again, other = mixers[0].batch(3), mixers[1].batch(3), mixers[0].batch(4)
    assert torch.equal(first.features, again.features)
    assert torch.equal(first.targets, again.targets)
    assert first.features.shape != other.features.shape or not torch.equal(
        first.features, other.features
    )


def test_examples_hold_whole_clips_with_their_tokens():
    clips = [speech(seconds, seed) for seed, seconds in enumerate((1, 2, 3))]
    batch = Mixer(clips, Augmenter(PLAIN, np.random.default_rng(5)), 7, 60).batch(1)
    frames, tokens = batch.lengths
    count, features, bands = batch.features.shape
    assert (features - 5) / 4 == frames[0]
    assert (count, bands) == (len(tokens), 80)
    assert batch.seconds == pytest.approx(60, rel=0.2)
    assert all(int(n) % 5 == 0 and n > 0 for n in tokens)  # each clip has five
    said = {tuple(clip.tokens.tolist()) for clip in clips}
    for row, n in zip(batch.targets.tolist(), tokens.tolist(), strict=True):
        assert {tuple(row[at : at + 5]) for at in range(0, n, 5)} <= said


@pytest.mark.parametrize(
    ("audio", "tokens", "why"),
    [("none.flac", ("h",), "cannot be read"), ("text.flac", ("h",), "cannot be read"),
     ("wide.flac", ("h",), "16000 Hz, mono"), ("good.flac", ("zz",), "'zz' is not known")],
)  # fmt: skip
def test_a_clip_that_cannot_be_used_is_named(tmp_path, audio, tokens, why):
    import soundfile

    (tmp_path / "text.flac").write_text("no audio")
    soundfile.write(tmp_path / "wide.flac", np.zeros((900, 2)), 16_000)
    soundfile.write(tmp_path / "good.flac", np.zeros(900), 16_000)
    clip = Clip(audio, "喝", tokens, "sentence", "", "someone", "train", 0.1)
    with pytest.raises(WakeTrainingError, match=f"{audio}.*{why}"):
        read_recordings(tmp_path, [clip], ["<blk>", "h"])
