"""One connection as a ladder diagram: SVG, PNG or PDF.

Two lifelines, the client's on the left; beside each the states that end went through, solid when proven and
pale with a broken edge when believed. A repeated segment is dashed; one that was dropped, or never came, ends
in a cross at the side that stopped it; one that somebody else sent begins where that stands. The same flow
always gives the same bytes.
"""

from __future__ import annotations

import textwrap
from typing import IO, TextIO

from synsight.analysis.result import Analysis, Flow
from synsight.reports import ReportError
from synsight.reports.drawing.canvas import Canvas, Dashes
from synsight.reports.drawing.svg import StyleSheet, markup, standalone
from synsight.reports.drawing.theme import PHASES
from synsight.reports.drawing.timeline_layout import (
    BAND,
    CLIENT_X,
    FRAME_X,
    SERVER_X,
    SLANT,
    TIME_X,
    WIDTH,
    Arrow,
    Band,
    Layout,
    Pause,
    lay_out,
    name_span,
)
from synsight.reports.wording import clipped, sentence, visible

_REPEATED: Dashes = (6, 2.6)
_ABSENT: Dashes = (1.5, 2.6)
_BELIEVED: Dashes = (2.5, 2)


def write_svg(analysis: Analysis, stream: TextIO, flow_id: str | None = None) -> None:
    """Write the timeline of the worst connection, or of `flow_id`; it follows light and dark mode."""
    flow, sheet = _chosen(analysis, flow_id), StyleSheet()
    stream.write(standalone(markup(drawn(flow, titled=True), sheet, described(flow)), sheet))


def write_png(analysis: Analysis, stream: IO[bytes], flow_id: str | None = None) -> None:
    """Write the timeline as a PNG on white, two pixels a point."""
    _print(analysis, stream, flow_id, "png")


def write_pdf(analysis: Analysis, stream: IO[bytes], flow_id: str | None = None) -> None:
    """Write the timeline as a PDF of one page."""
    _print(analysis, stream, flow_id, "pdf")


def _print(analysis: Analysis, stream: IO[bytes], flow_id: str | None, kind: str) -> None:
    from synsight.reports.drawing.raster import printed

    stream.write(printed(drawn(_chosen(analysis, flow_id), titled=True), kind))


def inline_svg(flow: Flow, sheet: StyleSheet) -> str:
    """The timeline as an `<svg>` for a page that has the theme's variables; its styles go to `sheet`."""
    return markup(drawn(flow, titled=False), sheet, described(flow))


def described(flow: Flow) -> str:
    """What the picture shows, for who does not see it."""
    return f"Timeline of {clipped(str(flow.client), 60)} to {clipped(str(flow.server), 60)}"


def drawn(flow: Flow, titled: bool) -> Canvas:
    """The ladder of a flow; `titled` puts its ends and its finding above."""
    return _Drawing(flow, titled).canvas


def _chosen(analysis: Analysis, flow_id: str | None) -> Flow:
    for flow in analysis.flows:
        if flow.ladder and flow_id in (None, flow.id):
            return flow
    if flow_id is None:
        raise ReportError("there is no timeline to draw: no connection in this analysis is shown in full")
    raise ReportError(
        f"there is no timeline to draw for {visible(flow_id)!r}: no such connection is shown in full"
    )


class _Drawing:
    """A canvas being drawn on."""

    def __init__(self, flow: Flow, titled: bool) -> None:
        summary = sentence(flow.findings[0].summary if flow.findings else flow.outcome)
        verdict = textwrap.wrap(summary, 100, max_lines=3, placeholder=" …") if titled else []
        layout = lay_out(flow, top=(44 + 13 * len(verdict) if titled else 10) + 22)
        self.canvas = Canvas(WIDTH, layout.height)
        if titled:
            self._title(flow, verdict)
        self._heads(flow, layout)
        for band in layout.bands:
            self._band(band)
        self._lifelines(layout)
        for pause in layout.pauses:
            self._pause(pause)
        for number, arrow in enumerate(layout.arrows):
            with self.canvas.row(number, arrow.top, arrow.bottom):
                self._arrow(arrow)
        self._foot(layout)

    def _title(self, flow: Flow, verdict: list[str]) -> None:
        ends = f"{clipped(str(flow.client), 48)} → {clipped(str(flow.server), 48)}"
        self.canvas.label(14, 24, ends, size=12.5, bold=True)
        for index, line in enumerate(verdict):
            self.canvas.label(14, 41 + 13 * index, line, "muted", 9.5)

    def _heads(self, flow: Flow, layout: Layout) -> None:
        y = layout.top - 6
        self.canvas.label(TIME_X, y, "seconds", "muted", 8.5, "end")
        self.canvas.label(FRAME_X, y, "frame", "muted", 8.5, "end")
        for x, anchor, end, name in (
            (CLIENT_X - BAND, "start", "client", clipped(str(flow.client), 48)),
            (SERVER_X + BAND, "end", "server", clipped(str(flow.server), 48)),
        ):
            self.canvas.label(x, y - 12, end, "muted", 8.5, anchor)
            self.canvas.label(x, y, name, size=9 if len(name) < 36 else 7.5, anchor=anchor, bold=True)

    def _band(self, band: Band) -> None:
        x = CLIENT_X - BAND if band.end == "client" else SERVER_X
        phase = PHASES.get(band.state, "closed")
        self.canvas.box(
            x,
            band.top,
            x + BAND,
            band.bottom,
            phase,
            f"{phase}-edge",
            () if band.certain else _BELIEVED,
            1 if band.certain else 0.38,
        )
        if band.bottom - band.top >= 13:
            self.canvas.label(x + BAND / 2, band.top + 11.5, band.label, size=8.5, anchor="middle")

    def _lifelines(self, layout: Layout) -> None:
        for x in (CLIENT_X, SERVER_X):
            self.canvas.line([(x, layout.top), (x, layout.bottom)], "lifeline", 1.6)

    def _pause(self, pause: Pause) -> None:
        """The lifelines broken, with how long nothing was shown."""
        for x in (CLIENT_X, SERVER_X):
            self.canvas.line([(x, pause.y - 3), (x, pause.y + 3)], "page", 3)
            for y in (pause.y - 3, pause.y + 3):
                self.canvas.line([(x - 5, y + 2), (x + 5, y - 2)], "lifeline", 1.2)
        middle = (CLIENT_X + SERVER_X) / 2
        self.canvas.label(middle, pause.y + 2.5, pause.label, "muted", 8.5, "middle", italic=True)

    def _arrow(self, arrow: Arrow) -> None:
        row = arrow.row
        came = row.frame is not None
        colour = "lost" if not came else "repeat" if row.repeat else "forged" if arrow.origin else "segment"
        end = self._at(arrow, arrow.to_x)
        dashes = _ABSENT if not came else _REPEATED if row.repeat else ()
        if arrow.last_x != arrow.to_x:
            self.canvas.line([end, self._at(arrow, arrow.last_x)], "lifeline", 1, (1, 3))
        self.canvas.line([self._at(arrow, arrow.from_x), end], colour, 1.3, dashes)
        if arrow.origin:
            self._origin(arrow)
        for cross in arrow.crosses:
            self._cross(*self._at(arrow, cross.x), 2.2 + 2.8 * cross.weight)
        if came and not arrow.crosses:
            self._head(end, 1 if arrow.to_x > arrow.from_x else -1, colour)
        self.canvas.label(TIME_X, arrow.y + 3, arrow.time, size=8.5, anchor="end")
        if came:
            self.canvas.label(FRAME_X, arrow.y + 3, str(row.frame), "muted", 8.5, "end")
        self._words(arrow, colour)

    def _origin(self, arrow: Arrow) -> None:
        """A diamond where somebody else than the lifeline's owner sent it."""
        x, y = self._at(arrow, arrow.from_x)
        self.canvas.area([(x - 4, y), (x, y - 4), (x + 4, y), (x, y + 4)], "forged")

    @staticmethod
    def _at(arrow: Arrow, x: float) -> tuple[float, float]:
        """The point at which a segment on its way is at `x`."""
        start = CLIENT_X if arrow.row.sender == "client" else SERVER_X
        return x, arrow.y + SLANT / (SERVER_X - CLIENT_X) * abs(x - start)

    def _words(self, arrow: Arrow, colour: str) -> None:
        tint = "ink" if colour == "segment" else colour
        x, size = _clear_of_cross(arrow), 9 if len(arrow.label) <= 40 else 8
        above = arrow.y - (4 if arrow.origin else 2.5)
        self.canvas.label(x, above, arrow.label, tint, size, "middle", bold=True)
        below = arrow.y + SLANT + (12.5 if arrow.crosses else 10)
        for cross in arrow.crosses if arrow.names_lines else ():
            x = sum(name_span(cross)) / 2
            self.canvas.label(x, below + 11.5 * cross.line, cross.name, "lost", 8, "middle")
        below += 11.5 * arrow.names_lines
        middle = (CLIENT_X + SERVER_X) / 2
        for index, note in enumerate(arrow.notes):
            self.canvas.label(middle, below + 11.5 * index, note, "muted", 8, "middle")

    def _head(self, tip: tuple[float, float], direction: int, colour: str) -> None:
        x, y = tip
        self.canvas.area([(x, y), (x - 7 * direction, y - 3.2), (x - 7 * direction, y + 3)], colour)

    def _cross(self, x: float, y: float, arm: float) -> None:
        for rise in (-arm, arm):
            self.canvas.line([(x - arm, y - rise), (x + arm, y + rise)], "lost", 0.8 + arm / 3.5)

    def _foot(self, layout: Layout) -> None:
        y = layout.bottom + 18
        if layout.left_out:
            middle = (CLIENT_X + SERVER_X) / 2
            self.canvas.label(middle, y, layout.left_out, size=9, anchor="middle", bold=True)
            y += 16
        for line in layout.legend:
            self.canvas.label(WIDTH / 2, y, line, "muted", 8, "middle")
            y += 12


def _clear_of_cross(arrow: Arrow) -> float:
    """The middle of what the segment surely travelled; of what it surely did not, if only that has room."""
    goal = SERVER_X if arrow.row.sender == "client" else CLIENT_X
    room = 5.8 * len(arrow.label) + 10
    if arrow.origin and room > abs(arrow.to_x - arrow.from_x):
        return (CLIENT_X + SERVER_X) / 2
    if not arrow.crosses or room <= abs(arrow.to_x - arrow.from_x) or room > abs(goal - arrow.last_x):
        return (arrow.from_x + arrow.to_x) / 2
    return (arrow.last_x + goal) / 2
