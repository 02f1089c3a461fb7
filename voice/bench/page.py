"""Results of benchmarks as one page: no script, no address, light or dark, opens from a USB stick.

Headings and explanations are in English and Chinese, chosen by a box on the page; the names of
figures are those of the JSON, so that what is read can be looked up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from voice.bench import ALL
from voice.bench.page_pictures import dots, stages
from voice.bench.pi import estimates
from voice.html_tables import line, table, table_of, whole_page

_STYLE = """
svg { display: block; max-width: 100%; height: auto; overflow: visible }
svg text { fill: currentColor; font: 12px system-ui, sans-serif }
.warning { border-left: .4rem solid #c90; padding-left: 1rem }
.failed { border-left: .4rem solid #c33; padding-left: 1rem }
.estimate { border: 2px dashed #c90; padding: 0 1rem }
:root:has(#chinese:checked) [lang=en], :root:not(:has(#chinese:checked)) [lang=zh]
  { display: none }
"""
_LEAST_DOTS = 5
_STAGES = ("endpoint", "asr", "decide", "first_sound", "output")
"""What follows one another from the end of a question to the first sound of the answer."""
TEXTS = {
    "title": ("How quick, how small, how right?", "有多快、多省、多准？"),
    "turn": ("One turn, stage by stage", "一次问答，逐段耗时"),
    "turn_text": (
        "From the last voiced sample of a question to the first sample of its answer at the "
        "loudspeaker, in seconds: each stage by its median and by its 95th percentile. The stages "
        "of one turn are seldom slow together, so that the second bar is longer than the 95th "
        "percentile of the whole wait.",
        "从问题最后一个有声采样，到扬声器放出回答的第一个采样，单位秒。上为各段中位数，下为各段 95 "
        "百分位；各段很少同时变慢，所以下面一条比整体等待的 95 百分位更长。",
    ),
    "spread": ("How single measurements lie", "单次测量的分布"),
    "spread_text": (
        "Each dot is one measurement; the long mark is the median, the short one the 95th "
        "percentile. Each row has a scale of its own, which begins at zero.",
        "每点为一次测量；长线为中位数，短线为 95 百分位。每行各用自己的刻度，从零开始。",
    ),
    "figures": ("All figures", "全部数字"),
    "rival": ("Beside what one would build by hand", "与手工拼接的方案并列"),
    "pi": ("Estimate for a Raspberry Pi 5, not measured", "树莓派 5 的估计值，并非实测"),
    "runs": ("Runs", "运行情况"),
}


def page(outcome: Mapping[str, Any], pi_ratio: float | None = None) -> str:
    """Return the page for what `hean bench NAME --json` or `hean bench all --json` printed.

    With `pi_ratio`, how many times slower one core of a Raspberry Pi 5 is, an estimate is added.
    """
    groups = _by_bench(outcome)
    parts = [
        '<p><label><input type="checkbox" id="chinese"> 中文</label></p>',
        f"<h1>{both('title')}</h1>",
        _about(outcome),
        *_troubles(outcome),
        *_turn(groups.get("answer", {})),
        *_rivals(outcome, groups.get("rival", {})),
        *_spreads(outcome),
        f"<h2>{both('figures')}</h2>",
        *(_figures(name, figures) for name, figures in groups.items()),
        *_estimate(outcome, pi_ratio),
        *_runs(outcome.get("runs", ())),
    ]
    return whole_page("He'an: benchmarks", _STYLE, parts)


def both(key: str) -> str:
    """Return a text in both languages; the page shows one."""
    english, chinese = TEXTS[key]
    return f'<span lang="en">{escape(english)}</span><span lang="zh">{escape(chinese)}</span>'


def _by_bench(outcome: Mapping[str, Any]) -> dict[str, dict[str, Mapping[str, Any]]]:
    if outcome["bench"] != ALL:
        return {outcome["bench"]: dict(outcome["figures"])}
    groups: dict[str, dict[str, Mapping[str, Any]]] = {}
    for key, figure in outcome["figures"].items():
        name, _, rest = key.partition("/")
        groups.setdefault(name, {})[rest] = figure
    return groups


def _about(outcome: Mapping[str, Any]) -> str:
    lines = [
        (name, ", ".join(f"{k} {v}" for k, v in outcome.get(name, {}).items() if v != ""))
        for name in ("machine", "versions", "noise")
    ]
    return table((), [("measured at", outcome.get("measured_at", "")), *lines])


def _troubles(outcome: Mapping[str, Any]) -> Iterator[str]:
    for warning in outcome.get("warnings", ()):
        yield f'<p class="warning">{escape(warning)}</p>'
    for run in outcome.get("runs", ()):
        if "error" in run:
            yield f'<p class="failed">{escape(run["bench"])}: {escape(run["error"]["message"])}</p>'


def _turn(figures: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    found = {name: figures[key] for name in _STAGES if (key := f"stage_{name}_s") in figures}
    if not found:
        return
    yield f"<h2>{both('turn')}</h2><p>{both('turn_text')}</p>"
    rows = [(part, {name: f[part] for name, f in found.items()}) for part in ("p50", "p95")]
    yield stages(rows)
    waits = [(k, f["p50"], f["p95"], f["n"]) for k, f in figures.items() if "stage" not in k]
    yield table(("s", "p50", "p95", "n"), waits)


def _spreads(outcome: Mapping[str, Any]) -> Iterator[str]:
    samples = {k: v for k, v in outcome.get("samples", {}).items() if len(v) >= _LEAST_DOTS}
    if not samples:
        return
    yield f"<h2>{both('spread')}</h2><p>{both('spread_text')}</p>"
    yield dots({key: values for key, values in samples.items() if not _is_by_voice(key)})


def _is_by_voice(key: str) -> bool:
    """Return whether a figure is one of many alike: those are in the table alone."""
    return "cer_" in key and key.count(".") > 2


def _figures(name: str, figures: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        (key, f.get("value", f.get("p50", "")), f.get("p95", ""), f["n"])
        for key, f in figures.items()
    ]
    head = ("", "value or p50", "p95", "n")
    return f"<h3>{escape(name)}</h3>{table(head, rows)}"


def _rivals(outcome: Mapping[str, Any], figures: Mapping[str, Any]) -> Iterator[str]:
    """Set the same figure of each program beside the others: the last part of a key names it."""
    if not figures:
        return
    names = list(dict.fromkeys(key.rpartition(".")[2] for key in figures))
    keys = list(dict.fromkeys(key.rpartition(".")[0] for key in figures))
    cells = {key: [figures.get(f"{key}.{name}") for name in names] for key in keys}
    yield f"<h2>{both('rival')}</h2>"
    yield table(("", *names), [(key, *map(_short, row)) for key, row in cells.items()])
    runs = [run for run in outcome.get("runs", [outcome]) if run.get("bench") == "rival"]
    for run in runs:
        missing = run.get("not_measured", {})
        yield "".join(f"<p>{escape(k)}: {escape(v)}</p>" for k, v in missing.items())


def _short(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return ""
    if "p50" in figure:
        return f"{figure['p50']:,.4g} (p95 {figure['p95']:,.4g}, n {figure['n']})"
    return f"{figure['value']:,.4g} (n {figure['n']})"


def _estimate(outcome: Mapping[str, Any], ratio: float | None) -> Iterator[str]:
    if ratio is None:
        return
    how, rows = estimates(_by_bench(outcome), ratio)
    lines = [line((key, f"{here:.3g}", f"≈ {there:.2g}")) for key, here, there in rows]
    yield (
        f'<section class="estimate"><h2>{both("pi")}</h2><p>{escape(how)}</p>'
        f"{table_of(('', 'here', 'estimate, Pi 5'), lines)}</section>"
    )


def _runs(runs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not runs:
        return
    rows = [
        (
            run["bench"],
            run["seconds"],
            run.get("noise", {}).get("load_before", ""),
            run.get("noise", {}).get("load_after", ""),
            run.get("noise", {}).get("cores_taken_by_others", ""),
            run.get("error", {}).get("message", "; ".join(run.get("warnings", ()))),
        )
        for run in runs
    ]
    head = ("", "seconds", "load before", "load after", "cores taken by others", "")
    yield f"<h2>{both('runs')}</h2>{table(head, rows)}"
