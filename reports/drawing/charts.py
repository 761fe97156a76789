"""Counts over a whole capture as small charts: connections over time, handshake times, states over time.

Everything that is drawn has been counted already (`synsight.analysis.result.Series`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synsight.analysis.result import Distribution, HandshakeTimes, Series, StatesOverTime
from synsight.reports import units
from synsight.reports.drawing.axes import Scale, counts_axis, moments
from synsight.reports.drawing.canvas import Canvas
from synsight.reports.drawing.theme import OUTCOMES, PHASES
from synsight.reports.wording import visible

WIDTH = 380.0
_LEFT, _RIGHT = 38.0, 372.0
_PLOT = 124.0  # height of the chart of connections
_PANEL = 62.0  # height of one leg's histogram
_STRIP = 26.0  # height of one state's counts
_TICKS = 5
_GAP = 0.6  # between bars


def connections(series: Series) -> Canvas:
    """Connections by when they began, stacked by how they ended, failures at the foot."""
    canvas = Canvas(WIDTH, _PLOT + 34)
    totals = [sum(counts) for counts in zip(*series.opened.values(), strict=True)]
    marks = counts_axis(max(totals, default=0))
    across = Scale(0, series.bins_count, _LEFT, _RIGHT)
    up = Scale(0, marks[-1], _PLOT + 10, 10)
    for mark in marks:
        canvas.line([(_LEFT, up.at(mark)), (_RIGHT, up.at(mark))], "rule", 0.8)
        canvas.label(_LEFT - 5, up.at(mark) + 3.5, units.count(mark), "muted", 10, "end")
    for number in range(series.bins_count):
        _stack(canvas, series, number, across, up)
    _clock(canvas, series, across, up.start)
    return canvas


def _stack(canvas: Canvas, series: Series, number: int, across: Scale, up: Scale) -> None:
    below = 0
    when = units.instant(series.start_ns + number * series.bin_ns)
    for outcome, colour in OUTCOMES.items():
        count = series.opened.get(outcome, ())[number : number + 1]
        if count and count[0]:
            left, right = across.at(number) + _GAP / 2, across.at(number + 1) - _GAP / 2
            title = f"{when}: {units.count(count[0])} {outcome}"
            canvas.box(left, up.at(below + count[0]), right, up.at(below), colour, title=title)
            below += count[0]


def _clock(canvas: Canvas, series: Series, across: Scale, y: float) -> None:
    """The time axis."""
    end_ns = series.start_ns + series.bins_count * series.bin_ns
    canvas.line([(_LEFT, y), (_RIGHT, y)], "lifeline", 1)
    for at_ns, name in moments(series.start_ns, end_ns, _TICKS):
        x = across.at((at_ns - series.start_ns) / series.bin_ns)
        canvas.line([(x, y), (x, y + 3.5)], "lifeline", 1)
        half = 3.2 * len(name)
        canvas.label(min(max(x, half), WIDTH - half), y + 15, name, "muted", 10, "middle")


def handshakes(times: HandshakeTimes) -> Canvas:
    """How long both legs of the handshakes took, on one logarithmic scale."""
    named = (
        ("SYN to SYN-ACK", times.syn_to_synack, "unfinished"),
        ("SYN-ACK to ACK", times.synack_to_ack, "stuck"),
    )
    legs = [leg for leg in named if leg[1].count]
    canvas = Canvas(WIDTH, (_PANEL + 22) * len(legs) + 24)
    first, last = _reach([leg[1].counts for leg in legs])
    across = Scale(first, last, 8, _RIGHT)
    y = 0.0
    for name, leg, colour in legs:
        y += _PANEL + 22
        _histogram(canvas, leg, colour, across, y, times.bounds_us)
        canvas.label(8, y - _PANEL - 8, name, "ink", 10.5, bold=True)
        canvas.label(_RIGHT, y - _PANEL - 8, _spread(leg), "muted", 10, "end")
    for number, bound_us in enumerate(times.bounds_us):
        if first <= number <= last and _is_decade(bound_us):
            x = across.at(number)
            canvas.line([(x, y), (x, y + 3.5)], "lifeline", 1)
            name = units.duration(bound_us * 1_000)
            half = 3.2 * len(name)
            canvas.label(min(max(x, half), WIDTH - half), y + 15, name, "muted", 10, "middle")
    return canvas


def _histogram(
    canvas: Canvas, leg: Distribution, colour: str, across: Scale, y: float, bounds_us: Sequence[int]
) -> None:
    up = Scale(0, max(leg.counts), y, y - _PANEL)
    for number, count in enumerate(leg.counts):
        if count:
            title = f"{between(bounds_us, number)}: {units.count(count, 'handshake')}"
            left, right = across.at(number) + _GAP, across.at(number + 1) - _GAP
            canvas.box(left, min(up.at(count), y - 1.5), right, y, colour, title=title)
    canvas.line([(across.start, y), (across.end, y)], "lifeline", 1)


def between(bounds_us: Sequence[int], number: int) -> str:
    """What a bin holds: `20 ms to 30 ms`; the outermost ones what lies beyond, too."""
    low, high = (units.duration(bound * 1_000) for bound in bounds_us[number : number + 2])
    if number == 0:
        return f"less than {high}"
    return f"{low} or more" if number == len(bounds_us) - 2 else f"{low} to {high}"


def _spread(leg: Distribution) -> str:
    """`half within 20 ms, 95 % within 1 s`."""
    if leg.p50_us is None or leg.p95_us is None:
        return ""
    half, most = units.duration(leg.p50_us * 1_000), units.duration(leg.p95_us * 1_000)
    return f"half within {half}" if half == most else f"half within {half}, 95 % within {most}"


def _is_decade(bound_us: int) -> bool:
    return str(bound_us).strip("0") == "1"


def _reach(columns: Sequence[Sequence[int]]) -> tuple[int, int]:
    """From the first to behind the last bin that holds anything, widened to some width."""
    filled = [number for column in columns for number, count in enumerate(column) if count]
    most = max((len(column) for column in columns), default=1)
    first, last = min(filled, default=0), max(filled, default=0) + 1
    while last - first < 9 and (first > 0 or last < most):
        first, last = max(first - 1, 0), min(last + 1, most)
    return first, last


def states(series: Series, told: StatesOverTime) -> Canvas:
    """One strip for each state that any connection of a listener was in: how many at once, and the peak."""
    shown = _told_states(told.peak_counts)
    canvas = Canvas(WIDTH, 20 + (_STRIP + 6) * len(shown) + 8)
    across = Scale(0, series.bins_count, 108, 326)
    y = 0.0
    for name, counts in shown.items():
        y += _STRIP + 6
        peak = max(counts)
        up = Scale(0, peak, y, y - _STRIP)
        corners = [(across.at(0), y)]
        for number, count in enumerate(counts):
            corners += [(across.at(number), up.at(count)), (across.at(number + 1), up.at(count))]
        phase = PHASES.get(name, "closed")
        canvas.area([*corners, (across.at(len(counts)), y)], phase, f"{phase}-edge")
        canvas.label(102, y - 8, visible(name), "ink", 10.5, "end")
        canvas.label(332, y - 8, f"≤ {units.count(peak)}", "ink", 10.5)
    end_ns = series.start_ns + series.bins_count * series.bin_ns
    for at_ns, name in moments(series.start_ns, end_ns, 4):
        x = across.at((at_ns - series.start_ns) / series.bin_ns)
        canvas.line([(x, y), (x, y + 3.5)], "lifeline", 1)
        canvas.label(x, y + 15, name, "muted", 10, "middle")
    return canvas


def _told_states(peak_counts: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """In the order of a connection's life, without states that nothing was in."""
    order = [*PHASES, *(name for name in peak_counts if name not in PHASES)]
    return {name: peak_counts[name] for name in order if any(peak_counts.get(name, ()))}
