"""Energy: joules from a counter are measured, its wrap is survived, and guesses are called guesses."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from timbrespace.core.energy import EnergyMeter


def counter(folder: Path, microjoules: int, limit: int = 1_000_000) -> Path:
    package = folder / "intel-rapl:0"
    package.mkdir(exist_ok=True)
    (package / "energy_uj").write_text(str(microjoules))
    (package / "max_energy_range_uj").write_text(str(limit))
    return folder


def test_counter_is_measured(tmp_path: Path) -> None:
    meter = EnergyMeter(rapl=counter(tmp_path, 100))
    counter(tmp_path, 600_100)
    energy = meter.read()
    assert energy.provenance == "measured"
    assert energy.joules == pytest.approx(0.6)


def test_wrap_is_survived(tmp_path: Path) -> None:
    meter = EnergyMeter(rapl=counter(tmp_path, 900_000))
    counter(tmp_path, 100_000)
    meter.poll()
    counter(tmp_path, 300_000)
    assert meter.read().joules == pytest.approx(0.4)


def test_sub_counters_are_not_counted_twice(tmp_path: Path) -> None:
    counter(tmp_path, 0)
    (tmp_path / "intel-rapl:0:0").mkdir()
    (tmp_path / "intel-rapl:0:0" / "energy_uj").write_text("0")
    assert len(EnergyMeter(rapl=tmp_path).counters) == 1


def test_the_platform_counter_is_not_added_to_the_package(tmp_path: Path) -> None:
    (counter(tmp_path, 0) / "intel-rapl:0" / "name").write_text("package-0\n")
    platform = tmp_path / "intel-rapl:1"
    platform.mkdir()
    (platform / "name").write_text("psys\n")
    (platform / "energy_uj").write_text("5")
    assert [c.name for c in EnergyMeter(rapl=tmp_path).counters] == ["intel-rapl:0"]


def test_with_a_gpu_the_processor_alone_is_no_measurement(tmp_path: Path) -> None:
    assert EnergyMeter(rapl=counter(tmp_path, 0), accelerator=True).read().provenance == "unvalidated"


def test_without_counter_the_label_says_unvalidated(tmp_path: Path) -> None:
    meter = EnergyMeter(rapl=tmp_path, watts_per_core=20.0)
    start = time.process_time()
    while time.process_time() - start < 0.05:
        pass
    energy = meter.read()
    assert energy.provenance == "unvalidated"
    assert energy.joules >= 20.0 * 0.05
    assert EnergyMeter(rapl=tmp_path, watts_per_core=20.0, validated=True).read().provenance == "estimated"
