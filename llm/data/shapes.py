"""The shapes a row comes in, told by its fields and not by the name of the file.

alpaca          instruction, input, output, system, history (Stanford Alpaca, LLaMA-Factory)
sharegpt        conversations of {from, value}
conversations   conversations of {role, content} (minimind)
messages        messages of {role, content} (OpenAI; ours, with kind, entry, thinking, rejected)
thinking        reasoning_language, user, analysis, final, messages (Multilingual-Thinking)
cot             Question, Complex_CoT, Response
preference      prompt, chosen, rejected, in texts or messages; preferred_output (OpenAI)
pairs           question and answer, prompt and response, ...
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from llm import Message
from llm.data import KINDS
from llm.data.turns import Draft, Fault

Fields = Mapping[str, Any]
"""The fields of a row by name, in small letters, with _ for blanks."""

_OPENAI, _SHAREGPT = ("role", "content"), ("from", "value")
_ASKED = (
    "question",
    "prompt",
    "query",
    "instruction",
    "user_input",
    "user",
    "input",
    "q",
    "问题",
    "提问",
    "指令",
)
_ANSWERED = (
    "answer",
    "response",
    "completion",
    "output",
    "reply",
    "assistant",
    "a",
    "回答",
    "答案",
    "回复",
)
_THOUGHT = ("complex_cot", "cot", "chain_of_thought", "reasoning", "reasoning_content", "thinking")
_THINK = re.compile(r"\A\s*<think>(.*?)</think>\s*", re.DOTALL)


@dataclass(frozen=True)
class Shape:
    """One format: how to tell it, and how to read it."""

    name: str
    fits: Callable[[Fields], bool]
    fill: Callable[[Draft, Fields], None]


@dataclass(frozen=True)
class Parsed:
    """What the fields of a row say."""

    format: str
    """Name of the format; empty if it is none that is known."""
    draft: Draft
    unused: tuple[str, ...] = ()
    """Fields with content that no part of the row was made of."""


def parse(row: Mapping[str, object]) -> Parsed:
    """Understand a row of any format; what is wrong is in `draft.faults`."""
    fields = {_plain_name(name): value for name, value in row.items()}
    draft = Draft()
    shape = next((shape for shape in SHAPES if shape.fits(fields)), None)
    if shape is None:
        draft.faults.append(_unknown(fields))
        return Parsed("", draft)
    shape.fill(draft, fields)
    _take_extras(draft, fields)
    _take_thinking_out(draft)
    if not draft.faults:
        draft.check_turns()
    unused = (name for name, value in fields.items() if name not in draft.used and value)
    return Parsed(shape.name, draft, tuple(unused))


def fits(row: Mapping[str, object]) -> bool:
    """Return whether a row with these fields is of a known format."""
    fields = {_plain_name(name): value for name, value in row.items()}
    return any(shape.fits(fields) for shape in SHAPES)


def _plain_name(name: object) -> str:
    return str(name).strip().lstrip("\ufeff").lower().replace(" ", "_")


def _unknown(fields: Fields) -> Fault:
    if "text" in fields:
        return Fault(
            "unknown-format",
            "text",
            "is bare text, which teaches no answers",
            "use rows with a question and an answer",
        )
    names = ", ".join(sorted(fields))[:120] or "none"
    return Fault(
        "unknown-format",
        "",
        f"is of no known format; its fields: {names}",
        "use instruction and output, messages, conversations, or question and answer",
    )


def _first(fields: Fields, names: tuple[str, ...]) -> str:
    """Return the first name that the fields have; empty if none."""
    return next((name for name in names if name in fields), "")


def _messages(draft: Draft, fields: Fields) -> None:
    draft.used |= {"messages"}
    draft.turns(fields["messages"], "messages", _OPENAI)


def _conversations(draft: Draft, fields: Fields) -> None:
    names = _SHAREGPT if _is_sharegpt(fields) else _OPENAI
    draft.used |= {"conversations"}
    draft.turns(fields["conversations"], "conversations", names)
    chosen, rejected = fields.get("chosen"), fields.get("rejected")
    if isinstance(chosen, Mapping) and isinstance(rejected, Mapping):
        draft.used |= {"chosen", "rejected"}
        draft.turns([chosen], "chosen", names)
        draft.rejected = draft.text(rejected.get(names[1]), f"rejected.{names[1]}")


def _is_sharegpt(fields: Fields) -> bool:
    turns = fields.get("conversations")
    return isinstance(turns, list) and any(isinstance(t, dict) and "from" in t for t in turns)


def _alpaca(draft: Draft, fields: Fields) -> None:
    history = fields.get("history") or []
    draft.used |= {"instruction", "input", "output", "history", "chosen"}
    for number, pair in enumerate(history if isinstance(history, list) else []):
        where = f"history[{number}]"
        if not isinstance(pair, list) or len(pair) != 2:
            draft.fault("not-a-pair", where, "is not a question and its answer", "[q, a]")
            continue
        draft.say("user", draft.text(pair[0], f"{where}[0]"), f"{where}[0]")
        draft.say("assistant", draft.text(pair[1], f"{where}[1]"), f"{where}[1]")
    parts = (draft.text(fields.get(name), name) for name in ("instruction", "input"))
    draft.say("user", "\n".join(part for part in parts if part.strip()), "instruction")
    answer = "output" if "output" in fields else "chosen"
    draft.say("assistant", draft.text(fields[answer], answer), answer)


def _thinking(draft: Draft, fields: Fields) -> None:
    draft.used |= {"reasoning_language", "developer", "user", "analysis", "final", "messages"}
    if isinstance(fields.get("messages"), list) and fields["messages"]:
        draft.turns(fields["messages"], "messages", _OPENAI)
    else:
        for role, name in (("system", "developer"), ("user", "user"), ("assistant", "final")):
            draft.say(role, draft.text(fields.get(name), name), name)
    draft.thinking = draft.thinking or draft.text(fields.get("analysis"), "analysis")


def _pairs(draft: Draft, fields: Fields) -> None:
    asked, answered = _first(fields, _ASKED), _first(fields, _ANSWERED)
    draft.used |= {asked, answered}
    draft.say("user", draft.text(fields[asked], asked), asked)
    draft.say("assistant", draft.text(fields[answered], answered), answered)


def _preference(draft: Draft, fields: Fields) -> None:
    if "preferred_output" in fields:
        _openai_preference(draft, fields)
        return
    asked = _first(fields, _ASKED)
    draft.used |= {asked, "chosen", "rejected"} - {""}
    prompt, chosen, rejected = fields.get(asked), fields["chosen"], fields["rejected"]
    if isinstance(prompt, list):
        draft.turns(prompt, asked, _OPENAI)
    elif asked and not (isinstance(chosen, list) and len(chosen) > 1):
        draft.say("user", draft.text(prompt, asked), asked)
    if isinstance(chosen, list):
        draft.turns(chosen, "chosen", _OPENAI)
    else:
        draft.say("assistant", draft.text(chosen, "chosen"), "chosen")
    draft.rejected = _last_text(draft, rejected, "rejected")


def _openai_preference(draft: Draft, fields: Fields) -> None:
    draft.used |= {"input", "preferred_output", "non_preferred_output"}
    given = fields.get("input")
    draft.turns(given.get("messages") if isinstance(given, dict) else given, "input", _OPENAI)
    draft.turns(fields["preferred_output"], "preferred_output", _OPENAI)
    draft.rejected = _last_text(draft, fields.get("non_preferred_output"), "non_preferred_output")


def _last_text(draft: Draft, value: object, where: str) -> str:
    """Return the text of an answer that is given as such or as the last of some messages."""
    if isinstance(value, list) and value and isinstance(value[-1], dict):
        return draft.text(value[-1].get("content"), f"{where}[{len(value) - 1}].content")
    return draft.text(value, where)


def _take_extras(draft: Draft, fields: Fields) -> None:
    """Take what stands beside the conversation in several formats."""
    for name in ("kind", "entry", "rejected"):
        if name in fields and name not in draft.used:
            setattr(draft, name, draft.text(fields[name], name))
            draft.used.add(name)
    if draft.kind not in KINDS:
        known = ", ".join(KINDS[1:])
        draft.fault("unknown-kind", "kind", f"is {draft.kind!r:.40}", f"use one of {known}")
    thought = _first(fields, _THOUGHT)
    if thought and thought not in draft.used:
        draft.thinking = draft.text(fields[thought], thought)
        draft.used.add(thought)
    if fields.get("system") and not any(m.role == "system" for m in draft.messages):
        draft.used.add("system")
        draft.messages.insert(0, Message("system", draft.text(fields["system"], "system")))
        draft.places.insert(0, "system")


def _take_thinking_out(draft: Draft) -> None:
    """Move <think>…</think> at the beginning of the last answer to where it belongs."""
    if not draft.messages or draft.messages[-1].role != "assistant" or draft.thinking:
        return
    found = _THINK.match(draft.messages[-1].content)
    if found:
        draft.thinking = found[1].strip()
        answer = draft.messages[-1].content[found.end() :]
        draft.messages[-1] = Message("assistant", answer)


def _has_all(*names: str) -> Callable[[Fields], bool]:
    return lambda fields: all(name in fields for name in names)


def _is_preference(fields: Fields) -> bool:
    return "preferred_output" in fields or ("chosen" in fields and "rejected" in fields)


SHAPES = (
    Shape(
        "thinking",
        lambda f: "reasoning_language" in f or ("analysis" in f and "final" in f),
        _thinking,
    ),
    Shape("messages", _has_all("messages"), _messages),
    Shape("sharegpt", _is_sharegpt, _conversations),
    Shape("conversations", _has_all("conversations"), _conversations),
    Shape("alpaca", lambda f: "instruction" in f and ("output" in f or _is_preference(f)), _alpaca),
    Shape("preference", _is_preference, _preference),
    Shape(
        "cot",
        lambda f: "question" in f and "response" in f and bool(_first(f, _THOUGHT)),
        _pairs,
    ),
    Shape("pairs", lambda f: bool(_first(f, _ASKED) and _first(f, _ANSWERED)), _pairs),
)
"""In the order in which they are tried: a row may have the fields of several."""
