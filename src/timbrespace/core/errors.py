"""Errors a user can cause, each one sentence: what was given, what was expected, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TimbrespaceError(Exception):
    """Base of every error that is the input's fault; the command line prints it and exits with code 2."""


class ParameterError(TimbrespaceError, ValueError):
    """An argument of a part is unknown, missing, of a wrong type or outside its range."""


class RecipeError(TimbrespaceError):
    """A recipe or an override names something that does not exist or does not fit together."""


class AudioError(TimbrespaceError):
    """A sound file cannot be read or written, or holds something that is not sound."""


class DataError(TimbrespaceError):
    """A folder of sounds holds nothing a model can learn from."""


class BundleError(TimbrespaceError):
    """A bundle (a trained model on disk) is missing, damaged, foreign or newer than this program."""


class StorageError(TimbrespaceError):
    """The disk refused: full, read-only, or the target exists already."""


class TrainingError(TimbrespaceError):
    """A training cannot start or cannot go on."""


class EngineError(TimbrespaceError):
    """The process that renders sound cannot start, or cannot be kept alive."""


class ExportError(TimbrespaceError):
    """A model cannot be exported in the form asked for, or the exported file does not do what the model does."""


class Interrupted(TimbrespaceError):
    """Work was stopped on request; the sentence says what is saved and how to go on."""


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """The end of an error's sentence: the nearest existing name, or the list of them.

    >>> did_you_mean("lenght", ["length", "rate"])
    "Did you mean 'length'?"
    >>> did_you_mean("q", ["length", "rate"])
    "Choose from 'length', 'rate'."
    """
    known = sorted(options)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.55)
    if near:
        return f"Did you mean {near[0]!r}?"
    if not known:
        return "It takes none."
    return "Choose from " + ", ".join(repr(k) for k in known) + "."
