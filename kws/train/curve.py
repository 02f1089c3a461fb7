"""The losses of a run as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

_LINES = (
    ("loss", "transducer", "-"),
    ("ctc", "CTC", "-"),
    ("dev", "held out", "o-"),
    ("shuffled", "with the wrong audio", ":"),
)
_HIGHEST = 6.0
"""The first steps are far above, and would leave no room for what follows."""


def draw(metrics: Sequence[Mapping[str, float]], path: Path) -> None:
    """Draw the losses of each token by step. The line of the wrong audio must part from the one
    of the right audio: otherwise texts are learnt by heart and nothing is heard."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # draws without a screen
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for key, label, style in _LINES:
        points = [(row["step"], row[key]) for row in metrics if key in row]
        if points:
            axes.plot(*zip(*points, strict=True), style, label=label, markersize=4)
    axes.set(xlabel="step", ylabel="loss of a token", ylim=(0, _HIGHEST))
    axes.legend()
    axes.grid(alpha=0.3)
    partial = path.with_name(f".{path.name}.partial")
    figure.savefig(partial, format="png", dpi=110)
    partial.replace(path)
