"""One connection as a ladder diagram: SVG, PNG or PDF.

Two lifelines, the client's on the left; beside each the states that end went through, solid when proven and
pale with a broken edge when believed. A repeated segment is dashed; one that was dropped, or never came, ends
in a cross at the side that stopped it. The same flow always gives the same bytes.
"""

from __future__ import annotations

import io
import textwrap
import warnings
from typing import IO, Any, TextIO

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon, Rectangle
from matplotlib.text import Text
from synsight.analysis.result import Analysis, Flow
from synsight.reports import ReportError
from synsight.reports.svg import StyleSheet, standalone, tidied
from synsight.reports.theme import PHASES, light
from synsight.reports.timeline_layout import (
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

_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "synsight",
    "pdf.fonttype": 42,
    "font.family": ["DejaVu Sans"],
    "path.simplify": False,
    "text.parse_math": False,
    "text.usetex": False,
}
_DASHES = {True: (0, (5, 2.2)), False: "solid"}


def write_svg(analysis: Analysis, stream: TextIO, flow_id: str | None = None) -> None:
    """Write the timeline of the worst connection, or of `flow_id`; it follows light and dark mode."""
    sheet = StyleSheet()
    markup = tidied(_rendered(_chosen(analysis, flow_id), FigureCanvasSVG, titled=True), sheet)
    stream.write(standalone(markup, sheet))


def write_png(analysis: Analysis, stream: IO[bytes], flow_id: str | None = None) -> None:
    """Write the timeline as a PNG on white, two pixels a point."""
    stream.write(_rendered(_chosen(analysis, flow_id), FigureCanvasAgg, titled=True))


def write_pdf(analysis: Analysis, stream: IO[bytes], flow_id: str | None = None) -> None:
    """Write the timeline as a PDF of one page."""
    stream.write(_rendered(_chosen(analysis, flow_id), FigureCanvasPdf, titled=True))


def inline_svg(flow: Flow, sheet: StyleSheet, label: str) -> str:
    """The timeline as an `<svg>` for a page that has the theme's variables; its styles go to `sheet`."""
    return tidied(_rendered(flow, FigureCanvasSVG, titled=False), sheet, label)


def _chosen(analysis: Analysis, flow_id: str | None) -> Flow:
    for flow in analysis.flows:
        if flow.ladder and flow_id in (None, flow.id):
            return flow
    if flow_id is None:
        raise ReportError("there is no timeline to draw: no connection in this analysis is shown in full")
    raise ReportError(
        f"there is no timeline to draw for {visible(flow_id)!r}: no such connection is shown in full"
    )


def _rendered(flow: Flow, canvas: Any, titled: bool) -> bytes:
    """The drawing in the canvas's own file format, without dates and versions."""
    nothing = {
        FigureCanvasSVG: ("svg", dict.fromkeys(("Creator", "Date", "Format", "Type"))),
        FigureCanvasAgg: ("png", {"Software": None}),
        FigureCanvasPdf: ("pdf", dict.fromkeys(("Creator", "Producer", "CreationDate"))),
    }
    kind, metadata = nothing[canvas]
    made = io.BytesIO()
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # glyphs that a capture's text has and the font has not
        figure = _Drawing(flow, titled, opaque=canvas is not FigureCanvasSVG).figure
        canvas(figure).print_figure(made, format=kind, dpi=72 if kind == "svg" else 144, metadata=metadata)
    return made.getvalue()


class _Drawing:
    """A figure whose units are points, `y` downwards."""

    def __init__(self, flow: Flow, titled: bool, opaque: bool) -> None:
        summary = sentence(flow.findings[0].summary if flow.findings else flow.outcome)
        verdict = textwrap.wrap(summary, 100, max_lines=3, placeholder=" …") if titled else []
        layout = lay_out(flow, top=(44 + 13 * len(verdict) if titled else 10) + 22)
        self.height = layout.height
        self.figure = Figure(
            figsize=(WIDTH / 72, self.height / 72), facecolor=light("page") if opaque else "none"
        )
        if titled:
            self._title(flow, verdict)
        self._heads(flow, layout)
        for band in layout.bands:
            self._band(band)
        self._lifelines(layout)
        for pause in layout.pauses:
            self._pause(pause)
        for arrow in layout.arrows:
            self._arrow(arrow)
        self._foot(layout)

    def _text(
        self, x: float, y: float, words: str, colour: str = "ink", size: float = 9, **style: Any
    ) -> None:
        across, down = x / WIDTH, 1 - y / self.height
        options = {"ha": "left", "va": "baseline", "parse_math": False, **style}
        self.figure.add_artist(Text(across, down, words, color=light(colour), fontsize=size, **options))

    def _line(self, points: list[tuple[float, float]], colour: str, width: float = 1, **style: Any) -> None:
        xs = [x / WIDTH for x, _ in points]
        ys = [1 - y / self.height for _, y in points]
        self.figure.add_artist(Line2D(xs, ys, color=light(colour), linewidth=width, clip_on=False, **style))

    def _title(self, flow: Flow, verdict: list[str]) -> None:
        self._text(
            14,
            24,
            f"{clipped(str(flow.client), 48)} → {clipped(str(flow.server), 48)}",
            size=12.5,
            weight="bold",
        )
        for index, line in enumerate(verdict):
            self._text(14, 41 + 13 * index, line, "muted", 9.5)

    def _heads(self, flow: Flow, layout: Layout) -> None:
        y = layout.top - 6
        self._text(TIME_X, y, "seconds", "muted", 8.5, ha="right")
        self._text(FRAME_X, y, "frame", "muted", 8.5, ha="right")
        for x, align, end, name in (
            (CLIENT_X - BAND, "left", "client", clipped(str(flow.client), 48)),
            (SERVER_X + BAND, "right", "server", clipped(str(flow.server), 48)),
        ):
            self._text(x, y - 12, end, "muted", 8.5, ha=align)
            self._text(x, y, name, size=9 if len(name) < 36 else 7.5, weight="bold", ha=align)

    def _band(self, band: Band) -> None:
        x = CLIENT_X - BAND if band.end == "client" else SERVER_X
        phase = PHASES.get(band.state, "closed")
        self.figure.add_artist(
            Rectangle(
                (x / WIDTH, 1 - band.bottom / self.height),
                BAND / WIDTH,
                (band.bottom - band.top) / self.height,
                transform=self.figure.transFigure,
                facecolor=to_rgba(light(phase), 1 if band.certain else 0.38),
                edgecolor=light(f"{phase}-edge"),
                linewidth=0.8,
                linestyle="solid" if band.certain else (0, (2.5, 2)),
                clip_on=False,
            )
        )
        self._text(x + BAND / 2, band.top + 11.5, band.label, size=8.5, ha="center")

    def _lifelines(self, layout: Layout) -> None:
        for x in (CLIENT_X, SERVER_X):
            self._line([(x, layout.top), (x, layout.bottom)], "lifeline", 1.6)

    def _pause(self, pause: Pause) -> None:
        """The lifelines broken, with how long nothing was shown."""
        for x in (CLIENT_X, SERVER_X):
            self._line([(x, pause.y - 3), (x, pause.y + 3)], "page", 3)
            for y in (pause.y - 3, pause.y + 3):
                self._line([(x - 5, y + 2), (x + 5, y - 2)], "lifeline", 1.2)
        self._text(
            (CLIENT_X + SERVER_X) / 2, pause.y + 2.5, pause.label, "muted", 8.5, ha="center", style="italic"
        )

    def _arrow(self, arrow: Arrow) -> None:
        row = arrow.row
        came = row.frame is not None
        colour = "lost" if not came else "repeat" if row.repeat else "segment"
        end = self._at(arrow, arrow.to_x)
        style = (0, (1.2, 2.2)) if not came else _DASHES[row.repeat]
        if arrow.last_x != arrow.to_x:
            self._line([end, self._at(arrow, arrow.last_x)], "lifeline", 1, linestyle=(0, (1, 3)))
        self._line([(arrow.from_x, arrow.y), end], colour, 1.3, linestyle=style)
        for cross in arrow.crosses:
            self._cross(*self._at(arrow, cross.x), 2.2 + 2.8 * cross.weight)
        if came and not arrow.crosses:
            self._head(end, 1 if arrow.to_x > arrow.from_x else -1, colour)
        self._text(TIME_X, arrow.y + 3, arrow.time, size=8.5, ha="right")
        if came:
            self._text(FRAME_X, arrow.y + 3, str(row.frame), "muted", 8.5, ha="right")
        self._words(arrow, colour)

    @staticmethod
    def _at(arrow: Arrow, x: float) -> tuple[float, float]:
        """The point at which a segment on its way is at `x`."""
        return x, arrow.y + SLANT / (SERVER_X - CLIENT_X) * abs(x - arrow.from_x)

    def _words(self, arrow: Arrow, colour: str) -> None:
        tint = "ink" if colour == "segment" else colour
        x, size = _clear_of_cross(arrow), 9 if len(arrow.label) <= 40 else 8
        self._text(x, arrow.y - 2.5, arrow.label, tint, size, ha="center", weight="bold")
        below = arrow.y + SLANT + (12.5 if arrow.crosses else 10)
        for cross in arrow.crosses if arrow.names_lines else ():
            x = sum(name_span(cross)) / 2
            self._text(x, below + 11.5 * cross.line, cross.name, "lost", 8, ha="center")
        below += 11.5 * arrow.names_lines
        middle = (CLIENT_X + SERVER_X) / 2
        for index, note in enumerate(arrow.notes):
            self._text(middle, below + 11.5 * index, note, "muted", 8, ha="center")

    def _head(self, tip: tuple[float, float], direction: int, colour: str) -> None:
        x, y = tip
        corners = [(x, y), (x - 7 * direction, y - 3.2), (x - 7 * direction, y + 3)]
        self.figure.add_artist(
            Polygon(
                [(px / WIDTH, 1 - py / self.height) for px, py in corners],
                transform=self.figure.transFigure,
                facecolor=light(colour),
                edgecolor="none",
                clip_on=False,
            )
        )

    def _cross(self, x: float, y: float, arm: float) -> None:
        for rise in (-arm, arm):
            self._line([(x - arm, y - rise), (x + arm, y + rise)], "lost", 0.8 + arm / 3.5)

    def _foot(self, layout: Layout) -> None:
        y = layout.bottom + 18
        if layout.left_out:
            self._text((CLIENT_X + SERVER_X) / 2, y, layout.left_out, size=9, ha="center", weight="bold")
            y += 16
        self._text(
            WIDTH / 2,
            y,
            "solid state: proven · pale state with ?: believed · dashed: sent again · dotted: never came · "
            "cross: where it may have been dropped",
            "muted",
            8,
            ha="center",
        )


def _clear_of_cross(arrow: Arrow) -> float:
    """The middle of what the segment surely travelled; of what it surely did not, if only that has room."""
    goal = SERVER_X if arrow.row.sender == "client" else CLIENT_X
    room = 5.8 * len(arrow.label) + 10
    if not arrow.crosses or room <= abs(arrow.to_x - arrow.from_x) or room > abs(goal - arrow.last_x):
        return (arrow.from_x + arrow.to_x) / 2
    return (arrow.last_x + goal) / 2
