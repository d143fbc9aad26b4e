"""Grains added to a sound: overlap-add and at any rate, beside NumPy and pyo.

    python benchmarks/grains.py [--json] [--pyo PYTHON]

20,000 grains of 512 samples with a Hann window, random onsets in 10 s at 44.1 kHz, random positions in a source of
5 s and random gains; one thread, medians of processor time. Contestants take turns: at unit rate our compiled loop, a
loop of NumPy and ``numpy.bincount``; at rates from 0.5 to 1.5 our linear interpolation, our cubic one as the granulator
reads its tables (two sides, one call a grain), and a loop over ``numpy.interp``. pyo's Granulator (64 and 512 grains at
once, the better counts; linear interpolation at any rate, 20 s rendered offline) runs in a process of its own, by a
Python that has it (``--pyo``, by default this one), in turns with ours; without pyo it is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt

from _timing import interleaved
from timbrespace.core.seeds import numpy_generator
from timbrespace.instruments.grain_kernels import ONE, add_transposed, overlap_add, overlap_add_at_rates

RATE, GRAINS, LENGTH, SECONDS, SOURCE_S = 44_100, 20_000, 512, 10, 5
GOALS = {"unit rate": {"numpy": 20.0, "pyo": 20.0}, "any rate": {"pyo": 1.7}}
ROUNDS = 5
PYO = """
import contextlib, io, json, os, random, sys, tempfile, time
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    import pyo
rate, length, source_s, seconds = 44100, 512, 5, 20.0
best = 0.0
for grains in (64, 512):
    with contextlib.redirect_stdout(io.StringIO()):
        server = pyo.Server(sr=rate, nchnls=1, buffersize=256, duplex=0, audio="offline")
        server.setVerbosity(0)
        server.boot()
        server.recordOptions(dur=seconds, filename=os.path.join(tempfile.mkdtemp(), "out.wav"))
        noise = random.Random(0)
        table = pyo.NewTable(length=source_s, chnls=1, init=[noise.gauss(0, 0.1) for _ in range(source_s * rate)])
        position = pyo.Phasor(0.1, mul=source_s * rate)
        duration = length / rate
        playing = pyo.Granulator(table, pyo.HannTable(), 1, position, duration, grains, duration).out()
        begin = time.process_time()
        server.start()
        spent = time.process_time() - begin
    server.shutdown()
    best = max(best, seconds * rate / length * grains / spent)
print(json.dumps(best))
"""

Array = npt.NDArray[Any]


class Scene:
    """The grains that all contestants add."""

    def __init__(self) -> None:
        generator = numpy_generator(0, "grains")
        self.source = (0.1 * generator.standard_normal(SOURCE_S * RATE)).astype(np.float32)
        self.positions = generator.integers(1, len(self.source) - 2 * LENGTH, GRAINS)
        self.onsets = np.sort(generator.integers(0, SECONDS * RATE - LENGTH, GRAINS))
        self.gains = generator.random(GRAINS).astype(np.float32)
        self.rates = generator.uniform(0.5, 1.5, GRAINS)
        self.window = np.hanning(LENGTH).astype(np.float32)
        self.out = np.zeros(SECONDS * RATE, np.float32)
        self.sides = np.zeros((2, SECONDS * RATE), np.float32)

    def ours(self) -> Array:
        self.out[:] = 0
        overlap_add(self.out, self.source, self.positions, self.onsets, self.gains, self.window)
        return self.out

    def numpy_loop(self) -> Array:
        out = np.zeros(SECONDS * RATE, np.float32)
        for p, o, g in zip(self.positions, self.onsets, self.gains, strict=True):
            out[o : o + LENGTH] += self.source[p : p + LENGTH] * self.window * g
        return out

    def numpy_bincount(self) -> Array:
        k = np.arange(LENGTH)
        values = self.source[self.positions[:, None] + k] * self.window * self.gains[:, None]
        return np.bincount((self.onsets[:, None] + k).ravel(), values.ravel(), SECONDS * RATE)

    def ours_linear(self) -> Array:
        self.out[:] = 0
        positions = self.positions.astype(np.float64)
        overlap_add_at_rates(self.out, self.source, positions, self.onsets, self.gains, self.rates, self.window)
        return self.out

    def ours_cubic(self) -> Array:
        self.sides[:] = 0
        table = self.source[None]
        steps = (self.rates * ONE).astype(np.int64)
        for p, o, g, s in zip(*(a.tolist() for a in (self.positions, self.onsets, self.gains, steps)), strict=True):
            add_transposed(self.sides, o, LENGTH, table, self.window, p, s, 0, g, g)
        return self.sides[0]

    def numpy_interp(self) -> Array:
        out = np.zeros(SECONDS * RATE)
        k = np.arange(LENGTH)
        for p, o, g, r in zip(self.positions, self.onsets, self.gains, self.rates, strict=True):
            read = np.interp(r * k, np.arange(2 * LENGTH), self.source[p : p + 2 * LENGTH])
            out[o : o + LENGTH] += read * self.window * g
        return out


def agree(scene: Scene) -> None:
    """All contestants make the same sound."""
    expected = scene.numpy_bincount()
    for other in (scene.ours(), scene.numpy_loop()):
        assert np.abs(other - expected).max() < 1e-4
    assert np.abs(scene.ours_linear() - scene.numpy_interp()).max() < 1e-3


def pyo_rate(python: str) -> float | None:
    """Grains per second of processor time; None where there is no pyo."""
    done = subprocess.run([python, "-c", PYO], capture_output=True, text=True, check=False)
    return float(json.loads(done.stdout)) if done.returncode == 0 else None


def rate_of(call: Callable[[], object]) -> float:
    begin = time.process_time()
    call()
    return GRAINS / (time.process_time() - begin)


def measure(python: str) -> list[dict[str, Any]]:
    scene = Scene()
    agree(scene)
    jobs = {
        "unit rate": {"ours": scene.ours, "numpy": scene.numpy_loop, "numpy bincount": scene.numpy_bincount},
        "any rate": {"ours": scene.ours_linear, "ours, cubic": scene.ours_cubic, "numpy": scene.numpy_interp},
    }
    rows = []
    for name, contestants in jobs.items():
        seconds = interleaved(contestants, rounds=ROUNDS, warm_up=1)
        rates = {who: GRAINS / s for who, s in seconds.items()}
        turns = [(rate_of(contestants["ours"]), pyo_rate(python)) for _ in range(3)]
        ratios = {who: rates["ours"] / rate for who, rate in rates.items() if who != "ours"}
        if all(theirs for _, theirs in turns):
            rates["pyo"] = statistics.median(theirs for _, theirs in turns if theirs)
            ratios["pyo"] = statistics.median(ours / theirs for ours, theirs in turns if theirs)
        rows.append({"job": name, "grains_per_second": rates, "ratio": ratios, "goal": GOALS[name]})
    return rows


def show(rows: list[dict[str, Any]]) -> None:
    print(f"{'job':<12}{'contestant':<18}{'M grains/s':>12}{'ours faster by':>16}{'goal':>8}")
    for row in rows:
        for who, rate in row["grains_per_second"].items():
            ratio, goal = row["ratio"].get(who), row["goal"].get(who, "")
            print(f"{row['job']:<12}{who:<18}{rate / 1e6:>12.3f}{f'{ratio:.1f}' if ratio else '':>16}{goal:>8}")
        if "pyo" not in row["ratio"]:
            print(f"{row['job']:<12}{'pyo':<18} not there; name a Python that has it with --pyo")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--pyo", default=sys.executable, help="a Python that has pyo")
    options = parser.parse_args()
    rows = measure(options.pyo)
    print(json.dumps(rows, indent=2)) if options.json else show(rows)


if __name__ == "__main__":
    main()
