"""The result of an evaluation as one page: no script, no address, opens from a USB stick."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from llm.score import FAULTS
from voice.evaluation.compare import is_good
from voice.html_tables import line, table, table_of, whole_page

_STYLE = """
section.miss { border-left: .4rem solid #c33; margin: 1.5rem 0; padding-left: 1rem }
section.miss h3 { margin: 0 }
section.miss th { font-weight: normal; opacity: .75; white-space: nowrap }
"""
_ANSWER = "an answer"


def page(result: Mapping[str, Any]) -> str:
    """Return the page for what `hean eval answers --json` prints."""
    rows: Sequence[Mapping[str, Any]] = result["rows"]
    misses = [row for row in rows if not is_good(row)]
    changes = {identity: "worse" for identity in result.get("compare", {}).get("worse", ())}
    parts = [
        "<h1>How true are the answers?</h1>",
        _about(result["run"]),
        "<h2>Totals</h2>",
        _totals(result),
        _comparison(result["compare"]) if "compare" in result else "",
        "<h2>Decisions</h2>",
        _decisions(rows),
        f"<h2>Misses ({len(misses)})</h2>",
        *(_miss(row, changes.get(row["id"], "")) for row in misses),
        "<h2>All questions</h2>",
        _all_rows(rows),
    ]
    return whole_page("He'an: evaluation of answers", _STYLE, parts)


def shares(result: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """Return what was counted, how often, and out of how many."""
    facts, total = result["n_facts"], result["n"]
    return [
        ("right", result["right"], facts),
        ("right, and all expected facts used", result["right_strict"], facts),
        ("wrong", result["wrong"], facts),
        ("refused although there is an answer", result["over_refused"], facts),
        ("refused, corrected, handed over as expected", result["refused_right"], total - facts),
        ("answered otherwise than expected", result["refused_wrong"], total - facts),
        ("claims without support", result["unsupported"], total),
        ("composed by the model", result["composed"], total),
        ("composed, but dropped by verification", result["composed_dropped"], total),
    ]


def share(count: int, total: int) -> str:
    """Return a count as a share."""
    return f"{count / total:.1%}" if total else "-"


def _about(run: Mapping[str, Any]) -> str:
    how = "spoken by " + ", ".join(run["voices"]) if run["spoken"] else "in writing"
    noise = "" if not run["noise"] else f", with noise ({run['noise']}) at {run['noise_db']:g} dB"
    lines = [
        ("asked", how + noise),
        ("knowledge", run["knowledge"]),
        ("language model", run["llm"] or "none"),
        ("machine", ", ".join(f"{k} {v}" for k, v in run["machine"].items())),
        ("versions", ", ".join(f"{k} {v}" for k, v in run["versions"].items() if v)),
    ]
    return table((), lines)


def _totals(result: Mapping[str, Any]) -> str:
    rows = [(name, n, total, share(n, total)) for name, n, total in shares(result)]
    text = table(("", "n", "of", "share"), rows)
    faults = [(FAULTS[f], n) for f, n in result["faults"].items() if n]
    if faults:
        text += table(("stage at fault", "n"), faults)
    if "cer_raw" in result:
        rates = [("heard", result["cer_raw"]), ("repaired", result["cer_repaired"])]
        text += table(("errors per character or word",), [(n, f"{r:.1%}") for n, r in rates])
    if "by_voice" in result:
        keys = list(next(iter(result["by_voice"].values())))
        counts = [(voice, *row.values()) for voice, row in result["by_voice"].items()]
        text += table(("voice", *keys), counts)
    return text


def _comparison(change: Mapping[str, Any]) -> str:
    rows = [(k, *_blank(pair)) for k, pair in change["figures"].items() if any(_blank(pair))]
    return (
        "<h2>Before and after</h2>"
        + table(("", "before", "after"), rows)
        + table(
            (),
            [
                ("better", len(change["better"]), ", ".join(change["better"])),
                ("worse", len(change["worse"]), ", ".join(change["worse"])),
                ("as before", change["same"], ""),
            ],
        )
    )


def _blank(pair: Iterable[Any]) -> list[Any]:
    return ["" if value is None else value for value in pair]


def _decisions(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return how often each expectation met each decision."""
    pairs = Counter((_expectation(row), row["decision"]) for row in rows)
    expected = sorted({pair[0] for pair in pairs})
    decided = sorted({pair[1] for pair in pairs})
    counts = [(e, *(pairs[e, d] or "" for d in decided)) for e in expected]
    return table(("expected ↓ decided →", *decided), counts)


def _expectation(row: Mapping[str, Any]) -> str:
    return row["expected"] if isinstance(row["expected"], str) else _ANSWER


def _miss(row: Mapping[str, Any], change: str) -> str:
    lines = [
        ("stage at fault", FAULTS.get(row["fault"], row["fault"])),
        ("outcome", row["outcome"].replace("_", " ") + (f" ({change})" if change else "")),
        ("heard", f"{row['heard']} ({row['voice']})" if row["voice"] else ""),
        ("understood", row["understood"]),
        ("decided", f"{row['decision']}: {row['reason']}"),
        ("expected", expected_of(row)),
        ("facts used", ", ".join(row["facts"])),
        ("found", ", ".join(f"{hit['id']} ({hit['score']:.2f})" for hit in row["found"])),
        ("answered", row["answer"]),
        ("without support", "; ".join(row["unsupported"])),
        ("dropped by verification", "; ".join(row["problems"])),
    ]
    title = f"<h3>{escape(row['id'])} {escape(row['question'])}</h3>"
    shown = [pair for pair in lines if pair[1]]
    return f'<section class="miss">{title}{table((), shown)}</section>'


def expected_of(row: Mapping[str, Any]) -> str:
    """Return what was expected in one line."""
    expected = row["expected"]
    return expected if isinstance(expected, str) else ", ".join(expected)


def _all_rows(rows: Sequence[Mapping[str, Any]]) -> str:
    head = ("id", "question", "understood", "expected", "decided", "outcome", "answer")
    body = [
        line(
            (row["id"], row["question"], row["understood"], expected_of(row), row["decision"],
             row["outcome"].replace("_", " "), row["answer"]),
            "" if is_good(row) else "bad",
        )
        for row in rows
    ]  # fmt: skip
    return table_of(head, body)
