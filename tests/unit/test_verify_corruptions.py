"""The verifier against answers that were corrupted on purpose, and against faithful rewordings."""

from __future__ import annotations

import pytest

from tests.corruptions import caught, refused, table
from tests.unit.knowledge_base import shipped


@pytest.mark.parametrize("language", ["zh", "en"])
def test_corrupted_answers_are_caught(language: str) -> None:
    tried, missed = caught(shipped(), language)
    escaped = [line for lines in missed.values() for line in lines]
    assert sum(tried.values()) >= 300
    assert len(escaped) <= 0.01 * sum(tried.values()), "\n".join(escaped)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_faithful_rewordings_pass(language: str) -> None:
    tried, lost = refused(shipped(), language)
    assert tried >= 200
    assert len(lost) <= 0.05 * tried, "\n".join(lost[:40])


def test_the_table_tells_every_kind() -> None:
    lines = table(shipped()).splitlines()
    print("\n".join(lines))
    kinds = {line.split("|")[1].strip() for line in lines[2:]}
    assert {"number", "unit", "negation", "entity", "group", "age", "actor", "extra"} <= kinds
    assert {"numbers exchanged", "necessity", "scope", "frequency", "cause inserted"} <= kinds


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_kind_of_change_gets_through_often(language: str) -> None:
    """A good total could hide a kind that is hardly caught at all."""
    tried, missed = caught(shipped(), language)
    weak = {
        kind: f"{len(missed[kind])} of {tried[kind]}"
        for kind in missed
        if len(missed[kind]) > max(1, 0.1 * tried[kind])
    }
    assert weak == {}
