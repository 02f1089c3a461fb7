import queue
import subprocess
import sys
import threading

import pytest

from tests.commands import ROOT
from voice.errors import StageError
from voice.process.threads import Background, crashes_end, end


class Reader(Background):
    """Works until it is finished."""

    def __init__(self) -> None:
        super().__init__("reader")
        self.began = threading.Event()

    def _work(self) -> None:
        self.began.set()
        self._ended.wait()


def test_background_work_lasts_as_long_as_the_block() -> None:
    reader = Reader()
    with pytest.raises(ValueError, match="the block"), reader.working():
        assert reader.began.wait(60)
        assert "reader" in [thread.name for thread in threading.enumerate()]
        raise ValueError("the block")
    assert "reader" not in [thread.name for thread in threading.enumerate()]


def test_background_work_that_never_began_is_finished_at_once() -> None:
    reader = Reader()
    reader.finish()
    assert not reader.began.is_set()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_ends_the_assistant() -> None:
    stopped = threading.Event()

    def crash() -> None:
        raise AssertionError("a fault of the program")

    with pytest.raises(StageError, match="the ear has crashed"), crashes_end(stopped.set):
        thread = threading.Thread(target=crash, name="ear")
        thread.start()
        thread.join()
        assert stopped.is_set()


def test_without_a_crash_nothing_is_said_and_the_hook_is_as_before() -> None:
    before = threading.excepthook
    with crashes_end(lambda: pytest.fail("nothing has crashed")):
        assert threading.excepthook is not before
    assert threading.excepthook is before


def test_a_living_thread_works_off_its_queue_and_ends() -> None:
    work: queue.Queue[int | None] = queue.Queue(1)
    done: list[int] = []

    def labour() -> None:
        while (item := work.get()) is not None:
            done.append(item)

    thread = threading.Thread(target=labour)
    thread.start()
    work.put(1)
    work.put(2)
    end(thread, work)
    assert done == [1, 2]
    assert not thread.is_alive()


def test_a_dead_thread_is_not_waited_for_though_its_queue_is_full() -> None:
    work: queue.Queue[int | None] = queue.Queue(1)
    work.put(1)
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    end(thread, work)
    assert work.full()


def test_a_thread_that_was_never_started_is_not_waited_for() -> None:
    thread = threading.Thread(target=lambda: None)
    end(thread, queue.Queue(1))
    assert not thread.is_alive()


# Gives a thread up that waits for ever, as one in native code does.
HANGING = """
import queue, sys, threading
from voice.process.threads import end
hangs = threading.Thread(target=threading.Event().wait, daemon=True)
hangs.start()
print(end(hangs, queue.Queue(1), lambda: True), flush=True)
sys.exit(3)
"""


def test_a_thread_that_is_given_up_does_not_hold_the_end_of_the_process_up() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANGING], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (StageError.exit_code, "False\n", "")


def test_who_ends_by_itself_is_not_given_up() -> None:
    work: queue.Queue[int | None] = queue.Queue(1)
    thread = threading.Thread(target=work.get)
    thread.start()
    assert end(thread, work, lambda: True)
