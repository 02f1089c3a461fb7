from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.virtual_audio import VirtualMicrophone, VirtualSpeaker
from voice.audio.pcm import level_dbfs
from voice.audio.wavfile import WavMicrophone, WavSpeaker, read_audio, write_wav
from voice.errors import InputError


def tone(rate_hz: int, seconds: float = 1.0) -> np.ndarray:
    at = np.arange(int(rate_hz * seconds)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * 440 * at)).astype(np.float32)


@pytest.mark.parametrize(
    ("suffix", "subtype"),
    [
        (".wav", "PCM_U8"),
        (".wav", "PCM_16"),
        (".wav", "PCM_24"),
        (".wav", "PCM_32"),
        (".wav", "FLOAT"),
        (".wav", "DOUBLE"),
        (".wav", "ULAW"),
        (".flac", "PCM_16"),
        (".flac", "PCM_24"),
        (".ogg", "VORBIS"),
        (".mp3", "MPEG_LAYER_III"),
    ],
)
@pytest.mark.parametrize(("rate_hz", "channels"), [(16_000, 1), (44_100, 2), (48_000, 6)])
def test_every_format_is_heard_alike(
    tmp_path: Path, suffix: str, subtype: str, rate_hz: int, channels: int
) -> None:
    if suffix in (".mp3", ".ogg"):
        channels = min(channels, 2)  # more have roles of their own there
    path = tmp_path / f"question{suffix}"
    soundfile.write(path, np.stack([tone(rate_hz)] * channels, 1), rate_hz, subtype=subtype)
    audio, length_s = read_audio(path, 16_000)
    assert length_s == pytest.approx(1.0, abs=0.1)
    assert len(audio) == pytest.approx(16_000, abs=1600)
    assert level_dbfs(audio[2000:14_000]) == pytest.approx(level_dbfs(tone(16_000)), abs=0.5)


def test_only_the_beginning_of_a_long_recording_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(8000 * 600, np.int16), 8000)
    audio, length_s = read_audio(path, 16_000, max_s=30)
    assert (len(audio), length_s) == (480_000, 600)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_a_recording_cut_short_is_read_as_far_as_it_goes(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"whole{suffix}"
    noise = np.random.default_rng(0).normal(0, 0.1, 160_000).astype(np.float32)
    soundfile.write(path, noise, 16_000)
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    audio, _ = read_audio(cut, 16_000)
    assert 40_000 < len(audio) < 120_000


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"RIFF", "not a recording"),
        (b"hello, this is not audio at all" * 50, "not a recording"),
        (b"\0" * 5000, "not a recording"),
    ],
)
def test_what_is_no_recording_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "question.wav"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        read_audio(path, 16_000)
    assert caught.value.fix


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    for path, said in (
        (tmp_path / "absent.wav", "no such file"),
        (tmp_path / ("核" * 200), "file name too long"),
        (tmp_path, "no recording but a folder"),
        (Path("/dev/null"), "or a device"),
    ):
        with pytest.raises(InputError, match=said):
            read_audio(path, 16_000)


def test_one_sample_and_no_sample_are_audio(tmp_path: Path) -> None:
    for count in (0, 1):
        path = tmp_path / f"{count}.wav"
        soundfile.write(path, np.zeros(count, np.float32), 16_000)
        assert len(read_audio(path, 16_000)[0]) == count


def test_writing_leaves_no_half_file(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "answer.wav"
    write_wav(target, tone(24_000), 24_000)
    assert [p.name for p in target.parent.iterdir()] == ["answer.wav"]
    assert soundfile.info(target).samplerate == 24_000
    blocked = target / "impossible.wav"
    with pytest.raises(InputError, match="cannot be written"):
        write_wav(blocked, tone(24_000), 24_000)
    assert [p.name for p in target.parent.iterdir()] == ["answer.wav"]


def test_a_recording_plays_in_real_time_with_silence_after_it(tmp_path: Path) -> None:
    path = tmp_path / "question.wav"
    write_wav(path, tone(16_000), 16_000)
    slept: list[float] = []
    microphone = WavMicrophone(path, 16_000, chunk_s=0.1, tail_s=0.5)
    audio = np.concatenate(list(microphone.chunks(sleep=slept.append)))
    assert len(audio) == 24_000
    assert not audio[16_000:].any()
    # Nothing passes between chunks here, so each wait reaches from the start to its chunk's end.
    assert slept[-1] == pytest.approx(1.5, abs=0.4)
    assert slept == sorted(slept)


def test_a_closed_recording_ends(tmp_path: Path) -> None:
    path = tmp_path / "question.wav"
    write_wav(path, tone(16_000), 16_000)
    microphone = WavMicrophone(path, 16_000, real_time=False)
    chunks = microphone.chunks()
    next(chunks)
    microphone.close()
    assert list(chunks) == []


def test_flushed_turns_are_barred_for_good(tmp_path: Path) -> None:
    path = tmp_path / "answer.wav"
    file, memory = WavSpeaker(path, 16_000), VirtualSpeaker(16_000)
    for speaker in (file, memory):
        speaker.play(np.full(10, 0.1, np.float32), 16_000, turn=1)
        speaker.flush(before=2)
        speaker.play(np.full(10, 0.9, np.float32), 16_000, turn=1)
        speaker.play(np.full(10, 0.5, np.float32), 16_000, turn=2)
        assert speaker.drain(2, 1.0)
        speaker.close()
    assert np.allclose(read_audio(path, 16_000)[0], [0.1] * 10 + [0.5] * 10, atol=1e-3)
    assert np.allclose(memory.audio(1), 0.1)
    assert np.allclose(memory.audio(2), 0.5)


def test_the_virtual_microphone_ends_when_closed() -> None:
    microphone = VirtualMicrophone(16_000)
    microphone.feed(np.ones(3, np.float32))
    microphone.close()
    assert [len(chunk) for chunk in microphone.chunks()] == [3]
