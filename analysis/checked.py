"""What came of holding captures to expectations: the result tree of `synsight check`, for reports."""

from __future__ import annotations

from dataclasses import dataclass

from .result import Flow


@dataclass(frozen=True, slots=True)
class Problem:
    """One way in which an expectation is not met."""

    line: int  # of the file of expectations, from 1
    text: str  # `server_state is CLOSE-WAIT, expected TIME-WAIT`
    key: str = ""  # the key that would have to say otherwise; empty when none does
    found: str | None = None  # what it would have to say, as TOML; None: it cannot be met by another value


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation, held to a capture."""

    line: int  # where it begins
    title: str  # `[[finding]] syn-unanswered, server 10.0.0.2:80`
    problems: tuple[Problem, ...] = ()  # empty: it is met
    flows: tuple[Flow, ...] = ()  # connections that do not meet it, worst first

    @property
    def passed(self) -> bool:
        """Whether it is met."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """One file of expectations and what came of each."""

    path: str
    captures: tuple[str, ...] = ()  # paths of what was held to it
    checks: tuple[Check, ...] = ()  # in the order of the file
    error: str | None = None  # the file is not valid, or the capture could not be read, or only in part
    error_line: int = 1  # where in the file; 1 when it is not about a line
    invalid: bool = False  # the error is in the expectations, not in the capture


@dataclass(frozen=True, slots=True)
class CheckRun:
    """One run of `synsight check`."""

    tool_version: str
    files: tuple[CheckedFile, ...]

    @property
    def checks(self) -> tuple[Check, ...]:
        """Every expectation of every file."""
        return tuple(check for file in self.files for check in file.checks)

    @property
    def passed_count(self) -> int:
        """Expectations that are met."""
        return sum(check.passed for check in self.checks)

    @property
    def failed_count(self) -> int:
        """Expectations that are not met."""
        return len(self.checks) - self.passed_count

    @property
    def errors_count(self) -> int:
        """Files that could not be held to anything, or only to a part of the capture."""
        return sum(file.error is not None for file in self.files)
