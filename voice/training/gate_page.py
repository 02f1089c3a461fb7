"""Before and after training as one page: the verdict first, then why, then every answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from voice.html_tables import table, whole_page

_STYLE = """
.verdict { border-left: .6rem solid #888; padding: .2rem 1rem; font-size: 1.2rem }
.pass { border-color: #2a2 } .worse { border-color: #c33 } .no-proven-gain { border-color: #c90 }
section.row { border-left: .3rem solid #8886; margin: 1.2rem 0; padding-left: 1rem }
section.row.changed { border-color: #37c } section.row.lost { border-color: #c33 }
section.row th { font-weight: normal; opacity: .75; white-space: nowrap }
pre { white-space: pre-wrap; max-height: 12rem; overflow-y: auto }
"""
_TITLES = {
    "pass": "Pass: it answers better, and nothing that counts got worse",
    "no proven gain": "No proven gain: chance could explain the difference",
    "worse": "Worse: do not use this model",
}
_FIGURES = (
    ("size of the files, MB", "size_mb"),
    ("memory while answering, MB", "memory_mb"),
    ("answer tokens per second", "tokens_per_s"),
    ("prompt tokens per second", "prompt_tokens_per_s"),
    ("loss of the right answers, nats per token", "loss"),
    ("likeness to the right answers, 0 to 1", "score"),
)


def page(result: Mapping[str, Any]) -> str:
    """Return the page for what `hean eval model --json` prints."""
    return whole_page(
        "He'an: a model before and after training",
        _STYLE,
        [
            "<h1>Did training make the model better?</h1>",
            _verdict(result),
            "<h2>Counted</h2>",
            _counts(result["counts"]),
            "<h2>Measured</h2>",
            _measured(result),
            _variants(result.get("variants", ())),
            "<h2>General knowledge</h2>",
            table(("asked", "before", "after"), [tuple(row.values()) for row in result["general"]]),
            f"<h2>Answers side by side ({result['n']})</h2>",
            *_rows(result["rows"]),
        ],
    )


def _verdict(result: Mapping[str, Any]) -> str:
    word = result["verdict"]
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in result["reasons"])
    kind = word.replace(" ", "-")
    models = " → ".join(escape(model["name"]) for model in result["models"])
    return (
        f'<div class="verdict {kind}"><p><b>{escape(_TITLES[word])}</b></p><ul>{reasons}</ul>'
        f"<p>{models}, asked {result['n']} held-out rows</p></div>"
    )


def _counts(counts: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (c["name"], c["before"], c["after"], c["of"], "worse" if c["is_worse"] else "")
        for c in counts
        if c["of"]
    ]
    return table(("", "before", "after", "of", ""), rows)


def _measured(result: Mapping[str, Any]) -> str:
    before, after = result["models"]
    rows: list[tuple[Any, ...]] = [
        (name, _short(before[key]), _short(after[key]), "") for name, key in _FIGURES
    ]
    rows += [
        ("change of the likeness", "", "", _interval(result["score"])),
        ("change of the loss", "", "", _interval(result["loss"])),
    ]
    names = {"zh": "Chinese", "en": "English"}
    for language, change in result["forgetting"].items():
        rows.append((f"change of the loss, general {names[language]}", "", "", _interval(change)))
    return table(("", "before", "after", "change (95 % interval)"), rows)


def _variants(variants: Sequence[Mapping[str, Any]]) -> str:
    if not variants:
        return ""
    return "<h2>Every form of the model</h2>" + table(VARIANT_HEAD, map(variant_row, variants))


VARIANT_HEAD = (
    "form", "answers", "corrections", "refusals", "unsupported", "language kept", "ended",
    "likeness", "loss", "MB", "tokens/s", "memory MB", "verdict",
)  # fmt: skip


def variant_row(variant: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return one form of a model as a row under VARIANT_HEAD."""
    f = variant["figures"]
    return (
        variant["name"],
        *("/".join(map(str, f[key])) for key in ("answers", "corrections", "refusals")),
        f"{f['unsupported']}+{f['spoken_unsupported']}",
        f"{f['in_language']}/{f['n']}",
        f"{f['ended']}/{f['n']}",
        *(_short(f[key]) for key in ("score", "loss", "size_mb", "tokens_per_s", "memory_mb")),
        variant["verdict"],
    )


def _rows(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        before, after = row["before"], row["after"]
        kind = "" if before["right"] == after["right"] else " changed"
        if before["right"] and not after["right"]:
            kind = " lost"
        lines = [
            ("wanted", row["reference"]),
            ("before", before["text"] + _remarks(before)),
            ("after", after["text"] + _remarks(after)),
        ]
        title = escape(f"{row['kind'] or 'row'} · {row['language']} · {row['id']}")
        asked = f"<details><summary>{title}</summary><pre>{escape(row['asked'])}</pre></details>"
        yield f'<section class="row{kind}">{asked}{table((), lines)}</section>'


def _remarks(reply: Mapping[str, Any]) -> str:
    remarks = [f"likeness {reply['score']:.2f}"]
    if reply["outcome"] != "end":
        remarks.append("did not end")
    remarks += [f"stopped by the check: {claim}" for claim in reply["unsupported"]]
    remarks += [f"WOULD BE SPOKEN WITHOUT SUPPORT: {c}" for c in reply["spoken_unsupported"]]
    return f"  [{'; '.join(remarks)}]"


def _interval(change: Mapping[str, Any]) -> str:
    return f"{change['mean']:+.3f} ({change['low']:+.3f} to {change['high']:+.3f})"


def _short(value: float) -> float | int:
    return value if isinstance(value, int) else round(value, 3)
