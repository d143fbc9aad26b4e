"""What the processes of the engine say to each other: JSON, and arrays as bytes. Nothing of it can run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Message = dict[str, Any]

# From the owner: JOB says what to make an instrument of, and ends the job before; RING where to put its sound, and
# what to do before the first of it; DO and SET, with an optional sample "at", what to do. From the process: the rest.
JOB, RING, DO, SET = "job", "ring", "do", "set"
READY, DONE, REFUSED, STATUS, FAILED = "ready", "done", "refused", "status", "failed"


def tell(connection: Connection, kind: str, **content: Any) -> None:
    """Send one message; raises OSError where nobody listens any more."""
    connection.send_bytes(json.dumps({"kind": kind, **content}, allow_nan=False).encode())


def hear(connection: Connection) -> Message:
    """Wait for the next message; raises EOFError or OSError where nobody will ever send one."""
    message = json.loads(connection.recv_bytes())
    return dict(message)


def tell_arrays(connection: Connection, arrays: Mapping[str, Array]) -> None:
    """Send arrays of numbers by name."""
    described = [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()]
    connection.send_bytes(json.dumps(described).encode())
    for array in arrays.values():
        connection.send_bytes(np.ascontiguousarray(array).tobytes())


def hear_arrays(connection: Connection) -> dict[str, Array]:
    """Receive what :func:`tell_arrays` sent."""
    described = json.loads(connection.recv_bytes())
    return {
        name: np.frombuffer(connection.recv_bytes(), np.dtype(kind)).reshape(shape) for name, kind, shape in described
    }
