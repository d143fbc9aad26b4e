"""Moves timbrespace with nothing but Python: an OSC message is a padded address, its types, and big-endian numbers.

    timbrespace play MODEL --osc 9000
    python with_a_socket.py --port 9000 --seconds 10

The first latent goes up and down every four seconds.
"""

from __future__ import annotations

import argparse
import math
import socket
import struct
import time


def padded(text: str) -> bytes:
    """Text, a zero, and zeros up to a multiple of four bytes."""
    raw = text.encode("ascii")
    return raw + bytes(4 - len(raw) % 4)


def message(address: str, *numbers: float) -> bytes:
    """An OSC message of 32-bit floats."""
    return padded(address) + padded("," + "f" * len(numbers)) + struct.pack(f">{len(numbers)}f", *numbers)


def main() -> None:
    """Play for a while."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.connect(("127.0.0.1", options.port))
        line.send(message("/ts/play"))
        begin = time.monotonic()
        while (now := time.monotonic() - begin) < options.seconds:
            line.send(message("/coord", 0.5 - 0.5 * math.cos(2 * math.pi * now / 4)))
            time.sleep(0.02)
        line.send(message("/ts/stop"))


if __name__ == "__main__":
    main()
