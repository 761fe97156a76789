"""Round numbers on the axes of charts, and where they stand."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from synsight.reports import units

_SECOND = 1_000_000_000
_DAY = 86_400 * _SECOND
_CLOCK_STEPS = tuple(
    seconds * _SECOND
    for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
)


@dataclass(frozen=True, slots=True)
class Scale:
    """A stretch of numbers on a stretch of paper."""

    first: float
    last: float  # not equal to `first`
    start: float  # where `first` stands, in points
    end: float

    def at(self, value: float) -> float:
        """Where a number stands."""
        share = (value - self.first) / (self.last - self.first)
        return self.start + share * (self.end - self.start)


def step_for(span: float, most: int) -> float:
    """1, 2 or 5 times a power of ten, so that at most `most` steps cover the span."""
    least = max(span, 1e-9) / most
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * times for times in (1, 2, 5, 10) if power * times >= least * (1 - 1e-9))


def counts_axis(highest: int) -> list[int]:
    """Zero, and round whole numbers up to one that is not below `highest`."""
    step = max(1, round(step_for(max(highest, 1), 3)))
    return list(range(0, max(highest, 1) + step, step))


def moments(first_ns: int, last_ns: int, most: int) -> Iterator[tuple[int, str]]:
    """Round moments of a span, and what to call them: times of day (UTC), or offsets when it is short."""
    span_ns = last_ns - first_ns
    step_ns = next((step for step in _CLOCK_STEPS if span_ns / step <= most), None)
    if step_ns is None:
        step_ns = _DAY * max(1, round(step_for(span_ns / _DAY, most)))
    if span_ns < 2 * _SECOND:
        for offset_ns in offsets(span_ns, most):
            yield first_ns + offset_ns, f"+{units.duration(offset_ns)}" if offset_ns else "0"
        return
    for at_ns in range(-(-first_ns // step_ns) * step_ns, last_ns + 1, step_ns):
        yield at_ns, _moment(at_ns, step_ns)


def _moment(at_ns: int, step_ns: int) -> str:
    if step_ns >= _DAY:
        return units.instant(at_ns)[:10]
    clock = units.clock(at_ns)
    return clock if step_ns < 60 * _SECOND else clock[:5]


def offsets(span_ns: int, most: int) -> list[int]:
    """Round spans of time from zero to at most `span_ns`."""
    step = max(1, round(step_for(max(span_ns, 1), most)))
    return list(range(0, span_ns + 1, step))
