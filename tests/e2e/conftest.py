"""What several end-to-end tests share because it takes long to load."""

from __future__ import annotations

import pytest

from tests.daemon_lab import load_household
from voice.app import Engines


@pytest.fixture(scope="session")
def household(tmp_path_factory: pytest.TempPathFactory) -> Engines:
    return load_household(tmp_path_factory.mktemp("speech"))
