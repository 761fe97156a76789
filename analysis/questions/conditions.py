"""Conditions on an analysis, as `--fail-on` takes them: `severity>=error and not code==rst-after-fin`.

    condition  = all, { "or", all }
    all        = one, { "and", one }
    one        = "not", one | "(", condition, ")" | comparison
    comparison = NAME, "==" | "!=" | "<" | "<=" | ">" | ">=", VALUE

A name is a fact: of a finding, of its connection, or of the capture (`NAMES`). A condition is met when some
finding with its connection, some connection without findings, or some incident that only many connections
show, meets all of it. What it does not have (the code of a finding where there is none, the time of a
handshake that never was) is unknown: a comparison with it is neither true nor false, and `not` makes neither
of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..result import Analysis, Finding, Flow, Incident
from .comparison import OPERATORS, Comparison, ComparisonError, compared, suggestion
from .facts import CAPTURE, ENDS, FINDING, FLOW, Fact, piles_of

_OWN = {
    name: fact for name, fact in FLOW.items() if fact.kind != "words" and name not in (*FINDING, *CAPTURE)
}
_REPEATS = FLOW["retransmissions"]

FLOW_NAMES: Mapping[str, Fact] = MappingProxyType(
    {
        **ENDS,
        **_OWN,
        "flow_retransmissions": _REPEATS,
        "flow_retransmission_ratio": Fact(
            "number",
            "the connection's retransmissions / its segments, 0 to 1",
            lambda flow: _REPEATS.share(flow) if _REPEATS.share else None,
        ),
    }
)
CAPTURE_NAMES: Mapping[str, Fact] = MappingProxyType(
    {name: fact for name, fact in CAPTURE.items() if fact.kind != "words"}
)
NAMES: Mapping[str, Fact] = MappingProxyType({**FINDING, **FLOW_NAMES, **CAPTURE_NAMES})
"""Everything that a condition may name."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<op>==|!=|<=|>=|<|>|=)|(?P<paren>[()])|(?P<quoted>"[^"]*"|'[^']*')|(?P<word>[^\s()<>=!"']+))"""
)

Subject = tuple[Analysis, Flow | None, Finding | Incident | None]
Test = Callable[[Subject], bool | None]


class ConditionError(ValueError):
    """A condition that cannot be understood: `position` (from 0) is where."""

    def __init__(self, text: str, position: int, why: str) -> None:
        super().__init__(f"{why}\n  {text}\n  {' ' * position}^")
        self.position = position


@dataclass(frozen=True, slots=True)
class Match:
    """What meets a condition."""

    flow: Flow | None
    finding: Finding | Incident | None


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that was understood."""

    text: str
    test: Test
    asks_flows: bool  # whether connections without findings can meet it

    def matches(self, analysis: Analysis) -> tuple[Match, ...]:
        """Everything told in the analysis that meets it; empty when it is not met."""
        return tuple(
            Match(flow, finding)
            for _, flow, finding in _subjects(analysis)
            if self.test((analysis, flow, finding))
        )


def condition(text: str) -> Condition:
    """The condition that a text says. Raises ConditionError, which shows the place."""
    reader = _Reader(text)
    test = reader.any_of()
    reader.end()
    return Condition(text, test, bool(reader.named & set(FLOW_NAMES)))


def _subjects(analysis: Analysis) -> Iterator[Subject]:
    for flow in analysis.flows:
        for finding in flow.findings:
            yield analysis, flow, finding
        if not flow.findings:
            yield analysis, flow, None
    piles = piles_of(analysis)
    for incident in piles:
        yield analysis, None, incident
    if not analysis.flows and not piles:
        yield analysis, None, None


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # op | paren | quoted | word | end
    text: str
    position: int


class _Reader:
    """Reads a condition from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.named: set[str] = set()
        self._tokens = list(_tokens(text))
        self._at = 0

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._next
        self._at += token.kind != "end"
        return token

    def _error(self, token: _Token, why: str) -> ConditionError:
        return ConditionError(self.text, token.position, why)

    def _is(self, word: str) -> bool:
        return self._next.kind == "word" and self._next.text == word

    def end(self) -> None:
        """Nothing may be left."""
        if self._next.kind != "end":
            raise self._error(self._next, "expected `and`, `or`, or the end here")

    def any_of(self) -> Test:
        """One or more, with `or` between them."""
        tests = [self._all_of()]
        while self._is("or"):
            self._take()
            tests.append(self._all_of())
        return tests[0] if len(tests) == 1 else lambda subject: _either(test(subject) for test in tests)

    def _all_of(self) -> Test:
        tests = [self._one()]
        while self._is("and"):
            self._take()
            tests.append(self._one())
        return (
            tests[0]
            if len(tests) == 1
            else lambda subject: _negated(_either(_negated(t(subject)) for t in tests))
        )

    def _one(self) -> Test:
        if self._is("not"):
            self._take()
            inner = self._one()
            return lambda subject: _negated(inner(subject))
        if self._next.text == "(" and self._next.kind == "paren":
            opened = self._take()
            inner = self.any_of()
            if self._next.text != ")":
                raise self._error(opened, "this is never closed")
            self._take()
            return inner
        return self._comparison()

    def _comparison(self) -> Test:
        name = self._take()
        if name.kind != "word":
            raise self._error(name, "expected a name here, as in severity>=error")
        if name.text not in NAMES:
            raise self._error(name, f"nothing is called {name.text!r}{suggestion(name.text, tuple(NAMES))}")
        op = self._take()
        if op.text not in OPERATORS or op.kind != "op":
            raise self._error(op, "expected one of == != < <= > >= here")
        value = self._take()
        if value.kind not in ("word", "quoted"):
            raise self._error(value, "expected a value here")
        text = value.text[1:-1] if value.kind == "quoted" else value.text
        if value.kind == "word" and self._is("%"):
            text += self._take().text
        try:
            made = compared(NAMES[name.text], op.text, text)
        except ComparisonError as problem:
            raise self._error(value, f"{name.text}: {problem}") from None
        self.named.add(name.text)
        return _asked(name.text, made)


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            place = at + len(text[at:]) - len(text[at:].lstrip())
            raise ConditionError(text, place, f"{text[place]!r} means nothing here")
        kind = str(match.lastgroup)
        yield _Token(kind, match[kind], match.start(kind))
        at = match.end()
    yield _Token("end", "", len(text))


def _asked(name: str, comparison: Comparison) -> Test:
    """The comparison, asked of the part of a subject that the name is about."""
    part = 2 if name in FINDING else 1 if name in FLOW_NAMES else 0

    def test(subject: Subject) -> bool | None:
        about: Any = subject[part]
        if about is None and name in _OF_SERVER and isinstance(subject[2], Incident):
            about = subject[2]
        return None if about is None else comparison.holds(about)

    return test


_OF_SERVER = ("server_ip", "server_port")
"""What is known of an incident that is no single connection's."""


def _either(answers: Iterator[bool | None]) -> bool | None:
    """True when one is, else unknown when one is."""
    unknown = False
    for answer in answers:
        if answer:
            return True
        unknown = unknown or answer is None
    return None if unknown else False


def _negated(answer: bool | None) -> bool | None:
    return None if answer is None else not answer
