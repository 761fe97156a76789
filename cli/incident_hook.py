"""`--on-incident`: a command of the user's, run with each incident as JSON on its standard input."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections import deque
from collections.abc import Callable
from threading import Condition, Thread

from .analysis.snapshot import IncidentEvent
from .reports.events import as_json

WAITING = 100
"""Events that wait for the command at most; while it is busy, later ones are left out and counted."""

PAUSE_S = 1.0
"""The command is started at most this often."""

PATIENCE_S = 30.0
"""A command that takes longer is ended."""

TOLD = ("opened", "revised", "closed")
"""Events that it is run for; growth is not news."""


class HookError(ValueError):
    """The command cannot be used: one line that says why."""


def arguments_of(command: str) -> list[str]:
    """The words of a command line, as a shell would split them. Raises HookError."""
    try:
        words = shlex.split(command)
    except ValueError as problem:
        raise HookError(f"--on-incident {command!r}: {problem}") from None
    if not words:
        raise HookError("--on-incident: the command is empty")
    return words


class IncidentHook:
    """Runs a command in a thread of its own, one event after the other; never through a shell.

    Nothing of a capture gets into its arguments. What goes wrong with it is told once through `complain`
    and stops nothing.
    """

    def __init__(
        self, arguments: list[str], complain: Callable[[str], None], pause_s: float = PAUSE_S
    ) -> None:
        self._arguments = arguments
        self._complain = complain
        self._pause_s = pause_s
        self._events: deque[IncidentEvent] = deque()
        self._changed = Condition()
        self._ended_at: float | None = None
        self._complained = False
        self.left_out_count = 0
        self._thread = Thread(target=self._work, name="synsight-on-incident", daemon=True)
        self._thread.start()

    def tell(self, event: IncidentEvent) -> None:
        """Queue one event."""
        if event.event not in TOLD:
            return
        with self._changed:
            if len(self._events) >= WAITING:
                self.left_out_count += 1
                return
            self._events.append(event)
            self._changed.notify()

    def close(self) -> None:
        """Run what still waits, without pauses, for as long as one command may take, and end."""
        with self._changed:
            self._ended_at = time.monotonic()
            self._changed.notify()
        self._thread.join()
        if self.left_out_count:
            self._complain(f"--on-incident: {self.left_out_count} events were left out, it was too slow")

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._events and self._ended_at is None:
                    self._changed.wait()
                if self._ended_at is not None and time.monotonic() - self._ended_at > PATIENCE_S:
                    self.left_out_count += len(self._events)
                    self._events.clear()
                if not self._events:
                    return
                event = self._events.popleft()
            self._run(event)
            with self._changed:
                if self._ended_at is None:
                    self._changed.wait_for(lambda: self._ended_at is not None, self._pause_s)

    def _run(self, event: IncidentEvent) -> None:
        problem = None
        try:
            done = subprocess.run(
                self._arguments,
                input=as_json(event).encode() + b"\n",
                stdout=subprocess.DEVNULL,
                timeout=PATIENCE_S,
                check=False,
                start_new_session=True,  # Ctrl-C in the terminal is not for it
            )
            if done.returncode:
                problem = f"ended with {done.returncode}"
        except subprocess.TimeoutExpired:
            problem = f"took more than {PATIENCE_S:.0f} s"
        except OSError as error:
            problem = (error.strerror or str(error)).lower()
        if problem is not None and not self._complained:
            self._complained = True
            self._complain(f"--on-incident: {self._arguments[0]}: {problem}; the capture goes on")
