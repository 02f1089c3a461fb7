"""How speech becomes the clips of a corpus."""

from dataclasses import replace

import numpy as np
import pytest

from kws import RATE_HZ
from kws.train.corpus import Clip, CorpusError, append_clips, read_clips, write_audio
from kws.train.cutting import cut
from kws.train.speakers import Mixer

CLIP = Clip("clips/a.flac", "你好", ("n", "ǐ", "h", "ǎo"), "wake", "你好", "zf-1", "train", 0.5)


def tone(seconds: float) -> np.ndarray:
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return (0.3 * np.sin(2 * np.pi * 220 * time)).astype(np.float32)


def quiet(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * RATE_HZ), np.float32)


def kept(folder, name="clips/a.flac"):
    (folder / "clips").mkdir(exist_ok=True)
    write_audio(folder / name, tone(0.5))
    clip = replace(CLIP, audio=name)
    append_clips(folder, [clip])
    return clip


def test_clips_are_read_as_they_were_written(tmp_path):
    first, second = kept(tmp_path), kept(tmp_path, "clips/b.flac")
    assert read_clips(tmp_path) == [first, second]


def test_a_line_cut_short_by_a_power_cut_is_left_out_and_written_over(tmp_path):
    first = kept(tmp_path)
    with (tmp_path / "clips.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"audio": "clips/b.fl')
    assert read_clips(tmp_path) == [first]
    second = kept(tmp_path, "clips/b.flac")
    assert read_clips(tmp_path) == [first, second]


def test_a_clip_without_audio_does_not_count(tmp_path):
    kept(tmp_path)
    (tmp_path / "clips/a.flac").unlink()
    assert read_clips(tmp_path) == []


@pytest.mark.parametrize("line", ["[]", "{}", "nothing", '{"audio": 1}'])
def test_a_damaged_line_is_named(tmp_path, line):
    kept(tmp_path)
    with (tmp_path / "clips.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(CorpusError, match="line 2"):
        read_clips(tmp_path)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="'music'"):
        replace(CLIP, kind="music")


def test_a_disk_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(CorpusError, match="cannot be written"):
        write_audio(tmp_path / "no-folder" / "a.flac", tone(0.1))
    with pytest.raises(CorpusError, match="cannot be written"):
        append_clips(tmp_path / "no-folder", [CLIP])


def test_phrases_are_cut_apart_at_their_pauses():
    audio = np.concatenate(
        [quiet(0.5), tone(0.8), quiet(0.25), tone(1.6), quiet(0.2), tone(0.4), quiet(0.5)]
    )
    pieces = cut(audio, [8, 16, 4])
    assert [(piece.first, piece.last) for piece in pieces] == [(0, 1), (1, 2), (2, 3)]
    lengths = [len(piece.audio) / RATE_HZ for piece in pieces]
    assert lengths == pytest.approx([1.0, 1.8, 0.6], abs=0.03)
    assert [piece.end_s for piece in pieces] == pytest.approx([0.9, 1.7, 0.5], abs=0.03)


def test_a_pause_inside_a_phrase_cuts_nothing():
    audio = np.concatenate([tone(0.4), quiet(0.3), tone(0.6), quiet(0.2), tone(1.0)])
    assert [(piece.first, piece.last) for piece in cut(audio, [10, 10])] == [(0, 1), (1, 2)]


def test_phrases_without_a_pause_stay_together():
    audio = np.concatenate([tone(1.6), quiet(0.2), tone(0.8)])
    assert [(piece.first, piece.last) for piece in cut(audio, [8, 8, 8])] == [(0, 2), (2, 3)]


def test_silence_gives_no_pieces():
    assert cut(quiet(2), [5, 5]) == []
    assert cut(quiet(0), [5]) == []


VOICES = {
    name: np.full((4, 2), number, np.float32)
    for number, name in enumerate(["zf_a", "zm_b", "jf_c", "af_d", "jm_e", "af_f", "bm_g", "ef_h"])
}


def test_each_speaker_is_new_and_speaks_the_language_chiefly():
    mixer = Mixer(VOICES, "zh")
    speakers = [mixer.speaker(np.random.default_rng(number), "train") for number in range(40)]
    assert len({(float(one.styles[0, 0]), one.speed) for one in speakers}) == 40
    assert all(0.8 <= speaker.speed <= 1.25 for speaker in speakers)
    native = [speaker.chiefly for speaker in speakers if speaker.chiefly.startswith("z")]
    assert len(native) >= 38


def test_a_mixture_is_a_mean():
    speaker = Mixer({"zf_a": VOICES["zm_b"]}, "zh").speaker(np.random.default_rng(1), "dev")
    assert np.allclose(speaker.styles, VOICES["zm_b"]) and speaker.chiefly == "zf_a"


def test_a_language_without_a_voice_is_refused():
    with pytest.raises(ValueError, match="none of the voices speaks en"):
        Mixer({"zf_a": VOICES["zf_a"]}, "en")
