"""From the text of `x.expect.toml` to `Expectations`. Every mistake is told with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..questions.comparison import Comparison, ComparisonError, expected, suggestion
from ..questions.facts import CAPTURE, FINDING, FLOW, Fact
from ..questions.selection import Selector, Wanted
from .toml_places import TablePlace, tables

SELECTING = ("id", "client", "server", "client_port", "server_port", "ip", "port")
ALLOWED_OTHERS = ("none", "info", "warning", "any")
INPUTS = ("path", "filter", "vantage", "partial")
_COUNT = Fact("number", "how many there are", lambda count: count)
_TABLES: Mapping[str, Mapping[str, Fact]] = {
    "totals": CAPTURE,
    "finding": FINDING,
    "no_finding": FINDING,
    "flow": FLOW,
}
_REPEATED = ("finding", "no_finding", "flow")
_LINE = re.compile(r"\(at line (\d+), column \d+\)|\(at end of document\)")


class ExpectationError(ValueError):
    """The text is not valid: at which line (from 1), and why."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


@dataclass(frozen=True, slots=True)
class Condition:
    """One key of an expectation."""

    key: str
    line: int
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Expectation:
    """One thing that is expected: a table, a key of `[totals]`, or `other_findings`."""

    kind: str  # totals | finding | no_finding | flow | other_findings
    line: int
    told: str  # its keys in short, for people
    table: int = 0  # which table of the file, as `tables` counts
    selector: Selector = field(default_factory=Selector)
    conditions: tuple[Condition, ...] = ()
    count: Condition | None = None  # how many must be there; None: at least one
    allowed: str = "any"  # other_findings: the severity that they may have at most

    @property
    def title(self) -> str:
        """As a person would point at it: `[[finding]] syn-unanswered, server 10.0.0.2:80`."""
        if self.kind in _REPEATED:
            return f"[[{self.kind}]] {self.told}".rstrip()
        return f"[totals] {self.told}" if self.kind == "totals" else self.told


@dataclass(frozen=True, slots=True)
class Expectations:
    """What one file says."""

    items: tuple[Expectation, ...]
    paths: tuple[str, ...] = ()  # captures it is about, relative to it; empty: the one beside it
    bpf: str | None = None
    vantage: str | None = None
    partial: bool = False  # whether the capture is expected to be damaged or cut


def read(text: str) -> Expectations:
    """The expectations in a text. Raises ExpectationError."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise _toml_error(text, problem) from None
    places = tables(text)
    inputs: dict[str, Any] = {}
    items: list[Expectation] = []
    seen: dict[str, int] = {}
    for number, place in enumerate(places):
        if not place.name:
            items += _root(content, place)
            continue
        if place.name not in (*_TABLES, "capture"):
            raise ExpectationError(place.line, f"no table is called [{place.name}]{_did(place.name)}")
        values = content[place.name]
        if (place.name in _REPEATED) != isinstance(values, list):
            right = f"[[{place.name}]]" if place.name in _REPEATED else f"[{place.name}]"
            raise ExpectationError(place.line, f"this table is written {right}")
        if place.name == "capture":
            inputs = _inputs(values, place)
        elif place.name == "totals":
            items += [_total(key, values[key], place, number) for key in place.keys]
        else:
            index = seen[place.name] = seen.get(place.name, -1) + 1
            items.append(_table(place.name, values[index], place, number))
    return Expectations(tuple(items), **inputs)


def _did(name: str) -> str:
    return suggestion(name, (*_TABLES, "capture"))


def _toml_error(text: str, problem: tomllib.TOMLDecodeError) -> ExpectationError:
    match = _LINE.search(str(problem))
    line = int(match[1]) if match and match[1] else text.count("\n") + 1
    return ExpectationError(line, f"this is no valid TOML: {_LINE.sub('', str(problem)).strip().lower()}")


def _root(content: Mapping[str, Any], place: TablePlace) -> list[Expectation]:
    found = []
    for key, where in place.keys.items():
        if key != "other_findings":
            known = ("other_findings", *_TABLES, "capture")
            raise ExpectationError(where.line, f"unknown key {key!r}{suggestion(key, known)}")
        value = content[key]
        if value not in ALLOWED_OTHERS:
            words = ", ".join(ALLOWED_OTHERS)
            raise ExpectationError(where.line, f"other_findings is one of {words}, not {value!r}")
        found.append(Expectation("other_findings", where.line, f"other_findings = {value!r}", allowed=value))
    return found


def _inputs(values: Mapping[str, Any], place: TablePlace) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, where in place.keys.items():
        value = values[key]
        if key not in INPUTS:
            raise ExpectationError(where.line, f"unknown key {key!r} in [capture]{suggestion(key, INPUTS)}")
        if key == "path":
            paths = value if isinstance(value, list) else [value]
            if not paths or not all(isinstance(each, str) for each in paths):
                raise ExpectationError(where.line, "path is the name of a capture, or a list of names")
            made["paths"] = tuple(paths)
        elif key == "partial":
            if not isinstance(value, bool):
                raise ExpectationError(where.line, "partial is true or false")
            made["partial"] = value
        elif not isinstance(value, str) or (key == "vantage" and value not in ("client", "server", "middle")):
            expects = "client, server or middle" if key == "vantage" else "a libpcap filter"
            raise ExpectationError(where.line, f"{key} is {expects}")
        else:
            made["bpf" if key == "filter" else key] = value
    return made


def _total(key: str, value: Any, place: TablePlace, number: int) -> Expectation:
    condition = _condition(key, value, place, CAPTURE, ())
    told = f"{key} {condition.comparison.text}"
    return Expectation("totals", condition.line, told, number, conditions=(condition,))


def _table(name: str, values: Mapping[str, Any], place: TablePlace, number: int) -> Expectation:
    """A `[[finding]]`, `[[no_finding]]` or `[[flow]]`."""
    countable = name != "no_finding"
    wanted: dict[str, Any] = {}
    conditions: list[Condition] = []
    count = None
    others = (*SELECTING, "count") if countable else SELECTING
    for key, value in values.items():
        if key in SELECTING:
            wanted[key] = _selecting(key, value, place.keys[key].line)
        elif key == "count" and countable:
            count = Condition(key, place.keys[key].line, _compared(_COUNT, key, value, place.keys[key].line))
        else:
            conditions.append(_condition(key, value, place, _TABLES[name], others))
    if not wanted and not conditions:
        raise ExpectationError(place.line, f"[[{name}]] says nothing: give it a key")
    told = [condition.comparison.text for condition in conditions if condition.key == "code"]
    told += [f"{key} {value}" for key, value in wanted.items()]
    if name != "flow":
        told += [f"{each.key} {each.comparison.text}" for each in conditions if each.key != "code"]
    selector = Selector.of(**_typed(wanted))
    return Expectation(name, place.line, ", ".join(told), number, selector, tuple(conditions), count)


def _typed(wanted: dict[str, Any]) -> Wanted:
    made: Wanted = {}
    made.update(wanted)  # type: ignore[typeddict-item]
    return made


def _selecting(key: str, value: Any, line: int) -> Any:
    number = key.endswith("port")
    if isinstance(value, bool) or not isinstance(value, int if number else str):
        raise ExpectationError(line, f"{key} is {'a number' if number else 'a text'}, not {value!r}")
    try:
        Selector.of(**_typed({key: value}))
    except ValueError as problem:
        raise ExpectationError(line, f"{key}: {problem}") from None
    return value


def _condition(
    key: str, value: Any, place: TablePlace, facts: Mapping[str, Fact], others: tuple[str, ...]
) -> Condition:
    line = place.keys[key].line
    if key not in facts:
        brackets = f"[[{place.name}]]" if place.name in _REPEATED else f"[{place.name}]"
        near = suggestion(key, (*facts, *others))
        raise ExpectationError(line, f"unknown key {key!r} in {brackets}{near}")
    return Condition(key, line, _compared(facts[key], key, value, line))


def _compared(fact: Fact, key: str, value: Any, line: int) -> Comparison:
    try:
        return expected(fact, value)
    except ComparisonError as problem:
        raise ExpectationError(line, f"{key}: {problem}") from None
