"""TensorBoard's files, written in place: no thread, so that a full disk is an error here and not somewhere else."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor


class Board:
    """Scalars, pictures and sounds by step, in one event file that TensorBoard reads.

    ``first_step`` above 0 tells it to forget what an earlier, interrupted run wrote from there on.
    """

    def __init__(self, folder: Path, *, first_step: int = 0) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.summary.writer.record_writer import RecordWriter

        folder.mkdir(parents=True, exist_ok=True)
        self._event = Event
        name = f"events.out.tfevents.{time.time_ns()}.{socket.gethostname()}.{os.getpid()}"
        self._file = (folder / name).open("wb", buffering=0)
        self._records = RecordWriter(self._file)
        self._write(step=first_step, file_version="brain.Event:2")
        if first_step:
            self._write(step=first_step, session_log=SessionLog(status=SessionLog.START))

    def scalar(self, name: str, value: float, step: int) -> None:
        """A number."""
        from torch.utils.tensorboard import summary

        self._write(step=step, summary=summary.scalar(name, value))

    def image(self, name: str, picture: np.ndarray, step: int) -> None:
        """A picture (height, width, colour)."""
        from torch.utils.tensorboard import summary

        self._write(step=step, summary=summary.image(name, picture, dataformats="HWC"))

    def audio(self, name: str, sound: Tensor, step: int, sample_rate: int) -> None:
        """A sound (channel, time), mixed to mono and held within full scale."""
        from torch.utils.tensorboard import summary

        mono = sound.mean(dim=0).clamp(-1, 1)
        self._write(step=step, summary=summary.audio(name, mono, sample_rate=sample_rate))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _write(self, **content: Any) -> None:
        self._records.write(self._event(wall_time=time.time(), **content).SerializeToString())
