"""The report on a trained wake word model as one page, with its curves drawn in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from voice.html_tables import table, whole_page

_STYLE = "svg { max-width: 30rem; background: #8881 } text { font-size: 11px; fill: currentColor }"
_WIDTH, _HEIGHT, _EDGE = 420, 220, 34
_COLOURS = {"clean": "#2a2", "10db": "#37c", "10db_room": "#82c", "5db": "#c90", "near": "#c33"}
_NAMES = {
    "clean": "missed, clean", "10db": "missed, noise 10 dB below",
    "10db_room": "missed, 10 dB below and echo", "5db": "missed, 5 dB below",
    "near": "near-misses that wake",
}  # fmt: skip

Row = Mapping[str, Any]


def page(report: Row) -> str:
    """Return the page."""
    chosen: Mapping[str, Row] = report["chosen"]
    corpus, training = report["corpus"], report["training"]
    return whole_page(
        "He'an: a wake word model",
        _STYLE,
        [
            f"<h1>Wake words: {escape('、'.join(word for word in chosen if word != '*'))}</h1>",
            f"<p>Made on {report['made']} by <code>{escape(report['command'])}</code></p>",
            f"<p>{corpus['hours']} hours of speech, {training['steps']} steps in "
            f"{training['minutes']} minutes, {training['bytes'] / 1e6:.1f} MB. All figures are of "
            "the development set: speakers and texts that the model did not learn from, and on "
            "which boost and threshold were chosen; those of an independent measurement "
            "(<code>hean bench wake</code>) are worse.</p>",
            _list(report["doubts"]),
            "<h2>Chosen</h2>",
            "<p>Where a hit is confirmed by another engine before it counts:</p>",
            _points(chosen),
            "<p>Where a hit counts at once:</p>",
            _points(report["sure"]),
            "<p>* stands for words that were typed and not trained for.</p>",
            *(_word(word, point, report) for word, point in chosen.items() if word != "*"),
            "<h2>Sounds</h2>",
            table(("kind", "how many"), list(report["counts"].items())),
            table(("clips of the corpus", "how many"), sorted(corpus["clips"].items())),
        ],
    )


def _list(doubts: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(doubt)}</li>" for doubt in doubts) + "</ul>"


def _points(points: Mapping[str, Row]) -> str:
    return table(
        ("word", "boost", "threshold", *_NAMES.values(), "false wakes an hour"),
        [_chosen(word, point) for word, point in points.items()],
    )


def _chosen(word: str, point: Row) -> tuple[Any, ...]:
    missed = [_percent(point["miss"].get(name)) for name in _NAMES if name != "near"]
    near, false = _percent(point["near"]), f"{point['false_per_hour']:.1f}"
    return word, point["boost"], point["threshold"], *missed, near, false


def _word(word: str, point: Row, report: Row) -> str:
    curve = [
        one for one in report["curves"] if one["word"] == word and one["boost"] == point["boost"]
    ]
    voices = [
        (voice, _percent(missed), count)
        for voice, (missed, count) in report["voices"].get(word, {}).items()
    ]
    return (
        f"<h2>{escape(word)}, boost {point['boost']:g}</h2>"
        + _drawn(curve, point["threshold"])
        + table(("voice", "missed, clean and 10 dB", "of"), voices)
    )


def _drawn(curve: Sequence[Row], threshold: float) -> str:
    """Return shares against the threshold as a picture."""
    lines = {name: [_share(one, name) for one in curve] for name in _NAMES}
    xs = [_EDGE + (_WIDTH - 2 * _EDGE) * one["threshold"] for one in curve]
    shapes = [
        f'<polyline fill="none" stroke="{_COLOURS[name]}" stroke-width="2" points="'
        + " ".join(f"{x:.0f},{_y(y):.0f}" for x, y in zip(xs, shares, strict=True))
        + f'"><title>{_NAMES[name]}</title></polyline>'
        for name, shares in lines.items()
    ]
    at = _EDGE + (_WIDTH - 2 * _EDGE) * threshold
    shapes.append(f'<path d="M{at:.0f} {_y(0)}V{_y(1)}" stroke="#888" stroke-dasharray="4"/>')
    shapes += [
        f'<text x="2" y="{_y(share) + 4:.0f}">{share:.0%}</text>' for share in (0.0, 0.5, 1.0)
    ]
    shapes += [
        f'<text x="{_EDGE + (_WIDTH - 2 * _EDGE) * value:.0f}" y="{_HEIGHT - 8}">{value:g}</text>'
        for value in (0.2, 0.4, 0.6, 0.8)
    ]
    key = "".join(
        f'<span style="color:{_COLOURS[name]}">&#9632;</span> {text} '
        for name, text in _NAMES.items()
    )
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}">{"".join(shapes)}</svg><p>{key}by threshold</p>'


def _share(point: Row, name: str) -> float:
    return float(point["near"] if name == "near" else point["miss"].get(name, 0.0))


def _y(share: float) -> float:
    return _HEIGHT - _EDGE - (_HEIGHT - 1.6 * _EDGE) * share


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
