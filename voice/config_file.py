"""Read, check and print the configuration.

Defaults < file < `--set section.key=value`; there is no other source. Unknown keys are refused
with a suggestion, so that a typing error never passes for a setting.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

from voice.config import Config
from voice.errors import ConfigError, cause
from voice.terminal import printable
from voice.usage import suggestion

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FIX = "`hean config` prints all keys with their meaning"


def load_config(path: Path | None = None, settings: Iterable[str] = ()) -> Config:
    """Return the configuration of a TOML file (None: defaults) with `--set` settings laid over it.

    Raises ConfigError naming file, key and what is allowed.
    """
    tables = _read(path) if path else {}
    for setting in settings:
        section, key, value = _parse_setting(setting)
        tables.setdefault(section, {})[key] = value
    hints = get_type_hints(Config)
    sections = {}
    for name, values in tables.items():
        if name not in hints:
            raise ConfigError(f"unknown section [{printable(name)}]{suggestion(name, hints)}", _FIX)
        if not isinstance(values, Mapping):
            raise ConfigError(f"{name} must be a section: [{name}]", _FIX)
        sections[name] = _build_section(name, hints[name], values)
    return Config(**sections)


def print_config(config: Config) -> str:
    """Return the configuration as a commented TOML file."""
    lines = [
        "# Configuration of He'an. Every key with its value; keys left out have their default."
    ]
    for section in fields(config):
        values = getattr(config, section.name)
        lines += ["", f"[{section.name}]"]
        for key, doc in field_docs(type(values)).items():
            lines += textwrap.wrap(doc, 96, initial_indent="# ", subsequent_indent="# ")
            lines.append(f"{key} = {json.dumps(getattr(values, key), ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def field_docs(section: type) -> dict[str, str]:
    """Return each field of a dataclass with the text that stands below it."""
    body = ast.parse(textwrap.dedent(inspect.getsource(section))).body[0]
    assert isinstance(body, ast.ClassDef)
    docs: dict[str, str] = {}
    last = ""
    for node in body.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            last = node.target.id
            docs[last] = ""
        elif last and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            docs[last] = inspect.cleandoc(str(node.value.value)).replace("\n", " ")
            last = ""
    return docs


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", "name a file that exists") from error
    except (ValueError, RecursionError) as error:  # numbers and nesting beyond all sense, too
        raise ConfigError(f"{path}: not valid TOML: {cause(error)}", _FIX) from error


def _parse_setting(setting: str) -> tuple[str, str, Any]:
    name, equals, text = setting.partition("=")
    section, dot, key = name.strip().partition(".")
    if not (equals and dot and key):
        raise ConfigError(
            f"--set {printable(setting)}: not of the form section.key=value",
            "for example --set tts.speed=0.9",
        )
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        value = text.strip()  # a bare word is a string, so that shells need no quotes
    return section, key, value


def _build_section(name: str, section: type, values: Mapping[str, Any]) -> Any:
    hints = get_type_hints(section)
    for key, value in values.items():
        if key not in hints:
            raise ConfigError(f"unknown key {name}.{printable(key)}{suggestion(key, hints)}", _FIX)
        kind = hints[key]
        fits = isinstance(value, kind) or (kind is float and isinstance(value, int))
        if not fits or (isinstance(value, bool) and kind is not bool):
            raise ConfigError(
                f"{name}.{key} is {value!r}; it must be of type {kind.__name__}", _FIX
            )
    try:
        return section(**values)
    except ValueError as error:
        raise ConfigError(str(error), _FIX) from error
