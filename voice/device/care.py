"""How the machine is: heat, power, disk and clock, from files that every user may read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from voice.config import Config
from voice.device import clock
from voice.process.threads import Background

POWER, HEAT, SLOW, DISK, CLOCK = "power", "heat", "slow", "disk", "clock"
KINDS = (POWER, HEAT, SLOW, DISK, CLOCK)
"""Kinds of problems; the screen has a sentence for each in its languages."""
HOT_C = 80.0
"""From here on a Raspberry Pi slows itself down (documentation of its firmware, `temp_limit`)."""
LOW_DISK_MB = 300
_ZONES = "class/thermal/thermal_zone*/temp"
_THROTTLED = "devices/platform/soc*/*firmware/get_throttled"
_CORE_LIMITS = "devices/system/cpu/cpu0/thermal_throttle/package_throttle_count"
_UNDER_VOLTAGE, _CAPPED, _THROTTLED_NOW, _SOFT_LIMIT = 0x1, 0x2, 0x4, 0x8
"""Bits of get_throttled, as `vcgencmd get_throttled` of the Raspberry Pi documents them; the same
shifted by 16 mean: since it was switched on."""
_BEFORE = 16
_EVERY_S, _NOTE_EVERY = 10.0, 360
"""Measured so often; the time is noted once in so many measurements: an hour."""


@dataclass(frozen=True)
class Care:
    """One look at the machine."""

    temperature_c: float | None
    """Of the hottest sensor; None = there is none."""
    under_voltage: bool
    throttled: bool
    """Slowed down, by heat or for want of power."""
    was_throttled: bool
    """One of both since it was switched on."""
    free_mb: int
    """Room on the disk of models, slots and audit log."""
    clock: str
    """Why the clock cannot be right, "" if it can."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return what somebody should do something about, one word each."""
        hot = self.temperature_c is not None and self.temperature_c >= HOT_C
        found = {
            POWER: self.under_voltage,
            HEAT: hot,
            SLOW: self.throttled and not hot and not self.under_voltage,
            DISK: self.free_mb < LOW_DISK_MB,
            CLOCK: bool(self.clock),
        }
        return tuple(kind for kind, holds in found.items() if holds)

    @property
    def problems(self) -> tuple[str, ...]:
        """Return the same in sentences."""
        texts = {
            POWER: "the power supply is too weak",
            HEAT: f"it is too hot ({self.temperature_c} °C)",
            SLOW: "it is slowed down",
            DISK: f"the disk is nearly full ({self.free_mb} MB left)",
            CLOCK: self.clock,
        }
        return tuple(texts[kind] for kind in self.kinds)

    @property
    def figures(self) -> dict[str, float]:
        """Return what a monitor follows, by name with its unit; a `needs_` is 0 or 1."""
        heat = {} if self.temperature_c is None else {"temperature_celsius": self.temperature_c}
        needs = {f"needs_{kind}": float(kind in self.kinds) for kind in KINDS}
        return {**heat, "disk_free_bytes": self.free_mb * 1e6, **needs}

    def as_json(self) -> dict[str, object]:
        """Return all of it for scripts."""
        return {**asdict(self), "problems": list(self.problems)}


def look(config: Config, sys: Path = Path("/sys")) -> Care:
    """Measure. Takes less than a millisecond."""
    bits = _throttled(sys)
    return Care(
        _temperature(sys),
        bool(bits & _UNDER_VOLTAGE),
        bool(bits & (_CAPPED | _THROTTLED_NOW | _SOFT_LIMIT)),
        bool(bits >> _BEFORE) or _slowed_cores(sys),
        _free_mb(config.store),
        clock.problem(config),
    )


class Caretaker(Background):
    """Looks at the machine now and then, and notes the time."""

    def __init__(
        self, config: Config, changed: Callable[[Care], None], every_s: float = _EVERY_S
    ) -> None:
        """Take what is told when there are other problems than before; at first there were none."""
        super().__init__("caretaker")
        self._config = config
        self._changed = changed
        self._every_s = every_s
        self.care = look(config)

    def start(self) -> None:
        """Begin."""
        clock.note(self._config)
        if self.care.kinds:
            self._changed(self.care)
        super().start()

    def finish(self) -> None:
        """End."""
        super().finish()
        clock.note(self._config)

    def _work(self) -> None:
        count = 0
        while not self._ended.wait(self._every_s):
            count += 1
            before, self.care = self.care, look(self._config)
            if self.care.kinds != before.kinds:
                self._changed(self.care)
            if count % _NOTE_EVERY == 0:
                clock.note(self._config)


def _temperature(sys: Path) -> float | None:
    found = [_number(path) for path in sys.glob(_ZONES)]
    known = [value / 1000 for value in found if value is not None]
    return round(max(known), 1) if known else None


def _throttled(sys: Path) -> int:
    for path in sys.glob(_THROTTLED):
        value = _number(path, base=16)
        if value is not None:
            return value
    return 0


def _slowed_cores(sys: Path) -> bool:
    """Tell whether a PC has slowed its processor down since it was switched on."""
    return bool(_number(sys / _CORE_LIMITS))


def _number(path: Path, base: int = 10) -> int | None:
    try:
        return int(path.read_text("ascii").strip(), base)
    except (OSError, ValueError):  # a sensor that is switched off
        return None


def _free_mb(store: Path) -> int:
    folder = next(path for path in (store, *store.parents) if path.is_dir())
    return shutil.disk_usage(folder).free // 1_000_000
