from __future__ import annotations

from pathlib import Path

from voice.process.processor_wait import ProcessorWait


def tell(tasks: Path, thread: str, waited_ns: int) -> None:
    """Write what the kernel tells of a thread."""
    (tasks / thread).mkdir(exist_ok=True)
    (tasks / thread / "schedstat").write_text(f"5000 {waited_ns} 12\n", encoding="utf-8")


def test_the_longest_wait_of_any_thread_since_the_last_look_counts(tmp_path: Path) -> None:
    tell(tmp_path, "1", 4_000_000_000)
    tell(tmp_path, "2", 0)
    wait = ProcessorWait(tmp_path)
    tell(tmp_path, "1", 4_100_000_000)
    tell(tmp_path, "2", 250_000_000)
    assert wait.passed_s() == 0.25
    assert wait.passed_s() == 0.0


def test_a_thread_that_was_not_there_before_has_not_waited_yet(tmp_path: Path) -> None:
    wait = ProcessorWait(tmp_path)
    tell(tmp_path, "3", 9_000_000_000)
    assert wait.passed_s() == 0.0


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    tell(tmp_path, "1", 0)
    (tmp_path / "1" / "schedstat").write_text("", encoding="utf-8")
    assert ProcessorWait(tmp_path).passed_s() == 0.0
    assert ProcessorWait(tmp_path / "none").passed_s() == 0.0


def test_the_kernel_tells_of_this_process() -> None:
    assert ProcessorWait().passed_s() >= 0.0
