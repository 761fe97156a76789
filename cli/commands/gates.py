"""What makes a command fail: `--fail-on`, and `--baseline`, which leaves out what was known before."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import click

from .common import USAGE, Failure, say

if TYPE_CHECKING:
    from ..analysis.questions.baseline import Key
    from ..analysis.questions.conditions import Condition, Match
    from ..analysis.result import Analysis

Command = TypeVar("Command", bound=Callable[..., object])
_NAMED = 3


def gate_options(command: Command) -> Command:
    """Both options, for commands that analyse."""
    for option in (
        click.option(
            "--baseline", metavar="FILE", help="Tell only what is new since this earlier JSON report."
        ),
        click.option(
            "--fail-on",
            metavar="EXPR",
            help="End with 1 when this is met: severity>=error, code==syn-unanswered and side==path, ...",
        ),
    ):
        command = option(command)
    return command


class Gates(NamedTuple):
    """The options, understood before anything is read."""

    condition: Condition | None = None
    known: frozenset[Key] | None = None

    @classmethod
    def of(cls, fail_on: str | None, baseline: str | None) -> Gates:
        """Raises `Failure` for an expression or a file that cannot be understood."""
        return cls(
            _understood(fail_on) if fail_on is not None else None, _known(baseline) if baseline else None
        )

    @property
    def needs_all_flows(self) -> bool:
        """Whether connections in good order are asked."""
        return self.condition is not None and self.condition.asks_flows

    def limit(self, flows_limit: int) -> int | None:
        """How many connections the analysis has to tell: all when they are asked something."""
        return flows_limit if self.condition is None and self.known is None else None

    def settle(self, analysis: Analysis, keep_healthy: bool, flows_limit: int) -> tuple[Analysis, bool]:
        """What is to be reported, and whether `--fail-on` is met, which is told on standard error."""
        if self.known is not None:
            from ..analysis.questions.baseline import only_new

            analysis = only_new(analysis, self.known)
        met = self.condition.matches(analysis) if self.condition is not None else ()
        if self.condition is not None and met:
            say(f"--fail-on {self.condition.text}: met by {_counted(met)}")
        return _shortened(analysis, keep_healthy, flows_limit), bool(met)


def _shortened(analysis: Analysis, keep_healthy: bool, flows_limit: int) -> Analysis:
    """The connections that a report tells: those with findings unless all are wanted, up to the limit."""
    flows = [flow for flow in analysis.flows if keep_healthy or flow.findings]
    left_out = analysis.flows_left_out_count + max(0, len(flows) - flows_limit)
    return replace(analysis, flows=tuple(flows[:flows_limit]), flows_left_out_count=left_out)


def _counted(met: tuple[Match, ...]) -> str:
    """Without addresses: the report may be redacted."""
    codes = Counter(match.finding.code for match in met if match.finding is not None)
    named = ", ".join(f"{code} ({count})" for code, count in codes.most_common(_NAMED))
    if len(codes) > _NAMED:
        named += ", ..."
    if named:
        return named
    flows = sum(match.flow is not None for match in met)
    return f"{flows} connection{'s' if flows != 1 else ''}" if flows else "the capture"


def _understood(text: str) -> Condition:
    from ..analysis.questions.conditions import ConditionError, condition

    try:
        return condition(text)
    except ConditionError as problem:
        raise Failure(f"--fail-on: {problem}", USAGE) from None


def _known(path: str) -> frozenset[Key]:
    from ..analysis.questions.baseline import BaselineError, known_in

    try:
        with open(path, encoding="utf-8") as stream:
            return known_in(json.load(stream))
    except OSError as problem:
        raise Failure(f"--baseline {path}: cannot be read: {problem.strerror}", USAGE) from None
    except (BaselineError, ValueError) as problem:
        why = problem if isinstance(problem, BaselineError) else "it is no JSON"
        raise Failure(
            f"--baseline {path}: {why}; make one with `synsight analyze -o x.json`", USAGE
        ) from None
