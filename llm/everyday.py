"""Questions of other fields, against which the knowledge base is weighed (`everyday.toml`).

Without them a question about the pet's fur is answered with what is nearest to it in the base,
how to wash dust off a dog. They take part in retrieval as entries that say nothing.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from llm import KnowledgeError
from llm.knowledge import Entry

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TOPIC = "everyday"
_THEMES = Path(__file__).with_name("everyday.toml")


@cache
def everyday_entries() -> tuple[Entry, ...]:
    """Return one entry for each theme. Raises KnowledgeError."""
    try:
        themes = tomllib.loads(_THEMES.read_text(encoding="utf-8"))["theme"]
        return tuple(
            Entry(
                f"{theme['language']}.{TOPIC}.{theme['name']}",
                theme["language"],
                TOPIC,
                tuple(theme["ask"]),
                theme["name"],
                decision="refuse",
            )
            for theme in themes
        )
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError) as error:
        raise KnowledgeError(f"{_THEMES}: {error}") from error
