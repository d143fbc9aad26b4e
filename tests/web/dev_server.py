"""The server with a made-up engine, to work on the page:

    python -m tests.web.dev_server [--port 8123] [--moments 400] [--page FOLDER] [--token T]

The page's files are read at the start: start it again after a build.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from tests.web.fake_engine import FakeEngine, atlas
from timbrespace.web.app import application, guarded
from timbrespace.web.page_files import page_files
from timbrespace.web.security import Keys
from timbrespace.web.serve import bind, run
from timbrespace.web.stage import Stage


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--moments", type=int, default=400)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--token", help="a fixed token, for scripts")
    parser.add_argument("--seconds", type=float)
    options = parser.parse_args()
    socket = bind(options.port)
    keys = Keys(socket.getsockname()[1], **({"token": options.token} if options.token else {}))
    engine = FakeEngine(Path(tempfile.mkdtemp(prefix="takes-")), moments=options.moments)
    facts = {"version": "dev", "model": "made up", "sounds": 15, "seconds": 120.0}
    stage = Stage(engine, atlas(options.moments), facts=facts)
    print(keys.address, flush=True)
    end = time.monotonic() + (options.seconds or float("inf"))
    app = guarded(application(stage, page=page_files(options.page)), keys)
    run(app, socket, stage, ended=lambda: time.monotonic() >= end)


if __name__ == "__main__":
    main()
