"""The language model library, compiled once for this kind of processor and kept as a wheel."""

from __future__ import annotations

import os
import platform
import re
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

from voice.bootstrap import Place, SetupError, cpu_flags, digest, requirements
from voice.bootstrap.process import run

_NAME = "llama-cpp-python"
_X86_OPTIONS = {  # flag in /proc/cpuinfo: CMake option
    "sse4_2": "GGML_SSE42",
    "avx": "GGML_AVX",
    "avx2": "GGML_AVX2",
    "fma": "GGML_FMA",
    "f16c": "GGML_F16C",
    "bmi2": "GGML_BMI2",
}
_ARM_DOT_PRODUCT = "asimddp"


@dataclass(frozen=True)
class Build:
    """One version of the library, compiled for one set of instructions."""

    version: str
    machine: str
    used_flags: tuple[str, ...]
    """CPU flags it cannot do without."""
    options: tuple[str, ...]
    """CMake options."""

    @property
    def name(self) -> str:
        """Return the name under which its wheel is kept."""
        return f"{_NAME}-{self.version}-{self.machine}-{digest(' '.join(self.options))}"


def plan(place: Place, machine: str = platform.machine(), flags: set[str] | None = None) -> Build:
    """Return what to compile for a processor (default: this one).

    Never ggml's own choice for the present machine: on virtual ones that advertise AMX it ends in
    SIGILL.
    """
    flags = cpu_flags() if flags is None else flags
    pin = re.search(rf'"{_NAME}==([\w.]+)"', requirements(place))
    if not pin:
        raise SetupError(f"pyproject.toml does not pin {_NAME}; take a whole checkout")
    options, used = ["GGML_NATIVE=OFF"], []
    if machine == "x86_64":
        used = [flag for flag in _X86_OPTIONS if flag in flags]
        options += [f"{o}={'ON' if flag in used else 'OFF'}" for flag, o in _X86_OPTIONS.items()]
    elif machine == "aarch64" and _ARM_DOT_PRODUCT in flags:
        used = [_ARM_DOT_PRODUCT]
        options.append("GGML_CPU_ARM_ARCH=armv8.2-a+dotprod")
    options += ["LLAVA_BUILD=OFF", "LLAMA_OPENSSL=OFF"]
    return Build(pin.group(1), machine, tuple(used), tuple(options))


def find_wheel(place: Place, build: Build) -> Path | None:
    """Return the wheel of an earlier build, if it is whole."""
    wheels = (place.cache / "wheels" / build.name).glob("*.whl")
    return next((path for path in wheels if zipfile.is_zipfile(path)), None)


def compile_wheel(place: Place, build: Build) -> Path:
    """Compile; sources and objects stay until it is done, so that a new start goes on with them."""
    work = place.cache / f"build-{build.name}"
    made = work / "wheel"
    source = _unpacked_source(place, build, work)
    shutil.rmtree(made, ignore_errors=True)
    command = [*place.python, "-m", "pip", "wheel", "--verbose", "--no-deps", str(source)]
    command += [f"--config-settings=build-dir={work / 'objects'}", f"--wheel-dir={made}"]
    run(
        place,
        "language model library, compiled for this processor",
        command,
        CMAKE_ARGS=" ".join(f"-D{option}" for option in build.options),
        CMAKE_BUILD_PARALLEL_LEVEL=str(_jobs()),
        TMPDIR=str(work),  # /tmp may be small, or in memory
    )
    target = place.cache / "wheels" / build.name
    os.sync()
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(exist_ok=True)
    made.rename(target)
    shutil.rmtree(work)
    return next(target.glob("*.whl"))


def _unpacked_source(place: Place, build: Build, work: Path) -> Path:
    source = work / "source"
    if source.exists():
        return source
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    command = [*place.python, "-m", "pip", "download", "--no-deps", f"--no-binary={_NAME}"]
    command += [f"--dest={work}", f"{_NAME}=={build.version}"]
    run(place, "language model library, sources", command, TMPDIR=str(work))
    archive = next(work.glob("*.tar.gz"))
    shutil.unpack_archive(archive, work / "unpacked")
    (work / "unpacked" / archive.name.removesuffix(".tar.gz")).rename(source)
    return source


def _jobs() -> int:
    """Return how many compilers may run at once: one for each core, and 1 GB for each."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return max(1, min(os.cpu_count() or 1, int(memory_gb)))
