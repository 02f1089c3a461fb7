"""Recordings of people for the corpus of a wake word model, with a table of transcripts."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from zlib import crc32

from kws import RATE_HZ, WakeWordError
from kws.train.corpus import AUDIO, Clip, append_clips, read_clips, write_audio
from kws.train.spelling import Speller
from voice.audio.wavfile import read_audio
from voice.errors import InputError
from voice.tts.reading_zh import read_zh

COLUMNS = {
    "file": ("file", "path", "audio"),
    "transcript": ("transcript", "text", "sentence"),
    "speaker": ("speaker", "client_id"),
}
"""Names that the columns of a table of transcripts may have."""
SECONDS = (0.4, 12.0)
"""Shorter and longer recordings are left out."""
DEV_EVERY = 4


def add_speech(source: Path, corpus: Path, speller: Speller) -> tuple[int, int]:
    """Add the recordings of a folder to a corpus; return how many were added, and left out.

    Left out are those without a transcript, and those that cannot be spelled. What is in the
    corpus already is not added again. Raises InputError.
    """
    done = {clip.audio for clip in read_clips(corpus)}
    (corpus / AUDIO).mkdir(parents=True, exist_ok=True)
    added = left_out = 0
    for number, (row, path) in enumerate(_rows(source)):
        known_by = f"{source.name}/{row['file']}".encode()
        name = f"{AUDIO}/human-{crc32(known_by):08x}.flac"
        if name in done:
            continue
        clip = _clip(row, path, corpus / name, speller, number)
        if clip is None:
            left_out += 1
            continue
        append_clips(corpus, [clip])
        added += 1
    return added, left_out


def _rows(source: Path) -> Iterator[tuple[Mapping[str, str], Path]]:
    tables = sorted(source.glob("*.tsv"))
    if not tables:
        raise InputError(
            f"{source}: there is no table of transcripts",
            "a .tsv file with a line of names: file, transcript, speaker",
        )
    for table in tables:
        with table.open(encoding="utf-8", newline="") as file:
            lines = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            names = {key: _named(lines.fieldnames or (), key, table) for key in COLUMNS}
            for line in lines:
                row = {key: line.get(name) or "" for key, name in names.items()}
                if (path := source / row["file"]).is_file():
                    yield row, path


def _named(columns: object, key: str, table: Path) -> str:
    names = list(columns) if isinstance(columns, list | tuple) else []
    found = next((name for name in COLUMNS[key] if name in names), "")
    if not found and key != "speaker":
        raise InputError(f"{table}: no column {key!r}", f"it has {', '.join(names)}")
    return found


def _clip(
    row: Mapping[str, str], path: Path, target: Path, speller: Speller, number: int
) -> Clip | None:
    """Return the clip of a recording, written to `target`; None if it cannot be used."""
    text = "".join(read_zh(row["transcript"]).split())
    try:
        tokens = speller.spell(text)
    except WakeWordError:
        return None
    audio, seconds = read_audio(path, RATE_HZ)
    if not SECONDS[0] <= seconds <= SECONDS[1]:
        return None
    write_audio(target, audio)
    return Clip(
        audio=f"{AUDIO}/{target.name}",
        text=text,
        tokens=tokens,
        kind="human",
        word="",
        speaker=row["speaker"],
        split="dev" if number % DEV_EVERY == DEV_EVERY - 1 else "train",
        seconds=round(seconds, 3),
    )
