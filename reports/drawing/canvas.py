"""What a drawing consists of, in points from its top left corner, whatever draws it.

Colours are names of `theme.COLOURS`. `svg.markup` makes an element for a page of a canvas, `raster.printed` a
PNG or PDF.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

Point = tuple[float, float]
Dashes = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """Straight strokes from point to point."""

    points: tuple[Point, ...]
    colour: str
    width: float = 1.0
    dashes: Dashes = ()  # lengths drawn and left out in turn; empty: solid


@dataclass(frozen=True, slots=True)
class Area:
    """A filled polygon."""

    points: tuple[Point, ...]
    colour: str
    edge: str = ""  # colour of its outline; empty: none
    dashes: Dashes = ()  # of the outline
    opacity: float = 1.0  # of the filling
    title: str = ""  # what a reader's pointer is told, where there is one


@dataclass(frozen=True, slots=True)
class Label:
    """One line of text, standing on `y`."""

    x: float
    y: float
    text: str  # hostile: whoever draws it escapes it
    colour: str = "ink"
    size: float = 9.0
    anchor: str = "start"  # start | middle | end: what of it stands at `x`
    bold: bool = False
    italic: bool = False


@dataclass(slots=True)
class Row:
    """Shapes that belong to one row of a table: a reader may point at them."""

    number: int
    top: float
    bottom: float
    shapes: list[Shape] = field(default_factory=list)


Shape = Line | Area | Label | Row


@dataclass(slots=True)
class Canvas:
    """A drawing."""

    width: float
    height: float
    shapes: list[Shape] = field(default_factory=list)
    _rows: list[Row] = field(default_factory=list)

    def line(self, points: Sequence[Point], colour: str, width: float = 1.0, dashes: Dashes = ()) -> None:
        """Strokes from point to point."""
        self._into.append(Line(tuple(points), colour, width, dashes))

    def area(
        self,
        points: Sequence[Point],
        colour: str,
        edge: str = "",
        dashes: Dashes = (),
        opacity: float = 1.0,
        title: str = "",
    ) -> None:
        """A filled polygon."""
        self._into.append(Area(tuple(points), colour, edge, dashes, opacity, title))

    def box(
        self,
        left: float,
        top: float,
        right: float,
        bottom: float,
        colour: str,
        edge: str = "",
        dashes: Dashes = (),
        opacity: float = 1.0,
        title: str = "",
    ) -> None:
        """A filled rectangle."""
        corners = ((left, top), (right, top), (right, bottom), (left, bottom))
        self.area(corners, colour, edge, dashes, opacity, title)

    def label(
        self,
        x: float,
        y: float,
        text: str,
        colour: str = "ink",
        size: float = 9.0,
        anchor: str = "start",
        bold: bool = False,
        italic: bool = False,
    ) -> None:
        """One line of text."""
        self._into.append(Label(x, y, text, colour, size, anchor, bold, italic))

    @contextmanager
    def row(self, number: int, top: float, bottom: float) -> Iterator[None]:
        """What is drawn inside belongs to row `number`, which reaches from `top` to `bottom`."""
        row = Row(number, top, bottom)
        self.shapes.append(row)
        self._rows.append(row)
        try:
            yield
        finally:
            self._rows.pop()

    @property
    def _into(self) -> list[Shape]:
        return self._rows[-1].shapes if self._rows else self.shapes
