"""A fact held against what it is expected to be."""

from __future__ import annotations

import difflib
import ipaddress
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from .facts import Fact
from .selection import inside, network

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        "==": operator.eq,
        "!=": operator.ne,
        "<=": operator.le,
        ">=": operator.ge,
        "<": operator.lt,
        ">": operator.gt,
    }
)
_TEXT = re.compile(r"^\s*(?P<op>==|!=|<=|>=|<|>)?\s*(?P<value>.*?)\s*$", re.S)
_NUMBER = re.compile(r"^(?P<number>[+-]?\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*(?P<percent>%)?$")


class ComparisonError(ValueError):
    """A value that a fact cannot be compared with: says why, and what was probably meant."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`fact OPERATOR values`: true for any of several values (for `!=`: for none of them)."""

    fact: Fact
    operator: str
    values: tuple[Any, ...]
    percent: bool = False
    text: str = ""  # as it was written

    def holds(self, subject: Any) -> bool | None:
        """Whether it is true of what the fact is about; None when the subject has no such fact."""
        actual = self.actual(subject)
        if actual is None:
            return None
        if self.fact.kind == "words":
            return bool(actual == frozenset(self.values))
        if self.operator == "!=":
            return not any(self._one("==", actual, value) for value in self.values)
        return any(self._one(self.operator, actual, value) for value in self.values)

    def actual(self, subject: Any) -> Any:
        """The fact as it is, in the unit that it is compared in."""
        if self.percent:
            share = self.fact.share(subject) if self.fact.share else None
            return None if share is None else 100 * share
        return self.fact.of(subject)

    def _one(self, op: str, actual: Any, value: Any) -> bool:
        if self.fact.kind == "address":
            return inside(actual, value)
        if self.fact.kind == "level":
            words = self._words()
            return bool(OPERATORS[op](words.index(actual), words.index(value)))
        return bool(OPERATORS[op](actual, value))

    def _words(self) -> tuple[str, ...]:
        return self.fact.words() if self.fact.words else ()

    def met_by(self, actuals: Sequence[Any]) -> str | None:
        """The nearest expectation that all these facts would meet, as TOML; None when there is none."""
        if not actuals or any(actual is None for actual in actuals):
            return None
        if self.fact.kind == "words":
            return toml(sorted(actuals[0])) if len(set(actuals)) == 1 else None
        if self.operator in ("<", "<=", ">", ">=") and self.fact.kind == "number":
            up = self.operator in ("<", "<=")
            limit = _rounded(max(actuals) if up else min(actuals), up)
            return toml(f"{self.operator[0]}= {limit}{' %' if self.percent else ''}")
        distinct = sorted(set(actuals))
        if self.percent:
            return toml(f"<= {_rounded(distinct[-1], True)} %")
        return toml(distinct[0] if len(distinct) == 1 else distinct)


def compared(fact: Fact, op: str, value: str) -> Comparison:
    """From an operator and a word or number as text. Raises ComparisonError."""
    if fact.kind in ("word", "truth", "address", "words") and op not in ("==", "!="):
        raise ComparisonError("this is compared with == or !=")
    text = f"{op} {value}"
    if fact.kind == "words":
        raise ComparisonError("this is a set of words, which has no comparison")
    if fact.kind == "truth":
        if value not in ("true", "false"):
            raise ComparisonError(f"{value!r} is neither true nor false")
        return Comparison(fact, op, (value == "true",), text=text)
    if fact.kind == "address":
        try:
            return Comparison(fact, op, (network(value),), text=text)
        except ValueError as problem:
            raise ComparisonError(str(problem)) from None
    if fact.kind == "number":
        number, percent = _number(fact, value)
        return Comparison(fact, op, (number,), percent, text)
    return Comparison(fact, op, (_word(fact, value),), text=text)


def expected(fact: Fact, value: Any) -> Comparison:
    """From a value of a TOML file: `3`, `"< 1 %"`, `"completed"`, `[..]`, true. Raises ComparisonError."""
    if fact.kind == "words":
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise ComparisonError("this is a list of all of them: [] or ['a', 'b']")
        return Comparison(fact, "==", tuple(_word(fact, each) for each in value), text=toml(value))
    if fact.kind == "truth":
        if not isinstance(value, bool):
            raise ComparisonError(f"{value!r} is neither true nor false")
        return Comparison(fact, "==", (value,), text=toml(value))
    if isinstance(value, list):
        each = [expected(fact, one) for one in value]
        if not each or any(one.operator != "==" or one.percent for one in each):
            raise ComparisonError("a list holds the values that it may have, at least one")
        return Comparison(fact, "==", tuple(one.values[0] for one in each), text=f"one of {toml(value)}")
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ComparisonError(f"{value!r} cannot be compared with this")
    if isinstance(value, str):
        match = _TEXT.match(value)
        assert match is not None
        made = compared(fact, match["op"] or "==", match["value"])
        return made if match["op"] else _renamed(made, match["value"])
    if fact.kind != "number":
        raise ComparisonError(f"{value!r} is a number; this is a word")
    return Comparison(fact, "==", (value,), text=str(value))


def _renamed(made: Comparison, text: str) -> Comparison:
    return Comparison(made.fact, made.operator, made.values, made.percent, text)


def _number(fact: Fact, text: str) -> tuple[float, bool]:
    match = _NUMBER.match(text)
    if match is None:
        raise ComparisonError(f"{text!r} is no number")
    if match["percent"] and fact.share is None:
        raise ComparisonError("this has no percentage")
    number = float(match["number"])
    return (int(number) if number.is_integer() else number), bool(match["percent"])


def _word(fact: Fact, text: str) -> str:
    known = fact.words() if fact.words else None
    if known is not None and text not in known:
        raise ComparisonError(f"{text!r} is none of these{suggestion(text, known)}")
    return text


def suggestion(text: str, known: Sequence[str]) -> str:
    """`; did you mean 'x'?`, or what there is when nothing is near.

    >>> suggestion("sever_port", ["server_port", "client"])
    "; did you mean 'server_port'?"
    """
    near = difflib.get_close_matches(text, known, 1, 0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known are {', '.join(known)}" if len(known) <= 30 else ""


def _rounded(number: float, up: bool) -> str:
    """To two digits, away from the number, so that it still meets the limit.

    >>> _rounded(16.851, True), _rounded(16.851, False), _rounded(3, True), _rounded(0.0, True)
    ('17', '16', '3', '0')
    """
    if number == 0 or float(number).is_integer():
        return str(int(number))
    unit = 10.0 ** (math.floor(math.log10(abs(number))) - 1)
    steps = math.ceil(number / unit - 1e-9) if up else math.floor(number / unit + 1e-9)
    return f"{steps * unit:.10g}"


def toml(value: Any) -> str:
    """A value as TOML.

    >>> print(toml([1, True, 'a"b']))
    [1, true, "a\\"b"]
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(toml(each) for each in value)}]"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, str):
        return f'"{"".join(_basic(char) for char in value)}"'
    return str(value)


def _basic(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if ord(char) < 0x20 or ord(char) == 0x7F:
        return f"\\u{ord(char):04x}"
    if 0xD800 <= ord(char) <= 0xDFFF:
        return "\ufffd"
    return char


def shown(value: Any) -> str:
    """A fact in words: numbers to four digits, sets as lists."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (set, frozenset)):
        return ", ".join(sorted(value)) or "none"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (ipaddress.IPv4Network, ipaddress.IPv6Network)):
        return str(value)
    return str(value)
