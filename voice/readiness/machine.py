"""Software, processor, memory, disk, heat and power, clock."""

from __future__ import annotations

import os
import platform
import shutil
import time
from importlib import metadata
from pathlib import Path

import voice
from models.catalog import Catalog
from models.store import Store
from voice.bootstrap import cpu_flags
from voice.config import Config
from voice.device import clock as device_clock
from voice.device.care import HEAT, POWER, SLOW, look
from voice.errors import StageError
from voice.readiness.finding import FAILURE, OK, WARNING, Finding, Words

PACKAGES = ("sherpa-onnx", "onnxruntime", "llama-cpp-python", "numpy", "sounddevice", "soundfile")
FAST_FLAGS = {"x86_64": "avx2", "aarch64": "asimddp"}
"""The instruction set that the speed figures of the README rest on."""
BASE_MEMORY_MB = 250
"""What the program takes besides its models."""
_LEAST_FREE_MB = 500
"""Room for the cache of answers and for one more set of models."""
_ILL = {POWER: "供电不足", HEAT: "温度过高", SLOW: "正在降速运行"}


def software() -> Finding:
    """Look for Python and the packages that do the work."""
    subject = Words("software", "软件")
    versions, missing = [f"hean {voice.__version__}", f"Python {platform.python_version()}"], []
    for name in PACKAGES:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        text = Words(f"missing: {', '.join(missing)}", f"缺少：{'、'.join(missing)}")
        fix = Words("./hean setup", "运行 ./hean setup")
        return Finding(subject, FAILURE, text, fix, StageError.exit_code)
    return Finding(subject, OK, Words(", ".join(versions), "，".join(versions)))


def processor() -> Finding:
    """Look at cores and instruction sets."""
    subject = Words("processor", "处理器")
    machine, cores = platform.machine(), len(os.sched_getaffinity(0))
    wanted = FAST_FLAGS.get(machine, "")
    text = Words(f"{machine}, {cores} core{'s' if cores > 1 else ''}", f"{machine}，{cores} 个核")
    if cores < 2:
        fix = Words(
            "answers come late; two cores or more are meant", "回答会变慢；应有两个或更多的核"
        )
        return Finding(subject, WARNING, text, fix)
    if wanted not in cpu_flags():
        fix = Words(
            "answers come late; a Raspberry Pi 5 or a PC from 2014 on is meant",
            "回答会变慢；应使用树莓派 5 或 2014 年以后的电脑",
        )
        text = text.plus(
            f", without {wanted or 'known'} speed", f"，没有 {wanted or '已知的'} 加速指令"
        )
        return Finding(subject, WARNING, text, fix)
    return Finding(subject, OK, text.plus(f", {wanted}", f"，{wanted}"))


def memory(model_ids: dict[str, str], catalog: Catalog) -> Finding:
    """Compare the memory that is free with what the models take."""
    subject = Words("memory", "内存")
    needed_mb = sum(catalog.model(name).memory_mb for name in model_ids.values()) + BASE_MEMORY_MB
    free_mb = available_memory_mb(Path("/proc/meminfo").read_text("utf-8"))
    text = Words(
        f"{free_mb:,} MB free, about {needed_mb:,} MB needed",
        f"空闲 {free_mb:,} MB，约需 {needed_mb:,} MB",
    )
    if free_mb < needed_mb:
        fix = Words(
            "close other programs, or choose smaller models: hean models list",
            "关闭别的程序，或换用较小的模型：hean models list",
        )
        return Finding(subject, WARNING, text, fix)
    return Finding(subject, OK, text)


def available_memory_mb(meminfo: str) -> int:
    """Return the memory that a new program can have, from the text of /proc/meminfo."""
    rows = dict(line.split(":", 1) for line in meminfo.splitlines() if ":" in line)
    return int(rows["MemAvailable"].split()[0]) // 1024


def disk(store: Store) -> Finding:
    """Look for room for models and answers."""
    subject = Words("disk", "磁盘")
    folder = next(path for path in (store.root, *store.root.parents) if path.is_dir())
    free_mb = shutil.disk_usage(folder).free // 1_000_000
    text = Words(f"{free_mb:,} MB free at {folder}", f"{folder} 所在磁盘空闲 {free_mb:,} MB")
    if free_mb < _LEAST_FREE_MB:
        fix = Words(
            f"make room: models and answers need some {_LEAST_FREE_MB} MB",
            f"请腾出空间：模型和回答约需 {_LEAST_FREE_MB} MB",
        )
        return Finding(subject, WARNING, text, fix)
    return Finding(subject, OK, text)


def condition(config: Config) -> Finding:
    """Look at heat and power supply."""
    subject = Words("heat and power", "温度和供电")
    care = look(config)
    if care.temperature_c is None:
        text = Words("no sensor", "没有温度传感器")
    else:
        text = Words(f"{care.temperature_c:.0f} °C", f"{care.temperature_c:.0f} °C")
    if care.was_throttled:
        text = text.plus(", was slowed down since it was switched on", "，开机以来曾经降速")
    problems = dict(zip(care.kinds, care.problems, strict=True))
    ill = [kind for kind in care.kinds if kind in _ILL]
    if not ill:
        return Finding(subject, OK, text)
    text = text.plus(
        f"; {'; '.join(problems[kind] for kind in ill)}",
        f"；{'；'.join(_ILL[kind] for kind in ill)}",
    )
    fix = Words(
        "answers come late; a stronger power supply, a fan or a cooler place helps",
        "回答会变慢；请换用更强的电源、加风扇，或移到凉快的地方",
    )
    return Finding(subject, WARNING, text, fix)


def clock(config: Config, now_s: float | None = None) -> Finding:
    """Tell whether the clock can be right: a machine without a battery starts in the past."""
    subject = Words("clock", "时钟")
    now_s = time.time() if now_s is None else now_s
    shown = time.strftime("%Y-%m-%d %H:%M:%S %Z (UTC%z)", time.localtime(now_s))
    text = Words(shown, shown)
    if problem := device_clock.problem(config, now_s):
        fix = Words(
            "set it: sudo date -s 'DATE TIME'; on a device, if it is right: hean device install",
            "校准：sudo date -s '日期 时间'；如果设备上的时间其实正确：hean device install",
        )
        return Finding(subject, WARNING, text.plus(f": {problem}", "：这个时间不可信"), fix)
    return Finding(subject, OK, text)
