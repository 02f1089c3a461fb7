"""Files with any content: each reader reads them or says in its own words why not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz_targets import NAMES, targets
from tests.fuzzing import CORPUS, corpus, damaged

FINDINGS = [
    pytest.param(name, path, id=f"{name}-{path.name}") for name in NAMES for path in corpus(name)
]


def test_every_target_has_a_name_and_every_finding_a_target() -> None:
    assert tuple(targets()) == NAMES
    assert {path.name for path in CORPUS.iterdir() if path.is_dir()} <= {
        *NAMES,
        "texts",
        "replies",
        "bodies",
    }


@pytest.mark.parametrize("name", NAMES)
def test_good_files_are_read(name: str, tmp_path: Path) -> None:
    target = targets()[name]
    for seed in target.seeds:
        target.check(seed, tmp_path)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_damaged_files_are_read_or_refused(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    target = targets()[name]
    folder = Path(tmp_path_factory.getbasetemp())
    target.check(data.draw(damaged(target.seeds)), folder)


@pytest.mark.parametrize(("name", "path"), FINDINGS)
def test_what_was_found_once_is_read_or_refused(name: str, path: Path, tmp_path: Path) -> None:
    targets()[name].check(path.read_bytes(), tmp_path)
