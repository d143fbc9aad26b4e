"""The first instrument: a voice that goes through a latent space the way its sounds do."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from timbrespace.core.codec import LiveCodec
from timbrespace.core.shapes import Sound
from timbrespace.instruments.base import Action, Dial, Instrument, checked_value, checked_values, find
from timbrespace.instruments.corpus import Corpus
from timbrespace.instruments.gate import Gate, Ramp
from timbrespace.instruments.latent_controls import dials, voice_actions
from timbrespace.instruments.motion import own_steps
from timbrespace.instruments.pilot import Pilot
from timbrespace.instruments.strand import LEAD_IN, Strand
from timbrespace.instruments.travel import FURTHEST
from timbrespace.latent.space import LatentSpace

FADE_MS: Final = 8.0
GAIN_MS: Final = 10.0
AUDITION_S: Final = 1.0

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
        self._dials = dials(space.names)
        self._actions = voice_actions(codec.latent_dim)
        self._values = {name: dial.default for name, dial in self._dials.items()}
        self._rate_hz = codec.sample_rate / codec.ratio
        self._pilot = Pilot(codec, space, corpus, dials=self._dials, seed=seed)
        self._deeds = self._pilot.ways | {
            "play": self._play,
            "stop": self._stop,
            "audition": self._audition,
            "reset": self._reset,
            "panic": self._panic,
        }
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
        return tuple((travel.goal() if self._main_gate.closed else travel.at).tolist())

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
        strand = self._strand()
        strand.begin(lambda: self._pilot.mean, lead=self._pilot.mean[None])
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
            self._pilot.travel.arrive()
            self._main.begin(
                self._next_latent, lead=np.repeat(self._pilot.latents(self._pilot.travel.at)[None], LEAD_IN, axis=0)
            )
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
        return self._pilot.latents(self._pilot.travel.step())

    def _start_audition(self, moment: int) -> None:
        count = round(AUDITION_S * self._rate_hz)
        ahead = math.ceil(self.latency / self.period) + 1  # what the decoder sees coming while the end is heard
        lead, steps = own_steps(self._corpus, moment, count + ahead, before=LEAD_IN)
        limit = FURTHEST * self._pilot.deviations
        latents = list(self._pilot.latents(np.clip(steps, -limit, limit)))
        coming = itertools.chain(latents, itertools.repeat(latents[-1]))
        self._extra.begin(lambda: next(coming), lead=self._pilot.latents(lead))
        self._awaited = None
        self._left = min(count, len(steps)) * self.period
        self._extra_gate.open = True

    # What a player decides.

    def _turn(self, name: str, value: float) -> None:
        """Let a knob's new value act."""
        self._values[name] = value
        self._pilot.turn(name, value)
        if name == "gain_db":
            self._gain.go(10 ** (value / 20))

    def _play(self) -> None:
        self._wanted = True

    def _stop(self) -> None:
        self._wanted = False

    def _audition(self, moment: float) -> None:
        self._awaited = self._pilot.moment_index(moment)
        self._left = 0

    def _reset(self) -> None:
        self._pilot.go_home()
        for dial in self._dials.values():
            self._turn(dial.name, dial.default)

    def _panic(self) -> None:
        self._wanted = False
        self._awaited = None
        self._left = 0
        self._pilot.rest()
