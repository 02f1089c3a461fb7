"""How long threads of this process had work, and no processor to do it on."""

from __future__ import annotations

from pathlib import Path

_TASKS = Path("/proc/self/task")


class ProcessorWait:
    """Follows what the kernel tells of each thread in `schedstat` (proc(5)): nanoseconds it ran,
    nanoseconds it waited to run, and how often it did. A kernel without it tells of no wait."""

    def __init__(self, tasks: Path = _TASKS) -> None:
        self._tasks = tasks
        self._waited_ns = self._read()

    def passed_s(self) -> float:
        """Return the longest wait of any one thread since the last call, in seconds."""
        before, self._waited_ns = self._waited_ns, self._read()
        waits = (now - before.get(name, now) for name, now in self._waited_ns.items())
        return max(waits, default=0) / 1e9

    def _read(self) -> dict[str, int]:
        waited_ns = {}
        for task in self._tasks.glob("*/schedstat"):
            try:
                waited_ns[task.parent.name] = int(task.read_text().split()[1])
            except (OSError, IndexError, ValueError):
                continue  # a thread that has just ended
        return waited_ns
