"""Keeps the engine's process alive: starts it, listens to it, and puts another in its place when it dies or hangs."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import wait
from typing import Final, Protocol, runtime_checkable

from timbrespace.control.entry import WAITED_FOR
from timbrespace.control.introduction import Introduction
from timbrespace.control.liveness import TICK_S, Watch
from timbrespace.control.messages import Message
from timbrespace.control.runner import Died, Job, Runner
from timbrespace.control.spare import Spare
from timbrespace.core.errors import EngineError

MESSAGE_S: Final = 10.0
STEADY_S: Final = 10.0
"""A process that lived as long had started well; one that did not is given fewer chances."""
HASTY: Final = 2
"""Restarts in a row, each soon after the one before, after which there is no other."""

Telling = tuple[str, Message]


@runtime_checkable
class Owner(Protocol):
    """Who is asked and told by a keeper, in the keeper's thread."""

    def provide(self, runner: Runner, *, with_state: bool) -> None:
        """Give a process that has its instrument a ring, and tell it what the one before had been told.

        Raises OSError if it is dead.
        """

    def hear(self, runner: Runner, message: Message) -> None:
        """Take what a process says."""

    def lost(self) -> None:
        """The process that plays is dead, or as good as dead."""


class Keeper:
    """The engine's processes as seen from their owner: the one that plays, and a spare one if ``spare``."""

    def __init__(self, job: Job, owner: Owner, *, spare: bool) -> None:
        self._job = job
        self._owner = owner
        self._runner: Runner | None = None
        self._introduction = Introduction({})
        self._speaking = threading.Lock()
        self._open = False
        self._waiting: dict[tuple[str, str], Message] = {}
        self._closing = threading.Event()
        self._changing = threading.Lock()  # of the process that plays
        self._spare = Spare(owner.hear, wanted=spare, gone=self._closing)
        self._thread = threading.Thread(target=self._watch, name="timbrespace-keeper", daemon=True)
        self._held = False
        self._hasty = 0
        self._message = ("", -math.inf)
        self.restarts = 0
        self.failed = False

    @property
    def pid(self) -> int | None:
        """The process that renders."""
        runner = self._runner
        return None if runner is None else runner.pid

    @property
    def spare_pid(self) -> int | None:
        """The process that waits for the other one to fail, if it is ready to."""
        return self._spare.ready_pid

    @property
    def introduction(self) -> Introduction:
        """What the process that plays, or did last, says of itself."""
        return self._introduction

    @property
    def message(self) -> str:
        """The last thing worth telling a player; for ten seconds, or for good if there is no process any more."""
        sentence, told = self._message
        return sentence if self.failed or time.monotonic() - told < MESSAGE_S else ""

    def tell_player(self, sentence: str) -> None:
        """Have something worth telling a player."""
        self._message = (sentence, time.monotonic())

    def start(self) -> None:
        """Start the process and wait until it is ready; raises :class:`EngineError` if it dies twice on the way."""
        self._install(self._launch_twice(with_state=True))
        self._go_on()
        self._thread.start()

    def say(self, kind: str, content: Message) -> None:
        """Tell the process something; while it is being restarted the last word of each kind waits for the new one."""
        with self._speaking:
            if self._open and self._runner is not None:
                with contextlib.suppress(OSError):
                    self._runner.say(kind, content)
                    return
            topic = (kind, str(content.get("name")))
            self._waiting.pop(topic, None)  # so that the order is that of the last words
            self._waiting[topic] = {**content, "at": None}

    def close(self) -> None:
        """End all processes, by force if they do not end themselves. May be called again."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._spare.close()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()
        with self._changing:  # an exchange that began
            runner = self._runner
        if runner is None:
            return
        # A process that hangs may have left a speaker waiting for it to listen; its end sets that one free.
        if self._speaking.acquire(timeout=0.2):
            self._speaking.release()
            self._hang_up()
            with contextlib.suppress(OSError):
                runner.connection.close()
        runner.end(patience=0.5)
        self._hang_up()
        runner.forget()

    # Another model.

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Meanwhile no other spare process is started for one that is prepared."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def prepare(self, job: Job) -> Runner:
        """A process that has the instrument of another job; the one that plays is left alone meanwhile.

        Raises :class:`EngineError` if there can be none.
        """
        taken = self._spare.take(job, other=True)
        if taken is not None:
            with contextlib.suppress(Died):
                return self._prepared(taken)
        try:
            return self._prepared(Runner(job, on_message=self._owner.hear, nice=WAITED_FOR))
        except Died as death:
            sentence = f"The process that was to play {job.model} ended {death}; what played plays on."
            raise EngineError(sentence) from None

    def _prepared(self, runner: Runner) -> Runner:
        try:
            runner.await_answer(self._closing)
        except Died:
            self.discard(runner)
            raise
        except EngineError:
            self.retire(runner)
            raise
        return runner

    def discard(self, runner: Runner) -> None:
        """End a process that is of no use."""
        runner.end()
        runner.forget()

    def exchange(self, runner: Runner, last_words: Callable[[], Sequence[Telling]]) -> Runner | None:
        """Let another process be the one that plays and is watched; the one before, which renders on, is returned.

        ``last_words`` are what it is told before anything else that is said from now on.
        """
        with self._changing:
            if self._closing.is_set():
                raise EngineError("The engine was closed while a model was being loaded.")
            with self._speaking, contextlib.suppress(OSError):  # if it is dead, that will be noticed
                before, self._runner = self._runner, runner
                self._job, self._introduction = runner.job, runner.introduction
                self._hasty, self.failed = 0, False
                self._open = True
                for kind, content in last_words():
                    runner.say(kind, content)
                self._waiting.clear()
        return before

    def retire(self, runner: Runner) -> None:
        """Let a process that does not play be the spare one, if there is none, or end it."""
        self._spare.offer(runner, self._job)

    # The process that plays.

    def _launch_twice(self, *, with_state: bool) -> Runner:
        try:
            return self._launch(with_state)
        except Died:
            try:
                return self._launch(with_state)
            except Died as second:
                raise EngineError(
                    f"The engine could not start: its process ended twice {second}; look at the model with"
                    f" 'timbrespace info {self._job.model}'."
                ) from None

    def _launch(self, with_state: bool) -> Runner:
        """A process that has its ring; raises :class:`Died` or :class:`EngineError`."""
        runner = self._spare.take(self._job) or self._quickest()
        try:
            self._owner.provide(runner, with_state=with_state)
        except OSError:
            self.discard(runner)
            raise Died("as it was to begin") from None
        except BaseException:
            self.discard(runner)
            raise
        return runner

    def _quickest(self) -> Runner:
        """A new process, or the spare one if that is ready before it."""
        runner = Runner(self._job, on_message=self._owner.hear)
        spare: list[Runner | None] = [None]

        def overtaken() -> bool:
            self._spare.listen()
            spare[0] = self._spare.take(self._job)
            return spare[0] is not None

        try:
            runner.await_answer(self._closing, unless=overtaken)
        except (Died, EngineError):
            self.discard(runner)
            if spare[0] is None:
                raise
        return spare[0] or runner

    def _install(self, runner: Runner) -> None:
        with self._speaking:
            self._runner, self._introduction = runner, runner.introduction

    def _watch(self) -> None:
        """Listen to the processes until the end; see to it that there is one that plays."""
        watched, watch = self._runner, Watch(self.pid)
        while not self._closing.is_set():
            runner = self._runner
            if runner is None:  # none could be kept alive
                self._closing.wait(TICK_S)
                continue
            if runner is not watched:
                watched, watch = runner, Watch(runner.pid)
            what = self._look(runner, watch)
            if what and not self._closing.is_set():
                self._restart(runner, what, steady=watch.age > STEADY_S)
            elif not self._held:
                self._spare.see_to(self._job, playing_s=watch.age)

    def _look(self, runner: Runner, watch: Watch) -> str:
        """What is wrong with the process that plays, after it was listened to; nothing at best."""
        spare = self._spare.connection
        try:
            spoke = wait([c for c in (runner.connection, spare) if c is not None], TICK_S)
        except (OSError, ValueError):  # another thread has closed one of them
            self._closing.wait(0.001)
            spoke = [runner.connection]
        if spare is not None and spare in spoke:
            self._spare.listen()
        heard = runner.connection in spoke
        try:
            if heard:
                runner.listen()
            if spoke and not heard:  # less than a tick has passed
                return ""
            # What it said since the wait was over counts, for on a crowded machine much happens between two lines.
            return "did not answer" if watch.hangs(heard=heard) and not runner.connection.poll() else ""
        except (EOFError, OSError):
            return "stopped"

    def _restart(self, runner: Runner, what: str, *, steady: bool) -> None:
        """Another process for one that died or hangs: with its state, the next time without, then no more."""
        with self._changing:
            if runner is not self._runner:
                return
            self._owner.lost()
            self._hasty = 0 if steady else self._hasty
            runner.kill()
            self._hang_up()
            try:
                self._replace(what)
            finally:
                self.discard(runner)  # which takes a while

    def _replace(self, what: str) -> None:
        """Have another process play, now that there is none."""
        if self._hasty >= HASTY:
            self._give_up(f"The sound engine {what} again and again; restart the program or choose another model.")
            return
        with_state = self._hasty == 0
        try:
            self._install(self._launch_twice(with_state=with_state))
        except (EngineError, Died) as error:
            self._give_up(str(error))
            return
        self._hasty += 1
        self.restarts += 1
        end = "where it was" if with_state else "as at the beginning, for it had done so before"
        self.tell_player(f"The sound engine {what} and was restarted {end}.")
        if not with_state:
            self._waiting.clear()  # whatever it died of may be among it
        self._go_on()

    def _go_on(self) -> None:
        """Tell a new process what was said since the old one died, and listen to the owner again."""
        with self._speaking, contextlib.suppress(OSError):
            if self._runner is None:
                return
            for (kind, _), content in self._waiting.items():
                self._runner.say(kind, content)
            self._waiting.clear()
            self._open = True

    def _give_up(self, sentence: str) -> None:
        self.failed = True
        self.tell_player(sentence)

    def _hang_up(self) -> None:
        with self._speaking:
            self._runner, self._open = None, False
