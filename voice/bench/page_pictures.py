"""Pictures of the page of benchmarks: inline SVG, in the colours of the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

import numpy as np

_WIDTH = 1100
_LABEL = 330
_ROW = 26
_BAR = 34
_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")
"""Told apart by colour-blind people, on light and dark (Paul Tol, Colour Schemes, 2021, bright)."""


def stages(rows: Sequence[tuple[str, Mapping[str, float]]]) -> str:
    """Return bars whose pieces are stages that follow one another, lengths in seconds."""
    longest = max(sum(parts.values()) for _, parts in rows) or 1.0
    scale = (_WIDTH - 120) / longest
    body, top = [], 0
    for name, parts in rows:
        body.append(_text(0, top + _BAR / 2 + 4, name))
        body += _pieces(parts, top, scale)
        total = sum(parts.values())
        body.append(_text(50 + total * scale, top + _BAR / 2 + 4, f"{total:.2f} s"))
        top += _BAR + 8
    body += _legend(list(rows[0][1]), top + 4)
    return _svg(top + 34, "stages of a turn", body)


def dots(rows: Mapping[str, Sequence[float]]) -> str:
    """Return a row of dots for each key, with median and 95th percentile."""
    body = []
    for number, (key, values) in enumerate(rows.items()):
        middle = number * _ROW + _ROW / 2
        most = max(max(values), 0.0) or 1.0
        scale = (_WIDTH - _LABEL - 90) / most
        body.append(_text(0, middle + 4, key))
        body += [
            f'<circle cx="{_LABEL + max(v, 0) * scale:.1f}" cy="{middle}" r="3.5" '
            f'fill="{_COLOURS[0]}" fill-opacity=".45"/>'
            for v in values
        ]
        for part, half in ((50, 10), (95, 6)):
            x = _LABEL + max(float(np.percentile(values, part)), 0.0) * scale
            body.append(_line(x, middle - half, x, middle + half))
        body.append(_text(_WIDTH - 80, middle + 4, f"{most:.3g}"))
    return _svg(len(rows) * _ROW, "single measurements", body)


def _pieces(parts: Mapping[str, float], top: float, scale: float) -> Iterator[str]:
    x = 45.0
    for colour, (name, seconds) in zip(_COLOURS, parts.items(), strict=False):
        width = seconds * scale
        yield (
            f'<rect x="{x:.1f}" y="{top}" width="{width:.1f}" height="{_BAR}" fill="{colour}">'
            f"<title>{escape(name)}: {seconds:.3f} s</title></rect>"
        )
        x += width


def _legend(names: Sequence[str], top: float) -> Iterator[str]:
    for number, (colour, name) in enumerate(zip(_COLOURS, names, strict=False)):
        x = 45 + number * 150
        yield f'<rect x="{x}" y="{top}" width="14" height="14" fill="{colour}"/>'
        yield _text(x + 20, top + 12, name)


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        'stroke="currentColor" stroke-width="2"/>'
    )


def _svg(height: float, label: str, body: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-label="{escape(label)}">'
        + "".join(body)
        + "</svg>"
    )
