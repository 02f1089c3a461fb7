"""What a Raspberry Pi 5 would take, estimated from this machine by one published ratio.

An estimate and no measurement: it multiplies what computing takes by how much slower one core of
a Pi is in a general benchmark. Engines of this kind live on vector instructions and on memory,
which no such benchmark weighs as they do, so that a Pi may well be slower than estimated. Waits
that are no computing (silence that ends a question, buffers of the sound card) stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

SOURCE = (
    "published single-core figures of a Raspberry Pi 5 at 2.4 GHz: Geekbench 6, 748 "
    "(browser.geekbench.com/v6/cpu/2808487, in geerlingguy/sbc-reviews issue 21, 2023); 7-zip on "
    "one core, 3160 (sbc-bench, table by arkadijs, gist 117934b6a3f011dc7024193bcb0b82a8)"
)
_WAITED = ("stage_endpoint_s", "stage_output_s")
_TIMES = re.compile(r"^(ask|answer|tts|llm|kb)/.*(_s|_ms)(\.|$)|real_time_factor|core_fraction")
_SPEEDS = re.compile(r"^llm/.*_per_s$")
_WHOLE_WAITS = ("voice_to_voice_vetted_s", "first_sound_composed_s", "voice_to_voice_other_s")


def estimates(
    groups: Mapping[str, Mapping[str, Mapping[str, Any]]], ratio: float
) -> tuple[str, list[tuple[str, float, float]]]:
    """Return how it was estimated, and each figure here and there (medians)."""
    how = (
        f"One core of this machine counts as {ratio:g} times one of a Raspberry Pi 5, a ratio that "
        f"was given by whoever made this page; for it there are {SOURCE}. Times of computing are "
        "multiplied by it, speeds divided; silence that is waited for stays. Vector instructions "
        "and memory are not weighed, so that a real Pi may be slower."
    )
    return how, list(_rows(groups, ratio))


def _rows(
    groups: Mapping[str, Mapping[str, Mapping[str, Any]]], ratio: float
) -> Iterator[tuple[str, float, float]]:
    waited = sum(groups.get("answer", {}).get(key, {}).get("p50", 0.0) for key in _WAITED)
    for bench, figures in groups.items():
        for key, figure in figures.items():
            here = float(figure.get("p50", figure.get("value", 0.0)))
            name = f"{bench}/{key}"
            if _SPEEDS.search(name):
                yield name, here, here / ratio
            elif key in _WAITED:
                yield name, here, here
            elif key in _WHOLE_WAITS:
                still = min(waited, here)
                yield name, here, still + (here - still) * ratio
            elif _TIMES.search(name):
                yield name, here, here * ratio
