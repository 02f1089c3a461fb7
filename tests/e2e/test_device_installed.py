"""The installation under a real systemd, where a Debian for it was made before.

All of it, and the making: `python -m tests.device.rehearsal`.
"""

from __future__ import annotations

import pytest

from tests.device.acts import SHORT
from tests.device.container import missing
from tests.device.debian import RELEASES, find_debian
from tests.device.rehearsal import cache_folder, rehearse, same_python

pytestmark = [pytest.mark.models, pytest.mark.slow]

HOW = "python -m tests.device.rehearsal makes it"


def test_it_is_installed_answers_without_a_network_and_leaves_nothing(capsys):
    debian = find_debian(cache_folder(), RELEASES[0])
    absent = missing() or ("" if debian else f"no Debian for it: {HOW}")
    if absent or debian is None:
        pytest.skip(f"no real systemd: {absent}")
    if not same_python(debian):
        pytest.skip(f"{RELEASES[0]} has another Python than this environment")
    outcomes = rehearse(debian, list(SHORT), print)
    assert [outcome.text for outcome in outcomes if not outcome.right] == []
    assert len(outcomes) == len(SHORT)
    print(capsys.readouterr().out)
