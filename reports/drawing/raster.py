"""A canvas as PNG or PDF, by matplotlib, which takes 0.4 s to import: import this only to draw.

The same canvas always gives the same bytes: no dates, no versions.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.text import Text
from synsight.reports.drawing.canvas import Area, Canvas, Label, Line, Point, Row, Shape
from synsight.reports.drawing.theme import light

_SETTINGS: dict[Any, Any] = {
    "pdf.fonttype": 42,
    "font.family": ["DejaVu Sans"],
    "path.simplify": False,
    "text.parse_math": False,
    "text.usetex": False,
}
_KINDS: dict[str, tuple[Any, dict[str, str | None]]] = {
    "png": (FigureCanvasAgg, {"Software": None}),
    "pdf": (FigureCanvasPdf, dict.fromkeys(("Creator", "Producer", "CreationDate"))),
}
_ANCHORS = {"start": "left", "middle": "center", "end": "right"}
_PIXELS = 144
"""An inch of a PNG: two for each point."""


def printed(canvas: Canvas, kind: str) -> bytes:
    """The drawing on white as `png` or `pdf`."""
    backend, metadata = _KINDS[kind]
    made = io.BytesIO()
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # glyphs that a capture's text has and the font has not
        figure = Figure(figsize=(canvas.width / 72, canvas.height / 72), facecolor=light("page"))
        for artist in _artists(canvas.shapes, canvas):
            figure.add_artist(artist)
        backend(figure).print_figure(made, format=kind, dpi=_PIXELS, metadata=metadata)
    return made.getvalue()


def _artists(shapes: Iterable[Shape], canvas: Canvas) -> Iterable[Any]:
    for shape in shapes:
        if isinstance(shape, Row):
            yield from _artists(shape.shapes, canvas)
        elif isinstance(shape, Line):
            xs, ys = zip(*(_place(point, canvas) for point in shape.points), strict=True)
            style: Any = (0, shape.dashes) if shape.dashes else "solid"
            yield Line2D(
                xs, ys, color=light(shape.colour), linewidth=shape.width, linestyle=style, clip_on=False
            )
        elif isinstance(shape, Area):
            yield _polygon(shape, canvas)
        else:
            yield _words(shape, canvas)


def _polygon(area: Area, canvas: Canvas) -> Polygon:
    return Polygon(
        [_place(point, canvas) for point in area.points],
        facecolor=to_rgba(light(area.colour), area.opacity),
        edgecolor=light(area.edge) if area.edge else "none",
        linewidth=0.8,
        linestyle=(0, area.dashes) if area.dashes else "solid",
        clip_on=False,
    )


def _words(label: Label, canvas: Canvas) -> Text:
    across, down = _place((label.x, label.y), canvas)
    return Text(
        across,
        down,
        label.text,
        color=light(label.colour),
        fontsize=label.size,
        ha=_ANCHORS[label.anchor],
        va="baseline",
        weight="bold" if label.bold else "normal",
        style="italic" if label.italic else "normal",
        parse_math=False,
    )


def _place(point: Point, canvas: Canvas) -> Point:
    """In a figure's own measure: shares of its width and height, from the bottom left corner."""
    return point[0] / canvas.width, 1 - point[1] / canvas.height
