"""A canvas as SVG that may stand in a page: paths, groups and text, classes for styles, variable colours.

A page whose Content-Security-Policy allows no inline `style` attributes, and that changes its colours with
the reader's dark mode, can show the result. No ids, no links, nothing that loads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from xml.sax.saxutils import escape

from synsight.reports.drawing.canvas import Area, Canvas, Label, Line, Point, Row, Shape
from synsight.reports.drawing.theme import light, variables
from synsight.reports.wording import visible

_FONTS = "system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans','DejaVu Sans',sans-serif"


class StyleSheet:
    """Style declarations, each once, as classes `t0`, `t1`, ... in the order they were met."""

    def __init__(self) -> None:
        self._classes: dict[str, str] = {}

    def name(self, declarations: str) -> str:
        """The class for these declarations."""
        return self._classes.setdefault(declarations, f"t{len(self._classes)}")

    def css(self) -> str:
        """The rules, one a line."""
        return "".join(f".{name}{{{rules}}}\n" for rules, name in self._classes.items())


def markup(canvas: Canvas, sheet: StyleSheet, label: str, kind: str = "timeline") -> str:
    """The drawing as one `<svg>` of class `kind`; `label` says what it shows, its styles go to `sheet`."""
    width, height = _number(canvas.width), _number(canvas.height)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{kind}" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label="{_text(label)}">'
    )
    return head + "".join(_elements(canvas.shapes, canvas.width, sheet)) + "</svg>"


def standalone(element: str, sheet: StyleSheet) -> str:
    """A whole SVG document of one element: its own styles, its own background, light and dark."""
    style = (
        f"<style>\n:root{{{variables('light')}color-scheme:light dark}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{variables('dark')}}}}}\n"
        f".backdrop{{fill:var(--page)}}\n{HIT}{sheet.css()}</style>"
        '<rect class="backdrop" width="100%" height="100%"/>'
    )
    head, tail = element.split(">", 1)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}>{style}{tail}\n'


HIT = ".hit{fill:none;pointer-events:all}\n"
"""The rule for what a pointer may hit of a row besides its strokes."""


def _elements(shapes: Iterable[Shape], width: float, sheet: StyleSheet) -> Iterator[str]:
    for shape in shapes:
        if isinstance(shape, Line):
            yield f'<path class="{sheet.name(_stroke(shape))}" d="{_path(shape.points)}"/>'
        elif isinstance(shape, Area):
            yield _area(shape, sheet)
        elif isinstance(shape, Label):
            place = f'x="{_number(shape.x)}" y="{_number(shape.y)}"'
            yield f'<text class="{sheet.name(_font(shape))}" {place}>{_text(shape.text)}</text>'
        else:
            yield _row(shape, width, sheet)


def _row(row: Row, width: float, sheet: StyleSheet) -> str:
    corners = ((0.0, row.top), (width, row.top), (width, row.bottom), (0.0, row.bottom))
    hit = f'<path class="hit" d="{_path(corners)}z"/>'
    return f'<g data-row="{row.number}">{hit}{"".join(_elements(row.shapes, width, sheet))}</g>'


def _area(area: Area, sheet: StyleSheet) -> str:
    rules = f"fill:{_colour(area.colour)}"
    if area.opacity < 1:
        rules += f";fill-opacity:{_number(area.opacity)}"
    if area.edge:
        rules += f";stroke:{_colour(area.edge)};stroke-width:.8{_dashes(area.dashes)}"
    start = f'<path class="{sheet.name(rules)}" d="{_path(area.points)}z"'
    return f"{start}><title>{_text(area.title)}</title></path>" if area.title else f"{start}/>"


def _stroke(line: Line) -> str:
    return f"fill:none;stroke:{_colour(line.colour)};stroke-width:{_number(line.width)}{_dashes(line.dashes)}"


def _dashes(lengths: Sequence[float]) -> str:
    return f";stroke-dasharray:{','.join(map(_number, lengths))}" if lengths else ""


def _font(label: Label) -> str:
    rules = f"font-family:{_FONTS};font-size:{_number(label.size)}px;fill:{_colour(label.colour)}"
    if label.anchor != "start":
        rules += f";text-anchor:{label.anchor}"
    if label.bold:
        rules += ";font-weight:600"
    if label.italic:
        rules += ";font-style:italic"
    return rules


def _colour(name: str) -> str:
    return f"var(--{name},{light(name)})"


def _path(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{_number(x)} {_number(y)}" for x, y in points)


def _number(value: float) -> str:
    """To a hundredth of a point, without zeros that say nothing."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _text(text: str) -> str:
    """Text for an element or for an attribute between double quotes."""
    return escape(visible(text), {'"': "&quot;"})
