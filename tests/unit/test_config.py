import dataclasses
from pathlib import Path

import pytest

from voice.config import Config
from voice.config_file import field_docs, load_config, print_config
from voice.errors import ConfigError


def test_every_key_is_documented() -> None:
    sections = [getattr(Config(), section.name) for section in dataclasses.fields(Config)]
    missing = [
        f"{type(values).__name__}.{key}"
        for values in sections
        for key, doc in field_docs(type(values)).items()
        if not doc
    ]
    assert missing == []


def test_printed_configuration_reads_back_as_itself(tmp_path: Path) -> None:
    path = tmp_path / "hean.toml"
    path.write_text(print_config(Config()), encoding="utf-8")
    assert load_config(path) == Config()


def test_settings_win_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "hean.toml"
    path.write_text("[tts]\nspeed = 0.9\nthreads = 1\n", encoding="utf-8")
    config = load_config(path, ["tts.speed=1.2", "asr.language=zh"])
    assert (config.tts.speed, config.tts.threads, config.asr.language) == (1.2, 1, "zh")


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("tts.sped=1", "did you mean speed?"),
        ("tss.speed=1", "did you mean tts?"),
        ("tts.speed=fast", "must be of type float"),
        ("tts.speed=9", "tts.speed is 9"),
        ("asr.threads=true", "must be of type int"),
        ("asr.language=de", "must be auto, zh or en"),
        ("speed", "not of the form section.key=value"),
        ("=1", "not of the form section.key=value"),
        ("a\nb", "--set a b: not of the form"),
        ("a\nb.c=1", "unknown section [a b]"),
        ("tts.a\nb=1", "unknown key tts.a b"),
    ],
)
def test_wrong_settings_are_named(setting: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(None, [setting])
    assert said in caught.value.message
    assert caught.value.fix


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[tts\n", "not valid TOML"),
        (b"\xff\xfe", "not valid TOML"),
        (b"tts = 3\n", "must be a section"),
        (b"[llm]\ncontext_tokens = 1\n", "llm.context_tokens is 1"),
    ],
)
def test_wrong_files_are_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "hean.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        load_config(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml"):
        load_config(tmp_path / "absent.toml")
