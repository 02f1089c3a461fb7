import queue
import threading

import pytest

from voice.errors import StageError
from voice.threads import crashes_end, end


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
