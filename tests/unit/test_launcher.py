"""The launcher and its steps, up to what needs a network or an administrator."""

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from voice.bootstrap import (
    Place,
    SetupError,
    cpu_flags,
    find_place,
    goal,
    is_ready,
    locked,
    read_stamps,
    system,
    venv_identity,
    write_stamps,
)
from voice.bootstrap.llama import find_wheel, plan
from voice.bootstrap.process import cause, note_of, run

ROOT = Path(__file__).parents[2]
PI_5 = "fp asimd aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
OLD_PC = "fpu sse sse2 ssse3 sse4_1 sse4_2 avx"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A checkout that was never started, with a home of its own."""
    root = tmp_path / "checkout"
    (root / "models").mkdir(parents=True)
    shutil.copy(ROOT / "pyproject.toml", root)
    shutil.copy(ROOT / "models" / "catalog.toml", root / "models")
    (tmp_path / "cache").mkdir()
    return Place(root, root / ".venv", tmp_path / "cache")


def launch(*arguments: str, root: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [root / "hean", *arguments],
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def copy_launcher(place: Place) -> Path:
    shutil.copy(ROOT / "hean", place.root)
    ignore = shutil.ignore_patterns("__pycache__")
    (place.root / "voice").mkdir()
    shutil.copy(ROOT / "voice" / "__init__.py", place.root / "voice")
    shutil.copytree(ROOT / "voice/bootstrap", place.root / "voice" / "bootstrap", ignore=ignore)
    return place.root


def mark_done(place: Place, **stamps: object) -> None:
    place.venv.joinpath("bin").mkdir(parents=True, exist_ok=True)
    python = place.venv / "bin" / "python"
    if not python.exists():
        python.symlink_to(sys.executable)
    wanted = goal(place, dev=True, models=True)
    write_stamps(place, {**wanted, "venv": venv_identity(place), "cpu": [], **stamps})


@pytest.mark.parametrize("words", [(), ("help",), ("help", "ask"), ("--help",)], ids=str)
def test_alone_on_a_new_machine_it_prints_help_and_changes_nothing(place, tmp_path, words):
    root = copy_launcher(place)
    result = launch(*words, root=root, XDG_CACHE_HOME=str(tmp_path / "other"))
    assert (result.returncode, result.stderr) == (0, "")
    assert "./hean setup" in result.stdout
    assert "exec python3" not in result.stdout
    assert not place.venv.exists()
    assert not (tmp_path / "other").exists()


def test_without_python_it_says_so(place, tmp_path):
    result = launch("run", root=copy_launcher(place), PATH=str(tmp_path))
    assert result.returncode == 69
    assert result.stderr == "hean needs Python: apt-get install python3\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("run", True),
        ("ask --text 碘片什么时候吃 --json", True),
        ("ask --set tts.speed=0.9 --text x", True),
        ("ask --set models.profile=pi --text x", False),
        ("ask --set=llm.model=none --text x", False),
        ("run --config hean.toml", False),
        ("run --help", False),
        ("check", False),
        ("models list", False),
    ],
)
def test_models_come_by_themselves_only_where_they_are_used(line, expected):
    words = line.split()
    launcher = runpy.run_path(str(ROOT / "hean"))
    assert launcher["uses_starter_models"](words[0], words) is expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("train data.jsonl --base qwen2.5-coder-0.5b", True),
        ("export runs/one --to q8_0", True),
        ("bench train --json", True),
        ("wake train 你好核安", True),
        ("wake test said.wav", False),
        ("train --help", False),
        ("bench ask", False),
        ("ask --text train", False),
        ("run", False),
    ],
)
def test_training_packages_come_by_themselves_only_where_they_are_used(line, expected):
    launcher = runpy.run_path(str(ROOT / "hean"))
    assert launcher["uses_training"](line.split()) is expected


def test_training_packages_are_a_step_of_their_own(place):
    mark_done(place)
    assert not is_ready(place, goal(place, dev=False, models=False, train=True))
    mark_done(place, train=goal(place, dev=False, models=False)["project"])
    assert is_ready(place, goal(place, dev=False, models=False, train=True))


def test_what_is_done_is_not_done_again(place):
    mark_done(place)
    assert is_ready(place, goal(place, dev=True, models=True))
    assert is_ready(place, goal(place, dev=False, models=False))


@pytest.mark.parametrize("file", ["pyproject.toml", "models/catalog.toml"])
def test_new_requirements_are_noticed(place, file):
    mark_done(place)
    path = place.root / file
    path.write_text("# changed\n" + path.read_text("utf-8"), "utf-8")
    assert not is_ready(place, goal(place, dev=True, models=True))


def test_settings_of_tools_are_no_requirements(place):
    mark_done(place)
    path = place.root / "pyproject.toml"
    path.write_text(path.read_text("utf-8").replace("line-length = 100", "line-length = 99"))
    assert is_ready(place, goal(place, dev=True, models=True))


def test_a_moved_checkout_or_another_python_is_noticed(place, tmp_path):
    mark_done(place)
    moved = tmp_path / "moved"
    place.root.rename(moved)
    there = Place(moved, moved / ".venv", place.cache)
    assert not is_ready(there, goal(there, dev=False, models=False))


def test_a_card_put_into_a_lesser_machine_is_noticed(place):
    mark_done(place, cpu=["an-instruction-of-tomorrow"])
    assert not is_ready(place, goal(place, dev=False, models=False))


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", "{}"])
def test_damaged_stamps_count_as_none(place, damage):
    mark_done(place)
    (place.venv / "hean.json").write_text(damage, "utf-8")
    assert read_stamps(place) == {}
    assert not is_ready(place, goal(place, dev=False, models=False))


def test_a_read_only_checkout_keeps_its_environment_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    place = find_place(tmp_path / "checkout")
    assert place.read_only
    assert place.venv.parent == tmp_path / "hean"


def test_a_raspberry_pi_5_gets_dot_products(place):
    build = plan(place, "aarch64", set(PI_5.split()))
    assert "GGML_NATIVE=OFF" in build.options
    assert "GGML_CPU_ARM_ARCH=armv8.2-a+dotprod" in build.options
    assert build.used_flags == ("asimddp",)
    assert plan(place, "aarch64", {"fp", "asimd"}).used_flags == ()


def test_a_pc_gets_what_its_processor_has_and_nothing_more(place):
    build = plan(place, "x86_64", set(OLD_PC.split()))
    assert {"GGML_SSE42=ON", "GGML_AVX=ON", "GGML_AVX2=OFF", "GGML_FMA=OFF"} <= {*build.options}
    assert build.used_flags == ("sse4_2", "avx")


def test_each_kind_of_processor_has_a_wheel_of_its_own(place):
    machines = [("x86_64", OLD_PC), ("x86_64", OLD_PC + " avx2"), ("aarch64", PI_5)]
    names = {plan(place, machine, set(flags.split())).name for machine, flags in machines}
    assert len(names) == 3


def test_half_a_wheel_is_not_taken(place):
    build = plan(place, "x86_64", set())
    folder = place.cache / "wheels" / build.name
    folder.mkdir(parents=True)
    (folder / "llama_cpp_python-1-py3-none-any.whl").write_bytes(b"PK\x03\x04 cut short")
    assert find_wheel(place, build) is None


def test_an_unpinned_library_is_refused(place):
    (place.root / "pyproject.toml").write_text("[project]\n", "utf-8")
    with pytest.raises(SetupError, match="does not pin llama-cpp-python"):
        plan(place)


def test_processor_flags_are_read_on_both_architectures(tmp_path):
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nflags\t\t: fpu avx\n", "utf-8")
    assert cpu_flags(file) == {"fpu", "avx"}
    file.write_text("processor\t: 0\nFeatures\t: fp asimddp\n", "utf-8")
    assert cpu_flags(file) == {"fp", "asimddp"}
    file.write_text("no such line\n", "utf-8")
    assert cpu_flags(file) == set()


def test_a_failed_command_ends_in_one_line_with_the_reason(place, capfd):
    script = "echo Collecting numpy; echo 'ERROR: no space'; echo bye; exit 3"
    with pytest.raises(SetupError, match=r"^packages: ERROR: no space \(all it wrote: .*\)$"):
        run(place, "packages", ["sh", "-c", script])
    assert "Collecting numpy" in (place.cache / "setup.log").read_text("utf-8")
    assert "failed" in capfd.readouterr().err


def test_a_command_that_dies_silently_is_named_by_its_code(place):
    with pytest.raises(SetupError, match="ended with code -4"):
        run(place, "check", ["sh", "-c", "kill -ILL $$"])


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("Failed to resolve 'x' ([Errno -3] Temporary failure in name resolution)", "the network"),
        ("E: Failed to fetch x  Could not connect: Connection refused", "the network"),
    ],
)
def test_the_usual_causes_are_put_plainly(line, meaning):
    assert cause(["one", line, "ERROR: No matching distribution"], 1).startswith(meaning)


def test_progress_names_steps_and_packages():
    assert note_of("  [12/140] /usr/bin/g++ -O3") == "[12/140]"
    assert note_of("Collecting numpy<3,>=1.26") == "Collecting numpy"
    assert note_of("  -- Detecting CXX compile features") == ""


def test_a_missing_package_without_administrator_ends_in_the_command(place, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    need = system.Need("libexample1", "example", lambda: False)
    with pytest.raises(SetupError, match="as root: apt-get install .* libexample1$"):
        system.ensure(place, [need])


def test_what_is_there_is_not_installed(place, capsys):
    system.ensure(place, [system.Need("libexample1", "example", lambda: True)])
    assert capsys.readouterr().err == ""


def test_a_second_start_waits_for_what_a_killed_one_left_running(place):
    ended = place.cache / "ended"
    script = f"""
import subprocess, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from voice.bootstrap import Place, locked
with locked(Place(Path(), Path(), Path({str(place.cache)!r}))):
    command = ["sh", "-c", "echo ready; sleep 1; touch {ended}"]
    subprocess.run(command, close_fds=False)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as first:
        assert first.stdout
        assert first.stdout.readline() == b"ready\n"
        first.kill()
        with locked(place):
            assert ended.exists()


def test_stamps_are_replaced_as_a_whole(place):
    mark_done(place)
    write_stamps(place, {"project": "x"})
    assert json.loads((place.venv / "hean.json").read_text("utf-8")) == {"project": "x"}
    assert [path.name for path in place.venv.glob("hean*")] == ["hean.json"]
