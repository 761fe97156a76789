"""Where each part of a ladder diagram stands, in points from the top left corner. Draws nothing."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from synsight.analysis.result import Flow, LadderRow, Suspect
from synsight.reports import units
from synsight.reports.drawing import stops
from synsight.reports.wording import clipped, dissector, side, state, visible

WIDTH = 600.0
TIME_X, FRAME_X = 58.0, 98.0  # right edges of the two columns of numbers
CLIENT_X, SERVER_X = 200.0, 500.0  # the lifelines
BAND = 92.0  # width of a state's band, outside of its lifeline
SLANT = 5.0  # how much lower an arrow ends than it begins
_LABEL = 14.5  # room above an arrow
_NOTE = 11.5  # one line below an arrow
_PAUSE_NS = 500_000_000  # from here on the axis is broken and the gap is told
_NOTE_CHARACTERS = 54
_LEGEND_CHARACTERS = 110
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
class Cross:
    """A place where a segment may have been dropped."""

    x: float
    weight: float  # of the suspect that stands there
    name: str
    line: int  # of the words below the arrow, so that names beside each other do not touch


@dataclass(frozen=True, slots=True)
class Arrow:
    """One segment on its way."""

    row: LadderRow
    time: str
    y: float  # where it leaves, or would have left
    top: float  # of the stretch that is its row
    bottom: float
    from_x: float  # the sender, or where somebody else sent it
    origin: str  # who sent it in the sender's stead; empty when the sender did
    to_x: float  # as far as it came for all one knows: the receiver, or the first cross
    last_x: float  # as far as it may have come: the last cross
    label: str
    crosses: tuple[Cross, ...]
    names_lines: int  # lines that the names of the crosses take; 0 when they are those of the arrow above
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
    legend: tuple[str, ...]  # what the marks mean that this drawing has


def lay_out(flow: Flow, top: float) -> Layout:
    """The first `_ROWS` rows of a flow's ladder, below `top`."""
    arrows: list[Arrow] = []
    pauses = []
    y = top + 4
    before_ns = flow.ladder[0].at_ns
    for row in flow.ladder[:_ROWS]:
        gap_ns = row.at_ns - before_ns
        if gap_ns >= _PAUSE_NS:
            room = 18 + 7 * math.log10(gap_ns / _PAUSE_NS)
            pauses.append(Pause(y + room / 2, units.duration(gap_ns)))
            y += room
        arrow = _arrow(flow, row, y, arrows[-1].crosses if arrows else ())
        arrows.append(arrow)
        y = arrow.bottom
        before_ns = row.at_ns
    left_out = flow.ladder_left_out_count + len(flow.ladder[_ROWS:])
    words = f"{units.count(left_out, 'more segment')} not shown" if left_out else ""
    bottom = y + 8
    legend = _legend(arrows)
    return Layout(
        height=bottom + 18 + 12 * len(legend) + (16 if words else 0),
        top=top,
        bottom=bottom,
        arrows=tuple(arrows),
        bands=(*_bands("client", arrows, bottom), *_bands("server", arrows, bottom)),
        pauses=tuple(pauses),
        left_out=words,
        legend=legend,
    )


def _legend(arrows: list[Arrow]) -> tuple[str, ...]:
    """The marks that this drawing has, in as many lines as they need."""
    marks = ["solid state: proven", "pale state with ?: believed"]
    marks += ["dashed: sent again"] * any(arrow.row.repeat for arrow in arrows)
    marks += ["dotted: never came"] * any(arrow.row.frame is None for arrow in arrows)
    marks += ["cross: where it may have been dropped"] * any(arrow.crosses for arrow in arrows)
    marks += ["diamond: sent by somebody else"] * any(arrow.origin for arrow in arrows)
    lines = [""]
    for mark in marks:
        if lines[-1] and len(lines[-1]) + len(mark) > _LEGEND_CHARACTERS:
            lines.append("")
        lines[-1] += f" · {mark}" if lines[-1] else mark
    return tuple(lines)


def _arrow(flow: Flow, row: LadderRow, top: float, named: tuple[Cross, ...]) -> Arrow:
    """A row as an arrow below `top`; its crosses get no names again when they are those just `named`."""
    from_x, to_x = (CLIENT_X, SERVER_X) if row.sender == "client" else (SERVER_X, CLIENT_X)
    origin = ""
    if row.origin is not None and row.origin in stops.PLACES:
        origin = side(row.origin)
        from_x = CLIENT_X + (SERVER_X - CLIENT_X) * stops.PLACES[row.origin]
    crosses = _crosses(stops.suspects(flow, row))
    reached = sorted((cross.x for cross in crosses), key=lambda x: abs(x - from_x))
    sent_by = f"sent from the {origin}" if origin else ""
    told = (visible(row.note), clipped(row.payload_text, 60), dissector(row.dissector_text, 90))
    notes = "; ".join(part for part in (sent_by, *told) if part)
    lines = textwrap.wrap(notes, _NOTE_CHARACTERS, max_lines=2, placeholder=" …")
    names_lines = 0 if crosses == named else max((cross.line + 1 for cross in crosses), default=0)
    room = _NOTE * (len(lines) + names_lines) + (8.5 if crosses else 6)
    return Arrow(
        row=row,
        time=units.offset(row.at_ns - flow.start_ns),
        y=top + _LABEL,
        top=top,
        bottom=top + _LABEL + SLANT + room,
        from_x=from_x,
        origin=origin,
        to_x=reached[0] if reached else to_x,
        last_x=reached[-1] if reached else to_x,
        label=clipped(row.label, 50),
        crosses=crosses,
        names_lines=names_lines,
        notes=tuple(lines),
    )


def _crosses(suspects: tuple[Suspect, ...]) -> tuple[Cross, ...]:
    """A cross for each suspect that stands on the way, from the client to the server."""
    placed: list[Cross] = []
    ends: list[float] = []  # how far to the right each line of names is taken
    for suspect in sorted(suspects, key=lambda each: stops.PLACES.get(each.side, -1)):
        if suspect.side not in stops.PLACES:
            continue
        x = CLIENT_X + (SERVER_X - CLIENT_X) * stops.PLACES[suspect.side]
        name = side(suspect.side)
        if suspect.weight < 1:
            name += f" {units.percent(suspect.weight)}"
        cross = Cross(x, suspect.weight, name, 0)
        left, right = name_span(cross)
        line = next((line for line, end in enumerate(ends) if end < left), len(ends))
        ends[line:] = [right, *ends[line + 1 :]]
        placed.append(Cross(x, suspect.weight, name, line))
    return tuple(placed)


def name_span(cross: Cross) -> tuple[float, float]:
    """Where a cross's name stands below its arrow, between the lifelines."""
    half = 2.5 * len(cross.name)
    middle = min(max(cross.x, CLIENT_X + half + 4), SERVER_X - half - 4)
    return middle - half, middle + half


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
        if not now[0]:  # an ICMP error changes no state
            continue
        y = arrow.y if row.sender == end else arrow.y + SLANT
        if now != started:
            if started is not None:
                yield _band(end, started, top, y)
            started, top = now, y
    if started is not None:
        yield _band(end, started, top, bottom)


def _band(end: str, now: tuple[str, bool], top: float, bottom: float) -> Band:
    return Band(end, now[0], state(*now), now[1], top, bottom)
