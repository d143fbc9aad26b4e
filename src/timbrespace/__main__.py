"""The entry point: runs a command and turns errors into one sentence and an exit code."""

from __future__ import annotations

import sys


def main(tokens: list[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 wrong input, 130 interrupted, 1 our fault."""
    from cyclopts import CycloptsError

    from timbrespace.cli import app
    from timbrespace.core.errors import Interrupted, TimbrespaceError

    try:
        app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        return _fail(" ".join(str(error).split()) + " See: timbrespace --help")
    except Interrupted as stopped:
        return _fail(str(stopped), code=130)
    except TimbrespaceError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail("Interrupted; nothing was left half-written.", code=130)
    except BrokenPipeError:
        sys.stderr.close()
    return 0


def _fail(sentence: str, *, code: int = 2) -> int:
    print(f"timbrespace: {sentence}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
