"""Moves timbrespace with python-osc (pip install python-osc) and prints its meters.

    timbrespace play MODEL --osc 9000
    python with_python_osc.py --port 9000 --seconds 10

It goes once round the map in five seconds.
"""

from __future__ import annotations

import argparse
import math
import threading
import time

from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer
from pythonosc.udp_client import SimpleUDPClient


def main() -> None:
    """Play for a while."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    client = SimpleUDPClient("127.0.0.1", options.port)
    dispatcher = Dispatcher()
    dispatcher.map("/ts/out/pos", lambda address, *place: print(address, *(f"{p:.2f}" for p in place)))
    server = BlockingOSCUDPServer(("127.0.0.1", options.port + 1), dispatcher)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client.send_message("/ts/play", [])
    begin = time.monotonic()
    while (now := time.monotonic() - begin) < options.seconds:
        turn = 2 * math.pi * now / 5
        client.send_message("/ts/xy", [0.5 + 0.4 * math.cos(turn), 0.5 + 0.4 * math.sin(turn)])
        time.sleep(0.02)
    client.send_message("/ts/stop", [])
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    main()
