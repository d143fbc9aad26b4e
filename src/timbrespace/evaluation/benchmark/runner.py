"""Runs a benchmark: every variant on every data set from every seed, as often interrupted as need be."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from timbrespace.core.errors import Interrupted, ParameterError, TrainingError
from timbrespace.core.files import exclusive, storage_error, write_json
from timbrespace.datasets.base import Progress
from timbrespace.evaluation.benchmark.cells import (
    CELLS,
    EARLIER,
    FAILED,
    RESULT,
    Cell,
    data_sources,
    make_cells,
    read_result,
    refuse_other_folder,
)
from timbrespace.evaluation.benchmark.design import Grid, check_data, check_parts
from timbrespace.evaluation.benchmark.execution import Outcome, TrainCell, check_jobs, run_as_jobs, run_locally
from timbrespace.evaluation.benchmark.expectations import put_on_record
from timbrespace.evaluation.benchmark.results import BENCHMARK, Results, idle_words, write_design
from timbrespace.training.interrupt import stop_on_interrupt

ATTEMPTS = 2
LOGS = "slurm"


def run_benchmark(
    grid: Grid,
    data: Sequence[str],
    *,
    out: str | Path,
    seeds: int | None = None,
    workers: int = 1,
    train_cell: TrainCell | None = None,
    slurm: str | None = None,
    progress: Progress | None = None,
) -> Results:
    """Train and measure all cells of a grid into the folder ``out``, or those that are still missing there.

    ``data`` are names (``mnist``, ``fashion``, ``digits``) or folders; ``seeds`` replaces the grid's number;
    ``progress`` is told (finished, all, what). The same call continues what was interrupted at any moment. A cell
    that fails is tried twice, its reason kept in ``failed.json``; the others go on. Raises before anything runs for
    a mistake in the grid, :class:`Interrupted` after Ctrl-C, :class:`TrainingError` if no cell could be finished.
    """
    if workers < 1:
        raise ParameterError(f"workers is {workers}; give 1 process or more.")
    if seeds is not None and not 1 <= seeds <= 1000:
        raise ParameterError(f"seeds is {seeds}; give 1 to 1000 trainings per variant.")
    sources, folder = data_sources(data), Path(out)
    at_once = workers if slurm is None else 10_000  # a cluster may train all of them at the same time
    refuse_other_folder(folder, BENCHMARK)
    if slurm is not None:
        check_jobs(slurm)
    idle = check_parts(grid, sources)
    contents = check_data(grid, sources)
    try:
        with exclusive(
            folder / ".lock", sentence=f"Another benchmark is at work in {folder}; wait for it or choose another --out."
        ):
            # The design first: a folder with it is a benchmark's, whatever happens next.
            write_design(folder, grid, sources, seeds or grid.seeds, contents=contents, idle=idle)
            work = _Work(folder, make_cells(grid, sources, seeds=seeds or grid.seeds, contents=contents), progress)
            _begin(work, grid, idle)
            with stop_on_interrupt() as stop_requested:
                finished = _train(work, _back_end(work, train_cell, workers, slurm, stop_requested), at_once=at_once)
    except OSError as error:
        raise storage_error(error, folder) from error
    results = Results.read(folder)
    if not finished:
        raise Interrupted(
            f"Stopped and saved with {len(results.finished)} of {len(work.cells)} cells finished;"
            " the same command goes on."
        )
    if results.failed and not results.finished:
        raise TrainingError(f"No cell could be finished; the first says: {next(iter(results.failed.values()))}")
    return results


def _back_end(
    work: _Work, train_cell: TrainCell | None, workers: int, slurm: str | None, stop_requested: Callable[[], bool]
) -> Run:
    """Where cells are trained."""
    if train_cell is None:
        from timbrespace.evaluation.benchmark.measure import run_cell

        train_cell = run_cell
    if slurm is None:
        return partial(run_locally, train_cell=train_cell, workers=workers, stop_requested=stop_requested)
    return partial(
        run_as_jobs, train_cell=train_cell, options=slurm, logs=work.out / LOGS, stop_requested=stop_requested
    )


@dataclass
class _Work:
    """The cells of a benchmark and how far they are."""

    out: Path
    cells: list[Cell]
    progress: Progress | None
    missing: list[Cell] = field(init=False)

    def __post_init__(self) -> None:
        self.missing = [c for c in self.cells if c.state(self.out) != "finished"]

    def tell(self, what: str) -> None:
        if self.progress is not None:
            self.progress(len(self.cells) - len(self.missing), len(self.cells), what)

    def done(self, cell: Cell) -> None:
        self.missing.remove(cell)


def _begin(work: _Work, grid: Grid, idle: Mapping[str, Sequence[str]]) -> None:
    """Put on record what is expected, say what is there already, make room for what changed."""
    # Results that were laid aside were seen as well.
    known = sum(1 for kept in (CELLS, f"{EARLIER}/*") for _ in work.out.glob(f"{kept}/*/*/*/{RESULT}"))
    if put_on_record(work.out, grid.expectations, grid.texts(), finished_cells=known):
        work.tell(f"the expectations changed with {known} cells finished; both are kept with their dates")
    if idle and work.missing:
        work.tell(f"some variants have weights without a term, which do nothing there ({idle_words(idle)})")
    changed = [c.key for c in work.missing if c.state(work.out) == "other"]
    if changed:
        listed = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
        again = f"{len(changed)} cells are done again, since their recipes or data changed"
        work.tell(f"{again} ({listed}); the old are in earlier/")
    for cell in list(work.missing):
        cell.begin(work.out)
        if cell.state(work.out) == "finished":  # it came back from an earlier grid
            work.done(cell)


Run = Callable[[Sequence[tuple[Cell, Path]]], Generator[Outcome, None, None]]


def _train(work: _Work, run: Run, *, at_once: int) -> bool:
    """Up to two rounds over the missing cells; false if they were stopped before the end."""
    stopped, waiting = False, list(work.missing)
    durations: list[float] = []
    for attempt in range(1, ATTEMPTS + 1):
        if not waiting:
            break
        again = []
        with closing(run([(cell, cell.folder(work.out)) for cell in waiting])) as outcomes:
            for outcome in outcomes:
                if outcome.ending == "stopped":
                    stopped = True
                elif outcome.ending == "done" and read_result(outcome.cell.folder(work.out)) is not None:
                    durations.append(outcome.seconds)
                    work.done(outcome.cell)
                    work.tell(f"{outcome.cell.key} took {spell(outcome.seconds)}{_left(work, durations, at_once)}")
                else:
                    _note_failure(work, outcome, attempt)
                    again += [outcome.cell] if outcome.again or outcome.ending == "done" else []
        waiting = [] if stopped else again
    return not stopped


def _note_failure(work: _Work, outcome: Outcome, attempt: int) -> None:
    reason = outcome.sentence or f"It ended without a whole {RESULT}."
    last = attempt == ATTEMPTS or not (outcome.again or outcome.ending == "done")
    work.tell(f"{outcome.cell.key} failed{'' if last else ', it is tried once more'}: {reason}")
    if last:
        table = {"error": reason, "attempts": attempt, "details": outcome.details}
        write_json(outcome.cell.folder(work.out) / FAILED, table)


def _left(work: _Work, durations: Sequence[float], at_once: int) -> str:
    """The time left, from the mean of the cells trained since the start."""
    if not work.missing:
        return ""
    mean = sum(durations) / len(durations)
    return f"; about {spell(mean * math.ceil(len(work.missing) / at_once))} left"


def spell(seconds: float) -> str:
    """A duration as people say it.

    >>> [spell(4.2), spell(300), spell(9000)]
    ['4 s', '5 min', '2 h 30 min']
    """
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
