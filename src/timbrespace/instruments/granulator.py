"""The live latent granular synthesiser: every grain is decoded from where the player is when it begins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from timbrespace.core.codec import LiveCodec
from timbrespace.core.errors import ParameterError
from timbrespace.core.seeds import numpy_generator
from timbrespace.core.shapes import Sound
from timbrespace.instruments.base import Action, Dial, Instrument, checked_value, checked_values, find
from timbrespace.instruments.corpus import Corpus
from timbrespace.instruments.gate import Gate, Ramp
from timbrespace.instruments.grain_clock import GrainClock, interval
from timbrespace.instruments.grain_cloud import Cloud, Grain, fixed, panned, reach
from timbrespace.instruments.grain_envelope import envelope
from timbrespace.instruments.grain_tables import Budget, Tables
from timbrespace.instruments.granulator_controls import DENSITY, grain_actions, grain_dials
from timbrespace.instruments.pilot import Pilot
from timbrespace.instruments.strand import LEAD_IN
from timbrespace.latent.space import LatentSpace

FADE_MS: Final = 8.0
GAIN_MS: Final = 10.0
BUDGET: Final = 2.0
"""Latent steps that may be decoded per latent step that passes: what two voices decode."""
BURST_S: Final = 0.05

Array = npt.NDArray[Any]


class Granulator(Instrument):
    """Grains of a latent space, two channels, each decoded for itself.

    At an onset, exact to the sample, the player is somewhere (:class:`~timbrespace.instruments.pilot.Pilot`). The grain
    begins there, moved aside by ``deviation`` standard deviations of the space times a normal draw of its own, at
    ``P = phase of the motion + position * loop`` latent steps of the nearest moment's motion. It is decoded from the
    whole step ``floor(P)`` on, one step before it leading in, and read from sample ``(P - floor(P) + phase) * ratio``,
    rounded, at ``2^(pitch / 12)`` samples per sample, for ``duration``. The motion's own phase advances by ``speed``
    steps per step of time, either way: at 0 the sound is frozen, and grains are read again and again from one table.
    All this is settled at the onset; what is turned later acts on later grains.

    Onsets come ``density`` times a second, periodic or, with ``jitter`` 1, a Poisson process; the first comes with
    ``play``. A grain lies at ``pan + spread * u``, u uniform from -1 to 1, between the two sides; its level is divided
    by the root of the number of grains that sound at the same time on average, if more than one, so that density
    does not turn up the loudness. ``stop`` lets grains end, ``panic`` fades them within 20 ms.

    A table is decoded as far as it is read: the cost of a grain falls at its onset for its first samples (lead-in and
    latency of the codec, a few steps) and then goes along; who renders ahead, as the engine does, hides it. Tables are
    kept, and cost nothing when they are read again; while a motion goes on, grains read along one table, which grows as
    the motion does. No more is decoded than two latent steps per step of time. A grain beyond that budget is read from
    the end of the last table that is long enough, which ``repeated`` counts; where there is none, or ``voices`` sound
    already, an onset has no grain, which ``dropped`` counts.
    """

    def __init__(self, codec: LiveCodec, space: LatentSpace, corpus: Corpus, *, seed: int = 0) -> None:
        if codec.channels not in (1, 2):
            raise ParameterError(f"A granulator plays models of one or two channels, not of {codec.channels}.")
        self._codec = codec
        self._seed = seed
        self._dials = grain_dials(space.names)
        self._actions = grain_actions(codec.latent_dim)
        self._values = {name: dial.default for name, dial in self._dials.items()}
        self._pilot = Pilot(codec, space, corpus, dials=self._dials, seed=seed)
        self._deeds = self._pilot.ways | {
            "play": self._play,
            "stop": self._stop,
            "reset": self._reset,
            "panic": self._panic,
        }
        rate = codec.sample_rate
        self._clock = GrainClock(rate, density=DENSITY.default)
        self._budget = Budget(rate=BUDGET / codec.ratio, most=max(1.0, BUDGET * BURST_S * rate / codec.ratio))
        self._tables = Tables(codec, budget=self._budget)
        self._cloud = Cloud()
        self._gate = Gate(max(1, round(FADE_MS / 1000 * rate)))
        self._gain = Ramp(1.0, max(1, round(GAIN_MS / 1000 * rate)))
        self._window = np.zeros(0, np.float32)
        self._shape = (0, 0.0)
        self._wanted = False
        self._count = 0
        self.dropped = 0
        self.repeated = 0

    @property
    def sample_rate(self) -> int:
        return self._codec.sample_rate

    @property
    def channels(self) -> int:
        return 2

    @property
    def period(self) -> int:
        """Samples from one grain to the next at the density of the beginning."""
        return max(1, round(self.sample_rate / DENSITY.default))

    @property
    def latency(self) -> int:
        """None: the grain of an onset is heard from its first sample on."""
        return 0

    @property
    def sounding(self) -> bool:
        return self._wanted or len(self._cloud) > 0

    @property
    def playing(self) -> bool:
        return self._wanted

    @property
    def mended(self) -> int:
        return self._tables.mended

    @property
    def moment(self) -> int:
        return self._pilot.moment

    def arrays(self) -> dict[str, Array]:
        return self._pilot.arrays()

    def facts(self) -> dict[str, Any]:
        return self._pilot.facts()

    def knobs(self) -> Mapping[str, Dial]:
        return self._dials

    def actions(self) -> Mapping[str, Action]:
        return self._actions

    def place(self) -> tuple[float, ...]:
        travel = self._pilot.travel
        return tuple((travel.at if self.sounding else travel.goal()).tolist())

    def get(self, name: str) -> float:
        find(name, self._dials, what="knob")
        return self._values[name]

    def set(self, name: str, value: float) -> None:
        dial = find(name, self._dials, what="knob")
        self._turn(name, checked_value(dial, value))

    def act(self, name: str, *values: float) -> None:
        action = find(name, self._actions, what="action")
        self._deeds[name](*checked_values(action, values))

    def warm(self) -> None:
        tables = Tables(self._codec, budget=Budget(rate=0.0, most=1.0))
        cloud = Cloud()
        for rate in (1.0, 1.5):
            samples = reach(64, fixed(rate))
            latents = np.repeat(self._pilot.mean[None], tables.steps(samples), axis=0)
            found = tables.find(latents, samples)
            if found is not None:
                cloud.add(Grain(found[0], np.zeros(64, np.float32), 0, fixed(rate), (1.0, 1.0)))
        cloud.render(np.zeros((2, 64), np.float32), 0, 64)

    def render(self, n_samples: int) -> Sound:
        out = np.zeros((2, n_samples), np.float32)
        done = 0
        while done < n_samples:
            if self._wanted and self._clock.until() == 0:
                self._strike()
            n = min(n_samples - done, self._until_turn())
            self._mix(out, done, n)
            done += n
        return torch.from_numpy(out)

    # What sounds.

    def _until_turn(self) -> int:
        """Samples until something happens that has to be looked at; at least one."""
        waits = (self._clock.until() if self._wanted else 0, self._gate.until_closed())
        return min((w for w in waits if w > 0), default=2**31)

    def _mix(self, out: Array, at: int, n: int) -> None:
        """The next n samples into ``out`` (2, time) from ``at`` on, during which no grain begins."""
        self._cloud.render(out, at, n)
        out[:, at : at + n] *= self._gate.gains(n) * self._gain.values(n)
        self._budget.wait(n)
        if self._wanted:
            self._clock.wait(n)
            self._pilot.travel.wait(n)
        if self._gate.closed:
            self._cloud.clear()

    def _strike(self) -> None:
        """An onset: a grain, or one dropped."""
        generator = numpy_generator(self._seed, "grain", self._count)
        self._count += 1
        aside = generator.standard_normal(len(self._pilot.deviations))
        side, wait = generator.uniform(-1, 1), generator.exponential()
        self._clock.strike(interval(self._values["jitter"], wait))
        phase = self._pilot.travel.look()
        grain = None
        if len(self._cloud) < round(self._values["voices"]):
            grain = self._grain(phase, aside * self._values["deviation"] * self._pilot.deviations, side)
        if grain is None:
            self.dropped += 1
        else:
            self._cloud.add(grain)

    def _grain(self, phase: float, aside: Array, side: float) -> Grain | None:
        """The grain of this onset; None where there is nothing it could be read from."""
        values, travel = self._values, self._pilot.travel
        at = phase + values["position"] * travel.pose.loop
        first = math.floor(at)
        start = round((at - first + values["phase"]) * self._codec.ratio)
        window, step = self._windowed(), fixed(2 ** (values["pitch"] / 12))
        needed = reach(len(window), step)
        samples = start + needed
        points = travel.points(first - LEAD_IN, self._tables.steps(samples), aside=aside)
        found = self._tables.find(self._pilot.latents(points), samples)
        if found is None:
            table = self._tables.last(needed)
            if table is None:
                return None
            start = table.room - needed
            self.repeated += 1
        else:
            table, offset = found
            start += offset
        where = min(1.0, max(-1.0, values["pan"] + values["spread"] * side))
        left, right = panned(where, channels=self._codec.channels)
        level = self._level()
        return Grain(table, window, start, step, (level * left, level * right))

    def _level(self) -> float:
        """``1 / sqrt(max(1, grains at the same time))``."""
        values = self._values
        together = min(round(values["voices"]), values["density"] * values["duration"] / 1000)
        return 1 / math.sqrt(max(1.0, together))

    def _windowed(self) -> Array:
        """The window of this onset's grain, made anew where duration or envelope were turned."""
        length = max(1, round(self._values["duration"] / 1000 * self.sample_rate))
        shape = (length, self._values["envelope"])
        if shape != self._shape:
            self._window = envelope(length, shape=shape[1], sample_rate=self.sample_rate)
            self._shape = shape
        return self._window

    # What a player decides.

    def _turn(self, name: str, value: float) -> None:
        """Let a knob's new value act."""
        self._values[name] = value
        self._pilot.turn(name, value)
        if name == "gain_db":
            self._gain.go(10 ** (value / 20))
        elif name == "density":
            self._clock.turn(value)

    def _play(self) -> None:
        if not self.sounding:
            self._pilot.travel.arrive()
            self._gate.throw_open()
        if not self._wanted:
            self._clock.begin()
        self._wanted = self._gate.open = True

    def _stop(self) -> None:
        self._wanted = False

    def _reset(self) -> None:
        self._pilot.go_home()
        self._tables.clear()
        self._count = 0
        for dial in self._dials.values():
            self._turn(dial.name, dial.default)

    def _panic(self) -> None:
        self._wanted = self._gate.open = False
        self._pilot.rest()
