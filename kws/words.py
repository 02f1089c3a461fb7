"""The wake words of the owner, kept in a small TOML file.

[[words]]
text = "你好核安"
pinyin = ["nǐ hǎo hé ān"]
boost = 1.5
threshold = 0.25
enabled = true
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from kws import DEFAULT_WORDS, WakeWordError
from kws.pinyin import HAN, parse_pinyin, reading

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

BOOSTS, THRESHOLDS = (0.0, 10.0), (0.01, 1.0)
"""Ranges."""
LONGEST = 16
"""Characters of a word; nobody says a longer one."""

_ALLOWED = re.compile(f"[{HAN}A-Za-z' ]+")
_HEADER = """\
# Wake words of He'an. `hean wake add`, `list`, `remove` and `test` look after this file.
# A lower threshold wakes more easily, and more often by mistake; so does more boost, which
# concerns the engine zipformer alone.
"""


@dataclass(frozen=True)
class WakeWord:
    """A wake word and how it is listened for."""

    text: str
    """As the owner writes it, without spaces at the ends."""
    pinyin: tuple[str, ...] = ()
    """Ways to say it: syllables with tone marks, set apart by spaces. Empty for English words."""
    boost: float = 1.5
    """Added for each of its tokens by zipformer, so that it is found sooner."""
    threshold: float = 0.25
    """For zipformer and whisper: mean probability of its sounds from which it counts as heard."""
    enabled: bool = True

    def __post_init__(self) -> None:
        if not _ALLOWED.fullmatch(self.text) or self.text != self.text.strip():
            raise WakeWordError(
                f"the wake word {self.text!r} must be of Chinese characters or English letters"
            )
        if len(re.sub("[A-Za-z']+", "a", self.text)) > LONGEST:
            raise WakeWordError(f"the wake word {self.text!r} is longer than {LONGEST} characters")
        chinese = len(re.findall(f"[{HAN}]", self.text))
        for way in self.pinyin:
            if way != parse_pinyin(way) or len(way.split()) != chinese:
                raise WakeWordError(
                    f"{way!r} is no pinyin of {self.text}: it must have {chinese} syllables"
                )
        if bool(self.pinyin) != bool(chinese):
            raise WakeWordError(
                f"the wake word {self.text!r} must have pinyin for its Chinese part"
            )
        _check_range(self, "boost", BOOSTS)
        _check_range(self, "threshold", THRESHOLDS)


def make_word(text: str, pinyin: Sequence[str] = (), **settings: float) -> WakeWord:
    """Return a wake word; without `pinyin` it is read in the likeliest way.

    Raises WakeWordError.
    """
    ways = [parse_pinyin(way) for way in pinyin] or ([reading(text)] if reading(text) else [])
    return WakeWord(text, tuple(dict.fromkeys(ways)), **settings)  # type: ignore[arg-type]


def load_words(path: Path) -> list[WakeWord]:
    """Return the words of a file; the default ones if there is no file.

    Raises WakeWordError that names the file and the word at fault.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return [make_word(text) for text in DEFAULT_WORDS]
    except (OSError, ValueError, RecursionError) as error:  # nesting beyond all sense, too
        raise WakeWordError(f"{path} cannot be read: {error}") from error
    rows = table.get("words", [])
    tables = isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
    if table.keys() - {"words"} or not tables:
        raise WakeWordError(f"{path} must hold nothing but [[words]]")
    try:
        words = [_word(row) for row in rows]
        check_distinct(words)
    except WakeWordError as error:
        raise WakeWordError(f"{path}: {error}") from error
    return words


def save_words(path: Path, words: Iterable[WakeWord]) -> None:
    """Replace the file as a whole: interrupted, the old one stays.

    Raises WakeWordError.
    """
    text = _HEADER + "".join(f"\n{_as_toml(word)}" for word in words)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o644)
            os.replace(name, path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise WakeWordError(f"{path} cannot be written: {error.strerror}") from error


def check_distinct(words: Iterable[WakeWord]) -> None:
    """Raise WakeWordError if a word is there twice."""
    seen = set()
    for word in words:
        if word.text.casefold() in seen:
            raise WakeWordError(f"the wake word {word.text!r} is there twice")
        seen.add(word.text.casefold())


def _word(row: Mapping[str, Any]) -> WakeWord:
    kinds = {"text": str, "pinyin": list, "boost": float, "threshold": float, "enabled": bool}
    name = row.get("text", "?")
    for key, value in row.items():
        if key not in kinds:
            raise WakeWordError(f"the wake word {name} has an unknown key {key!r}")
        fits = isinstance(value, kinds[key]) or (kinds[key] is float and type(value) is int)
        if not fits or (key == "pinyin" and not all(isinstance(way, str) for way in value)):
            raise WakeWordError(f"the wake word {name} has a wrong {key}: {value!r}")
    if "text" not in row:
        raise WakeWordError("a wake word has no text")
    values = dict(row)
    ways = tuple(map(parse_pinyin, values.pop("pinyin", ()))) or make_word(values["text"]).pinyin
    return WakeWord(pinyin=ways, **values)


def _as_toml(word: WakeWord) -> str:
    values = {each.name: getattr(word, each.name) for each in fields(word)}
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join(["[[words]]", *lines, ""])


def _check_range(word: WakeWord, key: str, allowed: tuple[float, float]) -> None:
    value = getattr(word, key)
    if not allowed[0] <= value <= allowed[1]:
        raise WakeWordError(
            f"{key} of {word.text} is {value}; it must be from {allowed[0]} to {allowed[1]}"
        )
