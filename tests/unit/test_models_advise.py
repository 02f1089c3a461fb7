"""What a machine can run and train: told from its sizes, and never more than it has."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from models.advise import Advice, advise, parameters_m
from models.catalog import load_catalog
from models.machine import Gpu, Machine, Speed, gpus_of, measure, this_machine
from tests.commands import hean

SMALL_PC = Machine("x86_64", 2, ("avx512_bf16", "avx512f", "avx2"), 24_000, 70_000)
RASPBERRY_PI = Machine("aarch64", 4, ("asimddp",), 8_300, 20_000)


def advice(machine: Machine, speed: Speed | None = None) -> Advice:
    return advise(machine, load_catalog(), speed)


def change(machine: Machine, **fields: object) -> Machine:
    return dataclasses.replace(machine, **fields)


def test_sizes_are_told_from_the_catalogue():
    catalog = load_catalog()
    sizes = {m.id: parameters_m(m) for m in catalog if m.stage == "llm"}
    assert sizes["smollm2-135m"] == 135
    assert sizes["qwen2.5-coder-0.5b"] == 500
    assert sizes["qwen2.5-1.5b"] == 1500


def test_three_phases_grow():
    phases = advice(SMALL_PC).phases
    assert [phase.name for phase in phases] == ["try", "improve", "produce"]
    for smaller, larger in zip(phases, phases[1:], strict=False):
        assert smaller.rows * smaller.epochs < larger.rows * larger.epochs
        for one, other in zip(smaller.choices, larger.choices, strict=True):
            assert one.minutes < other.minutes


def test_the_half_billion_model_learns_on_two_cores_within_its_hour():
    improve = advice(SMALL_PC).phases[1]
    way = next(c for c in improve.choices if c.model == "qwen2.5-0.5b")
    assert way.fits
    assert (way.method, way.weights) == ("lora", "bf16")
    assert 5 < way.minutes < 60
    assert way.memory_mb < 6_000


@pytest.mark.parametrize("memory_mb", [900, 2_000, 4_000, 8_300, 24_000])
def test_what_fits_has_room(memory_mb: int):
    found = advice(change(SMALL_PC, memory_mb=memory_mb))
    ways = [*found.running, *(way for phase in found.phases for way in phase.choices)]
    for way in ways:
        assert way.fits == (not way.why)
        assert way.fits == (way.memory_mb + 700 <= memory_mb)
    for phase in found.phases:
        assert phase.choice is None or phase.choice.fits


def test_a_full_disk_is_named():
    found = advice(change(SMALL_PC, free_disk_mb=50))
    assert not any(row.fits for row in found.running)
    assert all("disk" in row.why for row in found.running)


def test_without_bfloat16_weights_are_float32_and_training_is_slower():
    pi, pc = (advice(machine).phases[1].choices[0] for machine in (RASPBERRY_PI, SMALL_PC))
    assert pi.weights == "float32"
    assert pi.memory_mb > pc.memory_mb
    assert pi.minutes > pc.minutes


def test_a_graphics_card_is_used_and_no_time_made_up():
    card = change(SMALL_PC, gpus=(Gpu("card", 8_000),))
    small, *_, large = advice(card).phases[2].choices
    assert (small.method, small.minutes) == ("lora", None)
    assert "graphics card" in large.weights
    tight = change(SMALL_PC, gpus=(Gpu("card", 5_500),))
    assert advice(tight).phases[2].choices[-1].method == "qlora"


def test_a_measured_machine_is_told_so():
    slow = advice(SMALL_PC, Speed(45, 18.5))
    fast = advice(SMALL_PC, Speed(90, 37))
    assert "measured" in slow.basis
    assert "estimates" in fast.basis
    for one, other in zip(slow.running, fast.running, strict=True):
        assert one.tokens_per_s < other.tokens_per_s
        assert one.answer_s > other.answer_s
    assert slow.phases[0].choices[-1].minutes > fast.phases[0].choices[-1].minutes


def test_this_machine(tmp_path: Path):
    cpuinfo, meminfo = tmp_path / "cpuinfo", tmp_path / "meminfo"
    cpuinfo.write_text("processor : 0\nFeatures\t: fp asimd asimddp bf16\n")
    meminfo.write_text("MemTotal:        8000000 kB\nMemAvailable:    6000000 kB\n")
    machine = this_machine(tmp_path / "not" / "there", cpuinfo, meminfo)
    assert machine.features == ("bf16", "asimddp")
    assert machine.has_bf16
    assert machine.memory_mb == 8192
    assert machine.cores >= 1
    assert machine.free_disk_mb > 0
    unknown = this_machine(tmp_path, tmp_path / "none", tmp_path / "none")
    assert (unknown.features, unknown.memory_mb) == ((), 0)


def test_graphics_cards_are_listed():
    listing = "NVIDIA GeForce RTX 4090, 24564\nA, B, 100\n[N/A], [N/A]\n"
    assert gpus_of(listing) == [Gpu("NVIDIA GeForce RTX 4090", 24564), Gpu("A, B", 100)]


def test_measuring_finds_something():
    speed = measure()
    assert speed.gflops > 0
    assert speed.copy_gb_per_s > 0


def test_the_command_shows_all_tables():
    shown = hean("models", "advise")
    assert shown.code == 0
    for word in ("estimates", "try:", "improve:", "produce:", "qwen2.5-0.5b"):
        assert word in shown.out
    told = json.loads(hean("models", "advise", "--measure", "--json").out)
    assert [phase["name"] for phase in told["phases"]] == ["try", "improve", "produce"]
    assert told["measured"]["gflops"] > 0
