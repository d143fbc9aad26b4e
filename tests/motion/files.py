"""Files of motion as the sources write them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from timbrespace.motion.readers.uci_gesture_phase import CHANNELS


def circle(steps: int = 120, *, turns: float = 2.0) -> np.ndarray:
    """Positions (step, 2) on a circle around (0.5, 0.5)."""
    angle = 2 * np.pi * turns * np.arange(steps) / steps
    return 0.5 + 0.3 * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def table(path: Path, rows: np.ndarray, header: str = "", *, delimiter: str = ",") -> Path:
    """Rows of numbers as text."""
    lines = [header] if header else []
    lines += [delimiter.join(f"{v:.6g}" for v in row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def uci(path: Path, *, rows: int = 200, start: int = 5_759_000, phases: list[str] | None = None) -> Path:
    """A raw file of UCI Gesture Phase: stamps are minutes, seconds and milliseconds, here across a full minute."""
    clock = start % 100_000 + start // 100_000 * 60_000 + 33 * np.arange(rows)
    stamps = clock // 60_000 * 100_000 + clock % 60_000
    named = phases or ["Rest"] * 20 + ["Preparation"] * 20 + ["Stroke"] * 60 + ["Rest"] * 50 + ["Hold"] * (rows - 150)
    moves = np.sin(np.arange(rows)[:, None] / 15 + np.arange(len(CHANNELS)))
    lines = [",".join((*CHANNELS, "timestamp", "phase"))]
    lines += [",".join([*(f"{v:.6f}" for v in row), str(s), p]) for row, s, p in zip(moves, stamps, named, strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    return path


def point_history(path: Path, recordings: list[tuple[int, np.ndarray, int]]) -> Path:
    """Rows of sixteen points relative to the first one, for (class, positions (frame, 2), frames between rows)."""
    lines = []
    for label, points, hop in recordings:
        for start in range(0, len(points) - 15, hop):
            window = points[start : start + 16] - points[start]
            lines.append(",".join([str(label), *(f"{v:.9g}" for v in window.reshape(-1))]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def hands(frames: int = 40, *, axes: int = 3) -> np.ndarray:
    """Landmarks (frame, 21, axes) of a hand that moves to the right."""
    generator = np.random.default_rng(0)
    shape = generator.uniform(0.2, 0.4, (1, 21, axes))
    return shape + np.linspace(0, 0.3, frames)[:, None, None]


def tasks_json(path: Path, points: np.ndarray, *, lost: tuple[int, ...] = ()) -> Path:
    """A series of results of MediaPipe's hand landmarker."""
    frames = []
    for i, hand in enumerate(points):
        found = [] if i in lost else [[dict(zip("xyz", map(float, p), strict=True)) for p in hand]]
        frames.append({"timestamp_ms": 40 * i, "hand_landmarks": found, "handedness": [[{"score": 0.9}]]})
    path.write_text(json.dumps(frames), encoding="utf-8")
    return path
