"""Where a capture in progress is told: terminal, event lines, reports, a command, metrics."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import TextIO

from .analysis.result import Analysis
from .analysis.snapshot import IncidentEvent, Snapshot, Traffic
from .commands.common import Failure, hush, say, write_file, write_stdout
from .incident_hook import IncidentHook, arguments_of
from .metrics_server import MetricsServer, parsed
from .reports import format_of
from .reports.events import write_json, write_words
from .reports.terminal.live_view import LiveView


class LiveOutput:
    """What `synsight capture` writes while it runs; used in a with-block. `finish` comes after it.

    Raises ReportError, HookError or MetricsError when something that was asked for cannot be done, before
    anything is captured.
    """

    def __init__(
        self,
        outputs: tuple[str, ...],
        form: str | None,
        color: bool | None,
        on_incident: str | None,
        metrics: str | None,
    ) -> None:
        for path in outputs:
            if path != "-":
                format_of(path)
        if metrics is not None:
            parsed(metrics)
        terminal = sys.stdout.isatty()
        self._outputs = outputs
        self._form = form or ("text" if terminal else "jsonl")
        self._color = color
        self._view: LiveView | None = None
        if terminal and self._form == "text":
            self._view = LiveView(sys.stdout, "NO_COLOR" not in os.environ if color is None else color)
        self._metrics_at = metrics
        self._metrics: MetricsServer | None = None
        self._command = arguments_of(on_incident) if on_incident is not None else None
        self._hook: IncidentHook | None = None
        self._complaints: list[str] = []
        self._stack = ExitStack()
        self.failed = False
        """Whether a report could not be written."""

    def __enter__(self) -> LiveOutput:
        if self._metrics_at is not None:
            self._metrics = MetricsServer(self._metrics_at)
            self._stack.callback(self._metrics.close)
        if self._command is not None:
            self._hook = IncidentHook(self._command, self.complain)
            self._stack.callback(self._hook.close)
        if self._view is not None:
            self._stack.enter_context(self._view)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        self._view = None
        for complaint in self._complaints:
            say(complaint)

    def show(self, snapshot: Snapshot, traffic: Traffic) -> None:
        """Tell one look."""
        if self._view is not None:
            self._view.show(snapshot, traffic)
        else:
            write = write_json if self._form == "jsonl" else write_words
            for event in snapshot.events:
                self._line(write, event)
        if self._metrics is not None:
            self._metrics.update(snapshot, traffic)
        if self._hook is not None:
            for event in snapshot.events:
                self._hook.tell(event)

    def report(self, analysis: Analysis) -> None:
        """Write every report, and go on."""
        for path in self._outputs:
            try:
                write_file(analysis, path)
            except Failure as problem:
                self.failed = True
                self.complain(problem.format_message())

    def finish(self, analysis: Analysis) -> None:
        """Write every report; to standard output, too, unless that is for event lines."""
        self.report(analysis)
        if self._form == "text":
            write_stdout(analysis, "text", self._color)
        else:
            say(analysis.headline)

    def complain(self, text: str) -> None:
        """One line on stderr; after the view has been taken down."""
        if self._view is not None:
            self._complaints.append(text)
        else:
            say(text)

    def _line(self, write: Callable[[IncidentEvent, TextIO], None], event: IncidentEvent) -> None:
        try:
            write(event, sys.stdout)
        except BrokenPipeError:
            hush(sys.stdout)  # the capture goes on, for its reports
