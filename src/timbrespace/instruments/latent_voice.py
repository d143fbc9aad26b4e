"""The first instrument: a voice that goes through a latent space the way its sounds do."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from timbrespace.core.codec import LiveCodec
from timbrespace.core.errors import ParameterError
from timbrespace.core.seeds import torch_generator
from timbrespace.core.shapes import Sound
from timbrespace.instruments.base import Action, Dial, Instrument, checked_value, checked_values, find, whole
from timbrespace.instruments.corpus import Corpus
from timbrespace.instruments.gate import Gate, Ramp
from timbrespace.instruments.guides import Line, Place, Walk
from timbrespace.instruments.latent_controls import ACTIONS, dials
from timbrespace.instruments.motion import own_steps
from timbrespace.instruments.neighbours import Neighbours
from timbrespace.instruments.strand import LEAD_IN, Strand
from timbrespace.instruments.travel import FURTHEST, Pose, Travel
from timbrespace.latent.space import LatentSpace
from timbrespace.latent.wander import Wander

FADE_MS: Final = 8.0
GAIN_MS: Final = 10.0
AUDITION_S: Final = 1.0
WALK_PERIOD_S: Final = 8.0
LONGEST_LINE_S: Final = 600.0

Array = npt.NDArray[Any]


class LatentVoice(Instrument):
    """Points on the axes of a space, one per latent step, decoded as they come.

    A guide says where the voice is: at a place, on a walk, between two moments of the corpus. There it moves as
    the nearest moment's sound moves, ``p(t) = centre + motion * (m(t) - position)``: with everything at its default
    a moment is heard as the sound it is of, with motion 0 it stands still. Scale and bias bend every axis; no axis
    leaves six standard deviations. An audition is a second line of sound with fades of its own; the first waits for
    its end. A line that is not heard is not decoded, and does not move.

    Codec calls happen on latent steps, levels change per sample: any cut of the samples into blocks gives the same
    sound. ``mended`` counts decoded blocks that were not finite.
    """

    def __init__(self, codec: LiveCodec, space: LatentSpace, corpus: Corpus, *, seed: int = 0) -> None:
        self._codec = codec
        self._corpus = corpus
        self._seed = seed
        self._directions = space.directions.double().numpy()
        self._mean = space.mean.double().numpy()
        self._deviations = space.deviations.double().numpy()
        self._neighbours = Neighbours(corpus, _widths(space))
        self._names = space.names
        self._dials = dials(space.names)
        self._values = {name: dial.default for name, dial in self._dials.items()}
        self._rate_hz = codec.sample_rate / codec.ratio
        self._travel = Travel(self._home(), self._deviations, rate_hz=self._rate_hz)
        self._travel.glide_ms = self._values["glide_ms"]
        fade = max(1, round(FADE_MS / 1000 * codec.sample_rate))
        self._main, self._extra = (self._strand() for _ in range(2))
        self._main_gate, self._extra_gate = Gate(fade), Gate(fade)
        self._gain = Ramp(1.0, max(1, round(GAIN_MS / 1000 * codec.sample_rate)))
        self._wanted = False
        self._awaited: int | None = None
        self._left = 0

    @property
    def sample_rate(self) -> int:
        return self._codec.sample_rate

    @property
    def channels(self) -> int:
        return self._codec.channels

    @property
    def period(self) -> int:
        return self._codec.ratio

    @property
    def latency(self) -> int:
        return self._main.latency

    @property
    def sounding(self) -> bool:
        return not (self._main_gate.closed and self._extra_gate.closed)

    @property
    def playing(self) -> bool:
        return self._wanted

    @property
    def mended(self) -> int:
        return self._main.mended + self._extra.mended

    @property
    def moment(self) -> int:
        """The moment whose sound the voice moves with."""
        return self._travel.pose.guide.moment

    def arrays(self) -> dict[str, Array]:
        """Of every moment: its sound, its time there in seconds, its position and, if known, its descriptors."""
        corpus = self._corpus
        found = {"sources": corpus.sources, "seconds": corpus.seconds, "positions": corpus.positions}
        return found if corpus.descriptors is None else found | {"descriptors": corpus.descriptors}

    def facts(self) -> dict[str, Any]:
        return {"sounds": list(self._corpus.names), "axes": list(self._names), "moments": len(self._corpus)}

    def knobs(self) -> Mapping[str, Dial]:
        return self._dials

    def actions(self) -> Mapping[str, Action]:
        return ACTIONS

    def place(self) -> tuple[float, ...]:
        travel = self._travel
        return tuple((travel.goal() if self._main_gate.closed else travel.at).tolist())

    def get(self, name: str) -> float:
        find(name, self._dials, what="knob")
        return self._values[name]

    def set(self, name: str, value: float) -> None:
        dial = find(name, self._dials, what="knob")
        self._values[name] = checked_value(dial, value)
        self._turn(name)

    def act(self, name: str, *values: float) -> None:
        action = find(name, ACTIONS, what="action")
        getattr(self, f"_do_{action.name}")(*checked_values(action, values))

    def warm(self) -> None:
        strand = self._strand()
        strand.begin(lambda: self._mean, lead=self._mean[None])
        strand.render(self.period)

    def render(self, n_samples: int) -> Sound:
        out = np.zeros((self.channels, n_samples), np.float32)
        done = 0
        while done < n_samples:
            self._take_turns()
            n = min(n_samples - done, self._until_turn())
            out[:, done : done + n] = self._mix(n)
            done += n
        return torch.from_numpy(out)

    # What sounds: two strands behind gates, taking turns.

    def _strand(self) -> Strand:
        return Strand(self._codec.stream(), ratio=self._codec.ratio, channels=self._codec.channels)

    def _take_turns(self) -> None:
        """Open and close the gates as things stand at this sample."""
        self._extra_gate.open = self._left > 0
        if self._awaited is not None and self._extra_gate.silent:
            self._start_audition(self._awaited)
        auditioning = self._left > 0 or self._awaited is not None
        wanted = self._wanted and not auditioning
        if wanted and self._main_gate.closed:
            self._travel.arrive()
            self._main.begin(self._next_latent, lead=np.repeat(self._latent(self._travel.at)[None], LEAD_IN, axis=0))
        self._main_gate.open = wanted

    def _until_turn(self) -> int:
        """Samples until the gates have to be looked at again; at least one."""
        waits = (self._left, self._extra_gate.until_closed(), self._main_gate.until_closed())
        return min((w for w in waits if w > 0), default=2**31)

    def _mix(self, n: int) -> Array:
        """The next samples (channel, n), during which no gate turns round."""
        sound = np.zeros((self.channels, n))
        for strand, gate in ((self._main, self._main_gate), (self._extra, self._extra_gate)):
            if not gate.closed:
                sound += strand.render(n) * gate.gains(n)
        self._left = max(0, self._left - n)
        return np.asarray(sound * self._gain.values(n), np.float32)

    def _next_latent(self) -> Array:
        return self._latent(self._travel.step())

    def _latent(self, point: Array) -> Array:
        """A latent vector (latent,) from a point on the axes."""
        return point @ self._directions + self._mean

    def _start_audition(self, moment: int) -> None:
        count = round(AUDITION_S * self._rate_hz)
        ahead = math.ceil(self.latency / self.period) + 1  # what the decoder sees coming while the end is heard
        lead, steps = own_steps(self._corpus, moment, count + ahead, before=LEAD_IN)
        limit = FURTHEST * self._deviations
        latents = [self._latent(np.clip(point, -limit, limit)) for point in steps]
        coming = itertools.chain(latents, itertools.repeat(latents[-1]))
        self._extra.begin(lambda: next(coming), lead=np.stack([self._latent(point) for point in lead]))
        self._awaited = None
        self._left = min(count, len(steps)) * self.period
        self._extra_gate.open = True

    # What a player decides.

    def _home(self) -> Pose:
        """The place at the beginning: the moment in the middle of the space."""
        moment = self._neighbours.nearest(np.zeros_like(self._deviations))
        guide = Place(self._corpus, self._corpus.positions[moment], moment, phase=0.0)
        n = len(self._deviations)
        pose = Pose(guide, 1.0, 1, np.ones(n), np.zeros(n))
        return replace(pose, motion=self._values["motion"], loop=self._loop())

    def _loop(self) -> int:
        return max(1, round(self._values["loop_s"] * self._rate_hz))

    def _turn(self, name: str) -> None:
        """Let a knob's new value act."""
        value, travel = self._values[name], self._travel
        axis = self._dials[name].axis
        if axis is not None:
            kind = name.partition("_")[0]
            bent = getattr(travel.pose, kind).copy()
            bent[axis] = value
            travel.pose = replace(travel.pose, **{kind: bent})
        elif name == "gain_db":
            self._gain.go(10 ** (value / 20))
        elif name == "glide_ms":
            travel.glide_ms = value
        elif name == "speed":
            travel.speed = value
        else:
            travel.pose = replace(travel.pose, motion=self._values["motion"], loop=self._loop())

    def _go(self, guide: Place | Line | Walk) -> None:
        self._travel.pose = replace(self._travel.pose, guide=guide)

    def _do_play(self) -> None:
        self._wanted = True

    def _do_stop(self) -> None:
        self._wanted = False

    def _do_place(self, axis_x: float, axis_y: float, x: float, y: float) -> None:
        plane = tuple(
            whole(label, a, below=len(self._directions)) for label, a in (("axis_x", axis_x), ("axis_y", axis_y))
        )
        if plane[0] == plane[1]:
            raise ParameterError(f"A place needs two different axes, not axis {plane[0]} twice; nothing was done.")
        limits = FURTHEST * self._deviations[list(plane)]
        at = np.clip((x, y), -limits, limits)
        centre, moment = self._neighbours.complete((plane[0], plane[1]), (float(at[0]), float(at[1])))
        self._go(Place(self._corpus, centre, moment, phase=self._travel.pose.guide.phase))

    def _do_moment(self, moment: float) -> None:
        i = self._moment_index(moment)
        self._go(Place(self._corpus, self._corpus.positions[i], i, phase=0.0))

    def _do_walk(self, seed: float) -> None:
        wander = Wander(
            len(self._directions),
            period=WALK_PERIOD_S,
            generator=torch_generator(self._seed, "walk", repr(float(seed))),
        )
        self._go(Walk(self._corpus, self._neighbours, wander, self._deviations, phase=self._travel.pose.guide.phase))

    def _do_line(self, start: float, end: float, seconds: float) -> None:
        i, j = self._moment_index(start), self._moment_index(end)
        if not 0 < seconds <= LONGEST_LINE_S:
            raise ParameterError(
                f"A line lasts up to {LONGEST_LINE_S:g} s and more than none, not {seconds:g} s; nothing was done."
            )
        self._go(Line(self._corpus, i, j, steps=seconds * self._rate_hz))

    def _do_audition(self, moment: float) -> None:
        self._awaited = self._moment_index(moment)
        self._left = 0

    def _do_reset(self) -> None:
        self._values = {name: dial.default for name, dial in self._dials.items()}
        self._travel.pose = self._home()
        for dial in self._dials.values():
            if dial.axis is None:
                self._turn(dial.name)

    def _do_panic(self) -> None:
        self._wanted = False
        self._awaited = None
        self._left = 0
        if not isinstance(self._travel.pose.guide, Place):
            self._do_moment(self.moment)

    def _moment_index(self, moment: float) -> int:
        return whole("A moment", moment, below=len(self._corpus))


def _widths(space: LatentSpace) -> Array:
    """How wide the data are on each axis; never zero."""
    width = (space.high - space.low).double().numpy()
    return np.maximum(width, 1e-6 * max(1e-12, float(width.max())))
