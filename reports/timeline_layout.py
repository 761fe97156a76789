"""Where each part of a ladder diagram stands, in points from the top left corner. Draws nothing."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from synsight.analysis.result import Flow, LadderRow
from synsight.reports import units
from synsight.reports.wording import STOPS, clipped, side, state, visible

WIDTH = 600.0
TIME_X, FRAME_X = 58.0, 98.0  # right edges of the two columns of numbers
CLIENT_X, SERVER_X = 200.0, 500.0  # the lifelines
BAND = 92.0  # width of a state's band, outside of its lifeline
SLANT = 5.0  # how much lower an arrow ends than it begins
_LABEL = 14.5  # room above an arrow
_NOTE = 11.5  # one line below an arrow
_PAUSE_NS = 500_000_000  # from here on the axis is broken and the gap is told
_NOTE_CHARACTERS = 54
_ROWS = 60


@dataclass(frozen=True, slots=True)
class Band:
    """One end in one state, from `top` to `bottom`."""

    end: str  # client | server
    state: str
    label: str  # with `?` when believed
    certain: bool
    top: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Arrow:
    """One segment on its way."""

    row: LadderRow
    time: str
    y: float  # where it leaves
    from_x: float
    to_x: float  # the receiver, or where it was dropped
    dropped: bool
    label: str
    stop: str  # the side that dropped it, in words
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pause:
    """A break of the time axis."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Layout:
    """The whole diagram."""

    height: float
    top: float  # where the lifelines begin
    bottom: float
    arrows: tuple[Arrow, ...]
    bands: tuple[Band, ...]
    pauses: tuple[Pause, ...]
    left_out: str  # empty when every segment is shown


def lay_out(flow: Flow, top: float) -> Layout:
    """The first `_ROWS` rows of a flow's ladder, below `top`."""
    arrows, pauses = [], []
    y = top + 4
    before_ns = flow.ladder[0].at_ns
    for row in flow.ladder[:_ROWS]:
        gap_ns = row.at_ns - before_ns
        if gap_ns >= _PAUSE_NS:
            room = 18 + 7 * math.log10(gap_ns / _PAUSE_NS)
            pauses.append(Pause(y + room / 2, units.duration(gap_ns)))
            y += room
        arrow = _arrow(row, y + _LABEL, flow.start_ns)
        arrows.append(arrow)
        y += _LABEL + SLANT + _NOTE * (len(arrow.notes) + bool(arrow.stop)) + 6 + 2.5 * bool(arrow.stop)
        before_ns = row.at_ns
    left_out = flow.ladder_left_out_count + len(flow.ladder[_ROWS:])
    words = f"{units.count(left_out, 'more segment')} not shown" if left_out else ""
    bottom = y + 8
    return Layout(
        height=bottom + (46 if words else 30),
        top=top,
        bottom=bottom,
        arrows=tuple(arrows),
        bands=(*_bands("client", arrows, bottom), *_bands("server", arrows, bottom)),
        pauses=tuple(pauses),
        left_out=words,
    )


def _arrow(row: LadderRow, y: float, start_ns: int) -> Arrow:
    way = SERVER_X - CLIENT_X
    from_x, to_x = (CLIENT_X, SERVER_X) if row.sender == "client" else (SERVER_X, CLIENT_X)
    if row.stops_at is not None:
        to_x = CLIENT_X + way * STOPS.get(row.stops_at, 0.5)
    notes = "; ".join(part for part in (visible(row.note), clipped(row.payload_text, 60)) if part)
    return Arrow(
        row=row,
        time=f"{units.offset(row.at_ns - start_ns)}",
        y=y,
        from_x=from_x,
        to_x=to_x,
        dropped=row.stops_at is not None,
        label=clipped(row.label, 44),
        stop="" if row.stops_at is None else side(row.stops_at),
        notes=tuple(textwrap.wrap(notes, _NOTE_CHARACTERS, max_lines=2, placeholder=" …")),
    )


def _bands(end: str, arrows: list[Arrow], bottom: float) -> Iterator[Band]:
    """One band per stretch of rows over which the end's state and its certainty stay the same."""
    started: tuple[str, bool] | None = None
    top = 0.0
    for arrow in arrows:
        row = arrow.row
        now = (
            (row.client_state, row.client_certain)
            if end == "client"
            else (row.server_state, row.server_certain)
        )
        y = arrow.y if row.sender == end else arrow.y + SLANT
        if now != started:
            if started is not None and started[0]:
                yield _band(end, started, top, y)
            started, top = now, y
    if started is not None and started[0]:
        yield _band(end, started, top, bottom)


def _band(end: str, now: tuple[str, bool], top: float, bottom: float) -> Band:
    return Band(end, now[0], state(*now), now[1], top, bottom)
