"""Where cells are trained: in worker processes of this machine, or as jobs that submitit hands to a cluster."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal

from timbrespace.core.errors import Interrupted, ParameterError, RecipeError, TimbrespaceError, TrainingError
from timbrespace.core.files import exclusive
from timbrespace.evaluation.benchmark.cells import Cell

TrainCell = Callable[[Cell, Path], None]
"""Trains a cell in a folder, or goes on there, and writes ``result.json`` last. A function of a module, by its name."""

Ending = Literal["done", "failed", "crashed", "stopped"]
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
LOG = "log.txt"
GENERAL = frozenset({"name", "nodes", "timeout_min", "mem_gb", "gpus_per_node", "cpus_per_task", "tasks_per_node"})
"""What submitit takes for clusters of every kind; any other name is SLURM's."""


@dataclass(frozen=True)
class Outcome:
    """How the work at a cell ended; ``again`` says that another attempt may end better."""

    cell: Cell
    ending: Ending
    sentence: str = ""
    details: str = ""
    seconds: float = 0.0
    again: bool = False


def perform(train_cell: TrainCell, cell: Cell, folder: Path) -> Outcome:
    """Train one cell; whatever goes wrong comes back as an outcome."""
    started = time.perf_counter()
    try:
        with exclusive(folder / ".lock", sentence=f"Another process is at work in {folder}."):
            train_cell(cell, folder)
    except (Interrupted, KeyboardInterrupt) as stopped:
        return Outcome(cell, "stopped", str(stopped))
    except Exception as error:  # whatever goes wrong in one cell must not stop the others
        told = isinstance(error, TimbrespaceError)
        return Outcome(
            cell,
            "failed",
            str(error) if told else f"{type(error).__name__}: {str(error).strip() or 'no reason given'}",
            "".join(traceback.format_exception(error)),
            time.perf_counter() - started,
            again=not isinstance(error, ParameterError | RecipeError),
        )
    return Outcome(cell, "done", seconds=time.perf_counter() - started)


def run_locally(
    cells: Sequence[tuple[Cell, Path]], train_cell: TrainCell, *, workers: int, stop_requested: Callable[[], bool]
) -> Generator[Outcome, None, None]:
    """Train cells in ``workers`` processes, each with one thread; outcomes come as they are known.

    A process that dies (killed, out of memory) gives the outcome ``"crashed"`` and another takes its place. When a
    stop is requested the cells at work save themselves and come back as ``"stopped"``. No worker outlives this one.
    """
    waiting = deque(cells)
    team: list[_Worker] = []
    try:
        for _ in range(min(workers, len(waiting))):
            team.append(_started(train_cell, stop_requested))
        for worker in team:
            worker.give(*waiting.popleft())
        asked = False
        while any(worker.busy for worker in team):
            if stop_requested() and not asked:
                asked = True
                waiting.clear()
                for worker in team:
                    worker.ask_to_stop()
            ready = wait([worker.connection for worker in team if worker.busy], timeout=0.2)
            for place, worker in enumerate(team):
                if worker.connection not in ready:
                    continue
                outcome = worker.take(asked)
                if outcome.ending == "crashed":
                    worker.end()
                    if waiting:
                        team[place] = worker = _started(train_cell, stop_requested)
                if waiting:
                    worker.give(*waiting.popleft())
                yield outcome
    finally:
        for worker in team:
            worker.end()


class _Worker:
    """One process and the pipe to it."""

    def __init__(self, train_cell: TrainCell) -> None:
        context = _context()
        self.connection, theirs = context.Pipe()
        self._cell: Cell | None = None
        self._since = 0.0
        with _one_thread():
            self._process: BaseProcess = context.Process(target=_serve, args=(theirs, train_cell, dict(os.environ)))  # type: ignore[attr-defined]  # typeshed's base context has no Process
            self._process.start()
        theirs.close()

    @property
    def busy(self) -> bool:
        return self._cell is not None

    def give(self, cell: Cell, folder: Path) -> None:
        self._cell, self._since = cell, time.perf_counter()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # dead already: take() will tell
            self.connection.send((cell, folder))

    def take(self, asked_to_stop: bool) -> Outcome:
        """The outcome of the cell at work; a pipe that ends without one is a crash."""
        cell, self._cell = self._cell, None
        assert cell is not None  # only the busy are asked
        try:
            outcome: Outcome = self.connection.recv()
        except (EOFError, OSError):
            self._process.join()
            ending: Ending = "stopped" if asked_to_stop else "crashed"
            sentence = f"The process that trained it ended by itself ({_cause(self._process.exitcode)})."
            return Outcome(cell, ending, sentence, seconds=time.perf_counter() - self._since, again=True)
        return outcome

    def ask_to_stop(self) -> None:
        if self.busy and self._process.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGINT)

    def end(self) -> None:
        """End the process: at once if it is at work, else by itself."""
        self.connection.close()
        if self.busy:
            self._process.kill()
        self._process.join(timeout=5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _started(train_cell: TrainCell, stop_requested: Callable[[], bool]) -> _Worker:
    """A worker; a signal to the whole group may end the server that workers are forked from before there is one."""
    try:
        return _Worker(train_cell)
    except (EOFError, OSError) as error:
        if stop_requested():
            raise Interrupted("Stopped while the workers were starting; the same command goes on.") from None
        raise TrainingError(
            f"No worker process could be started ({str(error) or type(error).__name__}); the same command goes on."
        ) from error


def _context() -> multiprocessing.context.BaseContext:
    """Workers are forked from a server that has imported torch and has one thread; where there is none, spawned.

    Importing costs seconds per process, and whoever is killed for want of memory is replaced at once.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "timbrespace.training.run"])
    return context


def _serve(connection: Connection, train_cell: TrainCell, environment: dict[str, str]) -> None:
    """The life of a worker: one cell after the other until the pipe ends."""
    os.environ.update(environment)
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # Ctrl-C in a terminal reaches the parent alone, which asks its workers in order
    _end_with_parent()
    from timbrespace.training.runtime import tune_process

    tune_process(threads=1)
    while True:
        try:
            cell, folder = connection.recv()
        except (EOFError, OSError, KeyboardInterrupt):
            return
        with _logged(folder / LOG):
            outcome = perform(train_cell, cell, folder)
        connection.send(outcome)


def _end_with_parent() -> None:
    """However the parent ends, so does this process: two processes must never train one cell."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # called in a spawned process

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """The environment a child begins with: numerical libraries read it when they are imported."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _logged(file: Path) -> Iterator[None]:
    """Whatever the process prints within goes to the end of a file, from libraries and dying words as well."""
    with file.open("ab") as log:
        before = os.dup(1), os.dup(2)
        try:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, kept in zip((1, 2), before, strict=True):
                os.dup2(kept, number)
                os.close(kept)


def _cause(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        hint = ", often for want of memory" if name == "SIGKILL" else ""
        return f"signal {name}{hint}"
    return f"exit code {code}"


class Job:
    """One cell as a job of submitit's; one that the cluster takes away goes on where it was, as a new job."""

    def __init__(self, train_cell: TrainCell, cell: Cell, folder: Path) -> None:
        self.train_cell, self.cell, self.folder = train_cell, cell, folder

    def __call__(self) -> Outcome:
        from timbrespace.training.runtime import tune_process

        tune_process(threads=1)
        return perform(self.train_cell, self.cell, self.folder)

    def checkpoint(self) -> Any:
        """What submitit submits anew: training goes on from its own last checkpoint."""
        import submitit

        return submitit.helpers.DelayedSubmission(self)


def run_as_jobs(
    cells: Sequence[tuple[Cell, Path]],
    train_cell: TrainCell,
    *,
    options: str,
    logs: Path,
    stop_requested: Callable[[], bool],
    poll_seconds: float = 2.0,
) -> Generator[Outcome, None, None]:
    """Train every cell as a job of its own; ``options`` such as ``"partition=cpu,timeout_min=120,mem_gb=8"``.

    Names that submitit knows for every cluster go there as they are, others to SLURM (``#SBATCH --name=value``);
    ``cluster=local`` runs the jobs on this machine. When a stop is requested, all jobs are cancelled.
    """
    executor = job_executor(options, logs)
    with executor.batch():
        jobs = [executor.submit(Job(train_cell, cell, folder)) for cell, folder in cells]
    running = dict(zip(jobs, (cell for cell, _ in cells), strict=True))
    try:
        while running:
            if stop_requested():
                yield from (Outcome(cell, "stopped") for cell in running.values())
                return
            finished = [job for job in running if job.done()]
            for job in finished:
                yield _outcome(job, running.pop(job))
            if not finished:
                time.sleep(poll_seconds)
    finally:
        for job in running:
            job.cancel()


def check_jobs(options: str) -> None:
    """Raise :class:`ParameterError` for options that no jobs can be submitted with, and leave nothing behind."""
    with tempfile.TemporaryDirectory() as aside:
        job_executor(options, Path(aside))


def job_executor(options: str, logs: Path) -> Any:
    """What submits jobs with these options; raises :class:`ParameterError` for options that make no sense."""
    try:
        import submitit
    except ImportError:
        raise ParameterError(
            "--slurm needs submitit, which is not installed; add it with: pip install 'timbrespace[sweep]'."
        ) from None
    settings = _job_settings(options)
    try:
        executor = submitit.AutoExecutor(folder=logs, cluster=settings.pop("cluster", None))
        executor.update_parameters(**{_job_name(name): value for name, value in settings.items()})
    except (RuntimeError, ValueError, NameError, TypeError, AssertionError) as error:  # submitit's own checks
        reason = " ".join(str(error).split()).rstrip(".")
        raise ParameterError(f"--slurm {options}: {reason}; cluster=local runs the jobs here.") from None
    return executor


def _job_settings(options: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in filter(None, (p.strip() for p in options.split(","))):
        name, equals, value = part.partition("=")
        if not equals or not name or not value:
            raise ParameterError(f"--slurm expects name=value,name=value, as in partition=cpu,mem_gb=8, not {part!r}.")
        found[name] = int(value) if value.isdecimal() else value
    return found


def _job_name(name: str) -> str:
    return name if name in GENERAL or name.startswith("slurm_") else f"slurm_{name}"


def _outcome(job: Any, cell: Cell) -> Outcome:
    error = job.exception()
    if error is None:
        outcome: Outcome = job.result()
        return outcome
    reason = str(error).strip().splitlines()
    return Outcome(
        cell, "crashed", f"Job {job.job_id} ended: {reason[0] if reason else type(error).__name__}", again=True
    )
