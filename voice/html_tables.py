"""Tables of the pages that commands write: no script, no address, opens from a USB stick."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, "Noto Sans CJK SC", sans-serif; margin: 2rem auto;
       max-width: 75rem; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { border: 1px solid #8886; padding: .3rem .6rem; text-align: left; vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums }
tr.bad td:first-child { border-left: .4rem solid #c33 }
.wide { overflow-x: auto }
"""


def whole_page(title: str, style: str, parts: Iterable[str]) -> str:
    """Return a page of HTML parts, with STYLE and a style of its own."""
    head = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}{style}</style>"
    )
    return head + "\n".join(part for part in parts if part) + "\n</html>\n"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table whose first column names the rows."""
    return table_of(head, [line(row) for row in rows])


def line(cells: Sequence[Any], kind: str = "") -> str:
    """Return a row; `kind` marks it (bad) and makes its first cell an ordinary one."""
    begin = f'<tr class="{kind}">' if kind else "<tr>"
    first, *others = cells
    opening = f"<td>{escape(str(first))}</td>" if kind else f"<th>{escape(str(first))}</th>"
    return begin + opening + "".join(map(_cell, others)) + "</tr>"


def table_of(head: Sequence[str], lines: Sequence[str]) -> str:
    """Return a table of rows that `line` made."""
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    top = f"<tr>{titles}</tr>" if titles else ""
    return f'<div class="wide"><table>{top}{"".join(lines)}</table></div>'


def _cell(value: Any) -> str:
    kind = ' class="number"' if isinstance(value, (int, float)) else ""
    return f"<td{kind}>{escape(str(value))}</td>"
