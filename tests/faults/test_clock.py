"""A clock that jumps: a machine without network or battery has one."""

from __future__ import annotations

import mmap
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.lab import ENDED, SCRIPTED, Place, daemon

YEAR_S = 365 * 86_400
IDLE = "state       idle"
# Adds the seconds in a file to the time of day; the clock since the machine started stays.
SHIFTED = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
static volatile long long *shift;
__attribute__((constructor)) static void begin(void) {
    int file = open(getenv("SHIFT"), O_RDONLY);
    shift = mmap(0, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
}
int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    if (clock == CLOCK_REALTIME && shift) now->tv_sec += *shift;
    return failed;
}
int gettimeofday(struct timeval *now, void *zone) {
    struct timespec precise;
    int failed = clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return failed;
}
time_t time(time_t *when) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    if (when) *when = precise.tv_sec;
    return precise.tv_sec;
}
// The kernel waits by the true clock: a time to wait for that was reckoned by this one is set back.
int pthread_cond_timedwait(
    pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *at
) {
    static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    if (!real) real = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (!real) real = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    struct timespec until = *at;
    if (shift && llabs(at->tv_sec - time(0)) < 3600) until.tv_sec -= *shift;
    return real(cond, mutex, &until);
}
"""


class Clock:
    """The time of day of a process that is started with `prefix`."""

    def __init__(self, folder: Path) -> None:
        source, library, shift = (folder / f"shifted.{end}" for end in ("c", "so", "s"))
        source.write_text(SHIFTED)
        command = ("cc", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl")
        subprocess.run(command, check=True)
        shift.write_bytes(bytes(8))
        self._file = shift.open("r+b")
        self._shift = mmap.mmap(self._file.fileno(), 8)
        self.prefix = ("env", f"LD_PRELOAD={library}", f"SHIFT={shift}")

    def jump(self, to_s: float) -> None:
        """Set the clock to seconds from now."""
        self._shift[:8] = struct.pack("<q", int(to_s))

    def close(self) -> None:
        self._shift.close()
        self._file.close()


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[Clock]:
    if not shutil.which("cc"):
        pytest.skip("no C compiler to build a clock that jumps: apt-get install gcc")
    made = Clock(tmp_path)
    yield made
    made.close()


def test_a_clock_that_jumps_during_turns_changes_nothing_but_the_times(
    place: Place, clock: Clock
) -> None:
    jumps = (0, 10 * YEAR_S, -5 * YEAR_S, 0)
    with daemon(place, SCRIPTED, prefix=clock.prefix) as running:
        running.until_ready()
        for count, jump_s in enumerate(jumps, 1):
            talk = place.server.play(place.question(0.3))
            time.sleep(0.4)
            clock.jump(jump_s)
            assert talk.wait(30) == 0
            running.wait_for(IDLE, count=count)
        assert running.end(signal.SIGTERM).code in ENDED
    assert place.outcomes() == [("answered", "")] * len(jumps)


@pytest.mark.parametrize("jump_s", [10 * YEAR_S, YEAR_S / 2 - time.time()], ids=["forward", "1970"])
def test_a_start_with_a_wrong_clock_answers_and_deletes_no_row(
    place: Place, clock: Clock, jump_s: float
) -> None:
    for count, shift_s in enumerate((0, jump_s, jump_s, 0), 1):
        clock.jump(shift_s)
        with daemon(place, SCRIPTED, prefix=clock.prefix) as running:
            running.until_ready()
            place.say(0.3)
            running.wait_for(IDLE)
            assert running.end(signal.SIGTERM).code in ENDED
        assert place.outcomes() == [("answered", "")] * count
