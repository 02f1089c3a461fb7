"""The turns of a conversation: roles of any dialect, in an order that can be trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from llm import Message

_ROLES = {
    "system": ("system", "developer", "系统"),
    "user": ("user", "human", "prompter", "question", "customer", "用户"),
    "assistant": ("assistant", "gpt", "model", "bot", "chatgpt", "answer", "助手"),
}
_ROLE_OF = {name: role for role, names in _ROLES.items() for name in names}
_TOOLS = ("tool", "function", "function_call", "observation", "ipython")
_SWAP = "if user and assistant are swapped, swap them back; or take the row out"


@dataclass(frozen=True)
class Fault:
    """Why a row cannot be used; becomes a `Problem` once it is known where the row stands."""

    code: str
    field: str
    message: str
    fix: str


@dataclass
class Draft:
    """A conversation that is being put together from the fields of a row."""

    messages: list[Message] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    """The field that each message stands in."""
    faults: list[Fault] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    """Names of the fields that were understood."""
    kind: str = ""
    entry: str = ""
    thinking: str = ""
    rejected: str = ""

    def fault(self, code: str, where: str, message: str, fix: str) -> None:
        """Note why the row cannot be used."""
        self.faults.append(Fault(code, where, message, fix))

    def text(self, value: object, where: str) -> str:
        """Return a value as text; anything but text, a list of texts or nothing is a fault."""
        if value is None:
            return ""
        if isinstance(value, str):
            return value
        if isinstance(value, list):
            return "\n".join(self._part(part, f"{where}[{n}]") for n, part in enumerate(value))
        kind = {"dict": "an object", "bool": "true or false"}.get(type(value).__name__, "a number")
        self.fault("not-text", where, f"is {kind}, not text", "write it in quotes")
        return ""

    def _part(self, part: object, where: str) -> str:
        if isinstance(part, str):
            return part
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            return str(part["text"])
        self.fault("not-text", where, "is not text", "only text can be trained: take the row out")
        return ""

    def say(self, role: str, text: str, where: str) -> None:
        """Add a message and the field it stands in; an empty system message is none."""
        if role != "system" or text.strip():
            self.messages.append(Message(role, text))
            self.places.append(where)

    def turns(self, value: object, where: str, names: tuple[str, str]) -> None:
        """Add the messages of a list; `names` are the fields of role and text."""
        if not isinstance(value, list):
            self.fault("not-a-list", where, "is not a list of messages", f"see `{where}: [...]`")
            return
        for number, turn in enumerate(value):
            self._turn(turn, f"{where}[{number}]", names)

    def _turn(self, turn: object, where: str, names: tuple[str, str]) -> None:
        if not isinstance(turn, Mapping):
            self.fault("not-an-object", where, "is not a message", f"give {names[0]}, {names[1]}")
            return
        told = turn.get(names[0])
        role = _ROLE_OF.get(told.strip().lower()) if isinstance(told, str) else None
        if role is None or turn.get("tool_calls"):
            self._unknown_role(told, f"{where}.{names[0]}")
            return
        place = f"{where}.{names[1]}"
        self.say(role, self.text(turn.get(names[1]), place), place)
        if role == "assistant" and turn.get("thinking"):
            self.thinking = self.text(turn["thinking"], f"{where}.thinking")

    def _unknown_role(self, told: Any, where: str) -> None:
        if told in _TOOLS or _ROLE_OF.get(str(told).lower()) == "assistant":
            self.fault("tool-turn", where, "uses a tool", "take the row out: tools are not trained")
        elif told is None:
            self.fault("unknown-role", where, "is missing", "say system, user or assistant")
        else:
            self.fault("unknown-role", where, f"is {told!r:.40}", "say system, user or assistant")

    def check_turns(self) -> None:
        """Note what is wrong with the order of the turns, and what is empty."""
        said = [
            (place, message)
            for place, message in zip(self.places, self.messages, strict=True)
            if message.role != "system"
        ]
        if not said:
            self.fault("no-messages", "", "there is no conversation", "take the row out")
            return
        self._check_order(said)
        for place, message in said:
            if not visible(message.content):
                what = "answer" if message.role == "assistant" else "question"
                fix = "write it, or take the row out"
                self.fault(f"empty-{what}", place, f"the {what} is empty", fix)

    def _check_order(self, said: list[tuple[str, Message]]) -> None:
        if any(message.role == "system" for message in self.messages[1:]):
            self.fault("late-system", "", "has a system message after the beginning", "move it up")
        if said[0][1].role == "assistant":
            self.fault("assistant-first", said[0][0], "the assistant begins", _SWAP)
        for (_, before), (place, message) in zip(said, said[1:], strict=False):
            if before.role == message.role:
                who = "answers" if message.role == "assistant" else "questions"
                self.fault(f"two-{who}", place, f"has two {who} running", _SWAP)
        if said[-1][1].role == "user":
            self.fault("ends-with-question", said[-1][0], "ends without an answer", _SWAP)


def visible(text: str) -> bool:
    """Return whether a text has anything to see: letters, figures, signs."""
    return any(character.isprintable() and not character.isspace() for character in text)
