"""One connection over time that runs evenly: both ends' states, and its bytes in sequence space.

A time-sequence plot as Stevens drew them: every segment a stroke from its first byte to its last, the
acknowledgments of the other end a stair below, its window a stair above.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from synsight.analysis.result import Flow, StateChange, Trace
from synsight.reports import units
from synsight.reports.drawing.axes import Scale, offsets, step_for
from synsight.reports.drawing.canvas import Canvas
from synsight.reports.drawing.theme import PHASES
from synsight.reports.wording import state

WIDTH = 600.0
_LEFT, _RIGHT = 84.0, 588.0
_STRIP = 17.0
_PANEL = 150.0
_LEAST_SEGMENTS = 2  # with data, for a direction to be worth a panel


def drawn(flow: Flow) -> Canvas | None:
    """The plot of a flow that is shown in full; None for others."""
    if not flow.ladder or not flow.states:
        return None
    first_ns = min(flow.start_ns, flow.ladder[0].at_ns)
    last_ns = max(flow.end_ns, flow.ladder[-1].at_ns, first_ns + 1)
    panels = directions(flow)
    canvas = Canvas(WIDTH, 2 * (_STRIP + 5) + (_PANEL + 32) * len(panels) + 28)
    across = Scale(first_ns, last_ns, _LEFT, _RIGHT)
    y = 6.0
    for side in ("client", "server"):
        _strip(canvas, [each for each in flow.states if each.side == side], across, y)
        canvas.label(_LEFT - 6, y + 12, side, "ink", 9, "end", bold=True)
        y += _STRIP + 5
    for side in panels:
        assert flow.trace is not None
        y += 24
        canvas.label(_LEFT, y - 7, f"bytes of the {side}", "ink", 9, bold=True)
        _sequence(canvas, flow.trace, side == "client", across, y)
        y += _PANEL + 8
    _seconds(canvas, first_ns, last_ns, across, y)
    return canvas


def directions(flow: Flow) -> list[str]:
    """The senders whose bytes are drawn: `client`, `server`, both or neither."""
    return [side for side in ("client", "server") if _is_worth(flow.trace, side == "client")]


def _is_worth(trace: Trace | None, from_client: bool) -> bool:
    if trace is None:
        return False
    pairs = zip(trace.from_client, trace.payload_bytes, strict=True)
    return sum(mine == from_client and length > 0 for mine, length in pairs) >= _LEAST_SEGMENTS


def _strip(canvas: Canvas, changes: Sequence[StateChange], across: Scale, y: float) -> None:
    """One end's states, from each change to the next."""
    ends = [*(each.at_ns for each in changes[1:]), across.last]
    for change, end_ns in zip(changes, ends, strict=True):
        left, right = across.at(change.at_ns), across.at(end_ns)
        phase, name = PHASES.get(change.state, "closed"), state(change.state, change.certain)
        dashes, opacity = ((), 1.0) if change.certain else ((2.5, 2.0), 0.38)
        title = f"{name}, {units.duration(int(end_ns) - change.at_ns)}"
        canvas.box(
            left, y, max(right, left + 0.6), y + _STRIP, phase, f"{phase}-edge", dashes, opacity, title
        )
        if right - left > 5.6 * len(name) + 6:
            canvas.label((left + right) / 2, y + 12, name, size=8.5, anchor="middle")


def _sequence(canvas: Canvas, trace: Trace, from_client: bool, across: Scale, top: float) -> None:
    rows = _rows(trace)
    sent = [row for row in rows if row.from_client == from_client and row.length]
    heard = [row for row in rows if row.from_client != from_client]
    low, high = min(row.seq for row in sent), max(row.seq + row.length for row in sent)
    step = max(1, round(step_for(high - low, 4)))
    up = Scale(low, max(high, low + 1), top + _PANEL, top + 6)
    for mark in range(-(-low // step) * step, high + 1, step):
        canvas.line([(_LEFT, up.at(mark)), (_RIGHT, up.at(mark))], "rule", 0.8)
        canvas.label(_LEFT - 6, up.at(mark) + 3, units.count(mark), "muted", 8.5, "end")
    acks = [(row.at_ns, row.ack, row.window) for row in heard if row.ack is not None and row.ack >= low]
    edges = [(at_ns, min(ack + window, high)) for at_ns, ack, window in acks if window is not None]
    if any(edge < high for _, edge in edges[1:]):
        _stair(canvas, edges, across, up, "accent", (3.0, 2.0))
    _stair(canvas, [(at_ns, min(ack, high)) for at_ns, ack, _ in acks], across, up, "established-edge", ())
    for row in sorted(sent, key=lambda each: each.repeat):
        x, colour = across.at(row.at_ns), "repeat" if row.repeat else "segment"
        bottom, upper = up.at(row.seq), up.at(row.seq + row.length)
        canvas.line([(x, bottom), (x, min(upper, bottom - 2))], colour, 3 if row.repeat else 1.6)
        if row.repeat:
            canvas.area([(x - 3.5, bottom + 5), (x, bottom), (x + 3.5, bottom + 5)], colour)


def _stair(
    canvas: Canvas,
    steps: Sequence[tuple[int, int]],
    across: Scale,
    up: Scale,
    colour: str,
    dashes: tuple[float, ...],
) -> None:
    """A line that stays where it is until the next step."""
    if not steps:
        return
    points = [(across.at(steps[0][0]), up.at(steps[0][1]))]
    for (_, before), (at_ns, after) in pairwise(steps):
        points += [(across.at(at_ns), up.at(before)), (across.at(at_ns), up.at(after))]
    points.append((across.end, up.at(steps[-1][1])))
    canvas.line(points, colour, 1.2, dashes)


def _seconds(canvas: Canvas, first_ns: int, last_ns: int, across: Scale, y: float) -> None:
    canvas.line([(_LEFT, y), (_RIGHT, y)], "lifeline", 1)
    for offset_ns in offsets(last_ns - first_ns, 6):
        x = across.at(first_ns + offset_ns)
        canvas.line([(x, y), (x, y + 3.5)], "lifeline", 1)
        name = units.duration(offset_ns) if offset_ns else "0"
        canvas.label(min(x, WIDTH - 16), y + 14, name, "muted", 8.5, "middle")


class _Row(NamedTuple):
    """One segment of a trace."""

    at_ns: int
    from_client: bool
    seq: int
    length: int  # of its payload, bytes
    ack: int | None
    window: int | None
    repeat: bool


def _rows(trace: Trace) -> list[_Row]:
    columns = (trace.at_ns, trace.from_client, trace.seq, trace.payload_bytes, trace.ack)
    return list(map(_Row._make, zip(*columns, trace.window_bytes, trace.repeat, strict=True)))
