"""The result of an evaluation as one page: no script, no address, opens from a USB stick."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from llm.score import FAULTS
from voice.eval_compare import is_good

_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, "Noto Sans CJK SC", sans-serif; margin: 2rem auto;
       max-width: 75rem; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { border: 1px solid #8886; padding: .3rem .6rem; text-align: left; vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums }
section.miss { border-left: .4rem solid #c33; margin: 1.5rem 0; padding-left: 1rem }
section.miss h3 { margin: 0 }
section.miss th { font-weight: normal; opacity: .75; white-space: nowrap }
tr.bad td:first-child { border-left: .4rem solid #c33 }
.wide { overflow-x: auto }
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
    head = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>He'an: evaluation of answers</title><style>{_STYLE}</style>"
    )
    return head + "\n".join(part for part in parts if part) + "\n</html>\n"


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
    return _table((), lines)


def _totals(result: Mapping[str, Any]) -> str:
    rows = [(name, n, total, share(n, total)) for name, n, total in shares(result)]
    text = _table(("", "n", "of", "share"), rows)
    faults = [(FAULTS[f], n) for f, n in result["faults"].items() if n]
    if faults:
        text += _table(("stage at fault", "n"), faults)
    if "cer_raw" in result:
        rates = [("heard", result["cer_raw"]), ("repaired", result["cer_repaired"])]
        text += _table(("errors per character or word",), [(n, f"{r:.1%}") for n, r in rates])
    if "by_voice" in result:
        keys = list(next(iter(result["by_voice"].values())))
        counts = [(voice, *row.values()) for voice, row in result["by_voice"].items()]
        text += _table(("voice", *keys), counts)
    return text


def _comparison(change: Mapping[str, Any]) -> str:
    rows = [(k, *_blank(pair)) for k, pair in change["figures"].items() if any(_blank(pair))]
    return (
        "<h2>Before and after</h2>"
        + _table(("", "before", "after"), rows)
        + _table(
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
    table = [(e, *(pairs[e, d] or "" for d in decided)) for e in expected]
    return _table(("expected ↓ decided →", *decided), table)


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
        ("found first", row["first"]),
        ("answered", row["answer"]),
        ("without support", "; ".join(row["unsupported"])),
        ("dropped by verification", "; ".join(row["problems"])),
    ]
    title = f"<h3>{escape(row['id'])} {escape(row['question'])}</h3>"
    shown = [line for line in lines if line[1]]
    return f'<section class="miss">{title}{_table((), shown)}</section>'


def expected_of(row: Mapping[str, Any]) -> str:
    """Return what was expected in one line."""
    expected = row["expected"]
    return expected if isinstance(expected, str) else ", ".join(expected)


def _all_rows(rows: Sequence[Mapping[str, Any]]) -> str:
    head = ("id", "question", "understood", "expected", "decided", "outcome", "answer")
    body = [
        _line(
            (row["id"], row["question"], row["understood"], expected_of(row), row["decision"],
             row["outcome"].replace("_", " "), row["answer"]),
            "" if is_good(row) else "bad",
        )
        for row in rows
    ]  # fmt: skip
    return _whole(head, body)


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    return _whole(head, [_line(row) for row in rows])


def _line(cells: Sequence[Any], kind: str = "") -> str:
    begin = f'<tr class="{kind}">' if kind else "<tr>"
    first, *others = cells
    opening = f"<td>{escape(str(first))}</td>" if kind else f"<th>{escape(str(first))}</th>"
    return begin + opening + "".join(map(_cell, others)) + "</tr>"


def _cell(value: Any) -> str:
    kind = ' class="number"' if isinstance(value, (int, float)) else ""
    return f"<td{kind}>{escape(str(value))}</td>"


def _whole(head: Sequence[str], lines: Sequence[str]) -> str:
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    top = f"<tr>{titles}</tr>" if titles else ""
    return f'<div class="wide"><table>{top}{"".join(lines)}</table></div>'
