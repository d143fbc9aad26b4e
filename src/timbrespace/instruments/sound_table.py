"""The sound table: a trajectory decoded once, closed into a loop, and read by a classic granulator."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from timbrespace.codecs.looping import LoopMaker
from timbrespace.core.codec import LiveCodec
from timbrespace.core.errors import ParameterError
from timbrespace.core.shapes import Sound
from timbrespace.instruments.base import Action, Dial, Instrument, checked_value, checked_values, find
from timbrespace.instruments.corpus import Corpus
from timbrespace.instruments.gate import Gate, Ramp
from timbrespace.instruments.pilot import Pilot
from timbrespace.instruments.table_controls import FREQUENCY, START, TABLE_DIALS, table_actions
from timbrespace.instruments.table_reading import TableState, render_table
from timbrespace.instruments.table_trajectories import Trajectories
from timbrespace.latent.space import LatentSpace

FADE_MS: Final = 8.0
RAMP_MS: Final = 10.0
BLEND_MS: Final = 20.0
"""How long a new table fades in over the old one."""
CLOSING_MS: Final = 20.0
"""How much of a table's end fades into its beginning, at most a quarter of it."""
PACE: Final = 3
"""Latent steps of a new table that are decoded while one passes."""
SECONDS: Final = 2.0
LONGEST_S: Final = 60.0
_TURN: Final = 1 << 40

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Made:
    """A table (channel, sample) and the trajectory (step, axis) it was made of; blocks that were not finite."""

    table: Array
    points: Array
    mended: int


@dataclass(frozen=True, eq=False)
class Playing:
    """A table and how far its playing is."""

    made: Made
    state: TableState


class SoundTable(Instrument):
    """One trajectory as a loop of sound, played with two signals: a rate of grains and a place where they start.

    What is heard is :func:`~timbrespace.instruments.table_reading.render_table` of the table of about ``seconds``:
    ``frequency`` in Hz, ``start`` as a share of the table, which travels by itself at ``speed`` tables a second, and
    ``crossfade`` in whole samples. Frequency, start and gain reach a new value within 10 ms. Below 20 Hz one hears
    grains, above it a tone of that pitch with the table's timbre.

    A new trajectory (``end_point``: the line from ``mean - e`` to ``mean + e``; a line between moments, a moment's
    own sound, a walk) is decoded while the old table goes on, three latent steps while one passes, whatever the blocks;
    then it fades in within 20 ms. Of several trajectories asked for meanwhile the last one follows.
    """

    def __init__(
        self, codec: LiveCodec, space: LatentSpace, corpus: Corpus, *, seed: int = 0, seconds: float = SECONDS
    ) -> None:
        if not 0 < seconds <= LONGEST_S:
            raise ParameterError(f"A sound table lasts more than 0 s and up to {LONGEST_S:g} s, not {seconds:g} s.")
        self._codec = codec
        self._rate = rate = codec.sample_rate
        self._actions = table_actions(codec.latent_dim)
        self._values = {name: dial.default for name, dial in TABLE_DIALS.items()}
        self._pilot = Pilot(codec, space, corpus, dials={}, seed=seed)
        steps = max(2, round(seconds * rate / codec.ratio))
        self._trajectories = Trajectories(corpus, self._pilot.deviations, steps=steps, seed=seed)
        self._deeds: dict[str, Callable[..., None]] = {
            "play": self._play,
            "stop": self._stop,
            "end_point": self._end_point,
            "line": self._line,
            "moment": self._moment,
            "walk": self._walk,
            "reset": self._reset,
            "panic": self._stop,
        }
        self._gate = Gate(max(1, round(FADE_MS / 1000 * rate)))
        self._gain = Ramp(1.0, max(1, round(RAMP_MS / 1000 * rate)))
        self._frequency = Ramp(FREQUENCY.default, max(1, round(RAMP_MS / 1000 * rate)))
        self._start = Ramp(START.default, max(1, round(RAMP_MS / 1000 * rate)))
        self._travelled = 0
        self._mended = 0
        self._making: Making | None = None
        self._next: Array | None = None
        self._old: Playing | None = None
        self._blend = Gate(max(1, round(BLEND_MS / 1000 * rate)))
        self._blending = 0
        self._home = self._maker(self._trajectories.home()).finished()
        self._made: Made | None = None
        self._now = Playing(self._home, TableState())

    @property
    def sample_rate(self) -> int:
        return self._rate

    @property
    def channels(self) -> int:
        return self._codec.channels

    @property
    def period(self) -> int:
        return self._codec.ratio

    @property
    def latency(self) -> int:
        """None: what is turned is heard with the next read, a new table as soon as it is made."""
        return 0

    @property
    def sounding(self) -> bool:
        return not self._gate.closed

    @property
    def playing(self) -> bool:
        return self._gate.open

    @property
    def mended(self) -> int:
        return self._mended

    @property
    def table(self) -> Array:
        """The table (channel, sample) that is played."""
        return self._now.made.table

    @property
    def moment(self) -> int:
        return self._pilot.nearest(np.array(self.place()))

    def arrays(self) -> dict[str, Array]:
        return self._pilot.arrays()

    def facts(self) -> dict[str, Any]:
        return self._pilot.facts()

    def knobs(self) -> Mapping[str, Dial]:
        return TABLE_DIALS

    def actions(self) -> Mapping[str, Action]:
        return self._actions

    def place(self) -> tuple[float, ...]:
        """The point of the trajectory at which a grain would start now."""
        points = self._now.made.points
        share = (self._start.value + self._travelled / _TURN) % 1.0
        return tuple(points[min(len(points) - 1, int(share * len(points)))].tolist())

    def get(self, name: str) -> float:
        find(name, TABLE_DIALS, what="knob")
        return self._values[name]

    def set(self, name: str, value: float) -> None:
        dial = find(name, TABLE_DIALS, what="knob")
        self._turn(name, checked_value(dial, value))

    def act(self, name: str, *values: float) -> None:
        action = find(name, self._actions, what="action")
        self._deeds[name](*checked_values(action, values))

    def warm(self) -> None:
        one = np.ones(1)
        render_table(self.table, one, one, crossfade=1, sample_rate=self._rate, state=TableState())

    def render(self, n_samples: int) -> Sound:
        out = np.zeros((self.channels, n_samples), np.float32)
        done = 0
        while done < n_samples:
            self._take_turns()
            n = min(n_samples - done, self._until_turn())
            if not self._gate.closed:
                out[:, done : done + n] = self._mix(n)
            self._go_on(n)
            done += n
        return torch.from_numpy(out)

    # What sounds.

    def _until_turn(self) -> int:
        """Samples until a gate is closed, a table is made or has faded in; at least one."""
        making = self._making.left if self._making else 0
        waits = (self._gate.until_closed(), self._blending, making)
        return min((w for w in waits if w > 0), default=2**31)

    def _mix(self, n: int) -> Array:
        """The next samples (channel, n), during which nothing turns."""
        frequency = self._frequency.values(n)
        advance = round(self._values["speed"] * _TURN / self._rate)
        travelled = (self._travelled + advance * np.arange(n)) % _TURN  # whole numbers: the same in any blocks
        self._travelled = (self._travelled + advance * n) % _TURN
        share = self._start.values(n) + travelled / _TURN
        sound, self._now = self._read(self._now, frequency, share)
        if self._old is not None:
            before, self._old = self._read(self._old, frequency, share)
            weight = self._blend.gains(n)
            sound = weight * sound + (1 - weight) * before
        return np.asarray(sound * self._gate.gains(n) * self._gain.values(n), np.float32)

    def _read(self, playing: Playing, frequency: Array, share: Array) -> tuple[Array, Playing]:
        table = playing.made.table
        sound, state = render_table(
            table,
            frequency,
            share * table.shape[1],
            crossfade=round(self._values["crossfade"]),
            sample_rate=self._rate,
            state=playing.state,
        )
        return sound, Playing(playing.made, state)

    def _take_turns(self) -> None:
        """Begin with what was asked for, and play what is made, as things stand at this sample."""
        if self._making is not None and self._making.left == 0:
            self._made, self._making = self._making.finished(), None
            self._mended += self._made.mended
        if self._making is None and self._next is not None:
            self._making, self._next = self._maker(self._next), None
        if self._made is not None and not self._blending:
            self._exchange(self._made)
            self._made = None

    def _go_on(self, n: int) -> None:
        """Let n samples have passed."""
        if self._making is not None:
            self._making.wait(n)
        self._blending = 0 if self._gate.closed else max(0, self._blending - n)
        if not self._blending:
            self._old = None

    def _exchange(self, made: Made) -> None:
        """Play another table, over the old one where that is heard."""
        if not self._gate.closed:
            self._old = self._now
            self._blend.shut()
            self._blend.open = True
            self._blending = round(BLEND_MS / 1000 * self._rate)
        self._now = Playing(made, self._now.state)

    def _maker(self, points: Array) -> Making:
        """What makes the table of a trajectory (step, axis)."""
        total = len(points) * self._codec.ratio
        closing = min(round(CLOSING_MS / 1000 * self._rate), total // 4)
        maker = LoopMaker(self._codec, self._pilot.latents(points), crossfade=closing)
        return Making(maker, points, ratio=self._codec.ratio)

    # What a player decides.

    def _turn(self, name: str, value: float) -> None:
        """Let a knob's new value act."""
        self._values[name] = value
        if name == "gain_db":
            self._gain.go(10 ** (value / 20))
        elif name == "frequency":
            self._frequency.go(value)
        elif name == "start":
            self._start.go(value)

    def _play(self) -> None:
        if self._gate.closed:
            self._now = Playing(self._now.made, TableState())
            self._travelled = 0
        self._gate.open = True

    def _stop(self) -> None:
        self._gate.open = False

    def _end_point(self, *end: float) -> None:
        self._next = self._trajectories.centred(self._pilot.points(self._pilot.mean + np.asarray(end)))

    def _line(self, start: float, end: float) -> None:
        i, j = self._pilot.moment_index(start), self._pilot.moment_index(end)
        self._next = self._trajectories.between(i, j)

    def _moment(self, moment: float) -> None:
        self._next = self._trajectories.own(self._pilot.moment_index(moment))

    def _walk(self, seed: float) -> None:
        self._next = self._trajectories.walk(seed)

    def _reset(self) -> None:
        self._next = self._making = None
        self._made = self._home
        for dial in TABLE_DIALS.values():
            self._turn(dial.name, dial.default)


class Making:
    """A table on its way: decoded as samples pass, and there after as many as its steps take at the pace."""

    def __init__(self, maker: LoopMaker, points: Array, *, ratio: int) -> None:
        self._points = points
        self._maker = maker
        self._ratio = ratio
        self._passed = 0

    @property
    def left(self) -> int:
        """Samples until the table is due."""
        return max(0, math.ceil(self._maker.steps * self._ratio / PACE) - self._passed)

    def wait(self, samples: int) -> None:
        """Let ``samples`` pass, and decode what belongs to them."""
        self._passed += samples
        while not self._maker.done and self._maker.decoded * self._ratio < PACE * self._passed:
            self._maker.step()

    def finished(self) -> Made:
        """The table, whatever is left of it decoded now."""
        while not self._maker.done:
            self._maker.step()
        return Made(self._maker.table(), self._points, self._maker.mended)
