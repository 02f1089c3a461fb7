from __future__ import annotations

import subprocess
import sys

import pytest

from tests.commands import environment
from tests.live_process import LiveProcess

HANGS = """
import threading
def hangs():
    print("waiting", flush=True)
    threading.Event().wait()
hangs()
"""


def test_of_a_command_that_does_not_end_it_is_told_where_it_is() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HANGS],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        live = LiveProcess(process)
        live.wait_for("waiting")
        with pytest.raises(
            AssertionError, match=r"still runs:\nwaiting\n(.*\n)* +File .* in hangs"
        ):
            live.end(seconds=0.1)
