"""An engine without a process: sine tones whose pitch follows the place, and a log of everything it was told."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from timbrespace.control.meters import Deadline
from timbrespace.control.status import Status
from timbrespace.control.takes import Recorder, Take, take_path, write_take
from timbrespace.core.knob import Knob
from timbrespace.instruments.base import Action, Dial, checked_value, checked_values
from timbrespace.instruments.latent_controls import ACTIONS
from timbrespace.web.atlas import Atlas
from timbrespace.web.playable import Sound

AXES = 6
MOMENTS = 400
DESCRIPTORS = ("loudness", "centroid", "flatness")


def dials() -> dict[str, Dial]:
    """The dials of the first instrument, with six axes."""
    found = [
        Dial("gain_db", Knob(-60.0, 12.0, "dB"), 0.0, "Gain", "sound"),
        Dial("motion", Knob(0.0, 1.0), 1.0, "Motion", "motion"),
        Dial("speed", Knob(0.0, 4.0, "x"), 1.0, "Speed", "motion"),
        Dial("loop_s", Knob(0.1, 4.0, "s", "log"), 1.5, "Loop", "motion"),
        Dial("glide_ms", Knob(0.0, 2000.0, "ms"), 80.0, "Glide", "motion"),
    ]
    for i in range(AXES):
        found.append(Dial(f"scale_{i + 1}", Knob(0.0, 5.0), 1.0, f"Scale {i + 1}", "axes", i))
        found.append(Dial(f"bias_{i + 1}", Knob(-3.0, 3.0, "sd"), 0.0, f"Bias {i + 1}", "axes", i))
    return {dial.name: dial for dial in found}


class FakeEngine:
    """Renders on request, in the process of the server; ``log`` holds everything it was told."""

    def __init__(self, takes: Path, *, sample_rate: int = 44_100, channels: int = 1, moments: int = MOMENTS) -> None:
        self.sample_rate = sample_rate
        self.channels = channels
        self.knobs: dict[str, Dial] = dials()
        self.actions: dict[str, Action] = dict(ACTIONS)
        self.log: list[tuple[str | float | bool, ...]] = []
        self.dry = False
        self.reads = 0
        self._takes = takes
        self._values = {name: dial.default for name, dial in self.knobs.items()}
        self._place = [0.0] * AXES
        self._playing = False
        self._phase = 0.0
        self._heard: list[Sound] = []
        self._frames = 0
        self._recorder: Recorder | None = None
        self._points = atlas(moments).points

    def send(self, name: str, *values: float, at: int | None = None) -> None:
        checked_values(self.actions[name], values)
        self.log.append((name, *values))
        if name in ("play", "stop", "panic"):
            self._playing = name == "play"
        elif name == "place":
            self._place[int(values[0])], self._place[int(values[1])] = values[2], values[3]
        elif name in ("moment", "audition"):
            self._place = [float(v) for v in self._points[int(values[0])][2 : 2 + AXES]]
        elif name == "reset":
            self._values = {n: dial.default for n, dial in self.knobs.items()}

    def set(self, name: str, value: float, *, at: int | None = None) -> float:
        self.log.append(("set", name, value))
        self._values[name] = checked_value(self.knobs[name], value)
        return self._values[name]

    def read(self, n: int) -> Sound:
        self.reads += 1
        if self.dry:
            return np.zeros((0, self.channels), np.float32)
        wave = self._render(n)
        self._frames += len(wave)
        self._heard = [*self._heard, wave][-6000:]
        if self._recorder is not None:
            self._recorder.add(wave)
        return wave

    def status(self) -> Status:
        recorder = self._recorder
        recent = self._heard[-1] if self._heard else np.zeros((1, self.channels), np.float32)
        return Status(
            running=True, rendered=self._frames, heard=self._frames, fill=0 if self.dry else 2646, ahead_s=0.06,
            period_s=0.046, codec_latency_s=0.1, stage_latency_s=0.002, deadline=Deadline(0.1, 0.2, 0.3), cpu=0.1,
            dropouts=0, missing=0, mended=0, limited=0, refused=0, restarts=0,
            peak=tuple(np.abs(recent).max(axis=0).tolist()), playing=self._playing, sounding=self._playing, moment=0,
            place=tuple(self._place), knobs=dict(self._values),
            recording_s=0.0 if recorder is None else recorder.frames / self.sample_rate, message="",
        )  # fmt: skip

    def record(self, on: bool) -> Take | None:
        self.log.append(("record", on))
        if on:
            if self._recorder is None:
                path = take_path(self._takes)
                self._recorder = Recorder(
                    path, sample_rate=self.sample_rate, channels=self.channels, start=self._frames
                )
            return None
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return None
        recorder.finish()
        return Take(recorder.path, recorder.path.with_suffix(".json"), recorder.frames, self.sample_rate)

    def keep_recent(self, seconds: float = 60.0) -> Take:
        heard = np.concatenate([np.zeros((0, self.channels), np.float32), *self._heard])
        path, frames = take_path(self._takes), heard[-round(seconds * self.sample_rate) :]
        write_take(path, frames, sample_rate=self.sample_rate)
        return Take(path, path.with_suffix(".json"), len(frames), self.sample_rate)

    def _render(self, n: int) -> Sound:
        pitch = 220.0 * 2.0 ** float(np.clip(self._place[0], -4, 4) / 2)
        phase = self._phase + 2 * np.pi * pitch / self.sample_rate * np.arange(1, n + 1)
        self._phase = float(phase[-1] % (2 * np.pi)) if n else self._phase
        loud = 0.2 * 10 ** (self._values["gain_db"] / 20) if self._playing else 0.0
        brightness = float(np.clip(0.3 + 0.1 * self._place[1], 0, 0.9))
        wave = np.tanh(loud * (np.sin(phase) + brightness * np.sin(2 * phase)))
        return np.repeat(wave[:, None], self.channels, axis=1).astype(np.float32)


def atlas(moments: int = MOMENTS) -> Atlas:
    """A made-up space: three clouds."""
    draw = np.random.default_rng(0)
    sounds = [f"{kind} {i}" for kind in ("kick", "chord", "voice") for i in range(5)]
    source = draw.integers(0, len(sounds), moments)
    spread = np.array([2.0, 1.4, 0.9, 0.5, 0.3, 0.1])
    centres = draw.normal(size=(len(sounds), AXES)) * spread
    place = centres[source] + draw.normal(size=(moments, AXES)) * spread * 0.3
    values = np.stack([-30 + 5 * place[:, 0], 1500 + 400 * place[:, 1], 0.2 + 0.05 * place[:, 2]], axis=1)
    values[::17, 2] = np.nan
    share = spread**2 / (spread**2).sum()
    axes = [
        {
            "index": i,
            "name": ["loudness", "brightness", "axis 3", "axis 4", "axis 5", "axis 6"][i],
            "title": ["Loudness", "Brightness", "Axis 3", "Axis 4", "Axis 5", "Axis 6"][i],
            "share": float(share[i]),
            "low": float(np.quantile(place[:, i], 0.01)),
            "high": float(np.quantile(place[:, i], 0.99)),
            "deviation": float(place[:, i].std()),
            "correlations": {
                name: round(float(r), 2) for name, r in zip(DESCRIPTORS, draw.uniform(-1, 1, 3), strict=True)
            },
        }
        for i in range(AXES)
    ]
    units = ("dB", "Hz", "")
    descriptors = [
        {"name": n, "unit": u, "low": float(np.nanmin(v)), "high": float(np.nanmax(v))}
        for n, u, v in zip(DESCRIPTORS, units, values.T, strict=True)
    ]
    seconds = draw.uniform(0, 8, moments)
    points = np.concatenate([source[:, None], seconds[:, None], place, values], axis=1).astype(np.float32)
    return Atlas(axes, {"0.8": 2, "0.9": 3, "0.95": 4, "0.99": 5}, descriptors, sounds, points)
