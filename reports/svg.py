"""matplotlib's SVG made fit to stand in a page: classes for styles, variables for colours, no ids.

A page whose Content-Security-Policy allows no inline `style` attributes, and that changes its colours with
the reader's dark mode, can show the result. The drawing is parsed, never searched as text: its labels are
hostile.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from synsight.reports.theme import COLOURS, variables
from synsight.reports.wording import visible

_SVG = "http://www.w3.org/2000/svg"
_FONTS = "system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans','DejaVu Sans',sans-serif"
_NAMES = {pair[0]: name for name, pair in COLOURS.items()}
_KEPT = frozenset({"d", "x", "y", "transform", "viewBox"})


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


def tidied(svg: bytes, sheet: StyleSheet, label: str = "") -> str:
    """The drawing as one `<svg>` element, of paths, groups and text only; `label` says what it shows."""
    root = ElementTree.fromstring(svg)
    made = _element(root, sheet)
    made.set("xmlns", _SVG)
    made.set("class", "timeline")
    if label:
        made.set("role", "img")
        made.set("aria-label", visible(label))
    _, _, width, height = made.get("viewBox", "0 0 0 0").split()
    made.set("width", width)
    made.set("height", height)
    return ElementTree.tostring(made, encoding="unicode", short_empty_elements=True)


def standalone(markup: str, sheet: StyleSheet) -> str:
    """A whole SVG document of a tidied drawing: its own styles, its own background, light and dark."""
    style = (
        f"<style>\n:root{{{variables('light')}color-scheme:light dark}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{variables('dark')}}}}}\n"
        f".backdrop{{fill:var(--page)}}\n{sheet.css()}</style>"
        '<rect class="backdrop" width="100%" height="100%"/>'
    )
    head, tail = markup.split(">", 1)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}>{style}{tail}\n'


def _element(source: ElementTree.Element, sheet: StyleSheet) -> ElementTree.Element:
    tag = source.tag.removeprefix(f"{{{_SVG}}}")
    made = ElementTree.Element(tag, {name: value for name, value in source.attrib.items() if name in _KEPT})
    if "d" in made.attrib:
        made.set("d", " ".join(made.get("d", "").split()))
    if "style" in source.attrib:
        made.set("class", sheet.name(_declarations(source.attrib["style"])))
    if tag == "text":
        made.text = source.text
    for child in source:
        if child.tag in {f"{{{_SVG}}}{name}" for name in ("g", "path", "text")}:
            made.append(_element(child, sheet))
    if tag == "g" and not made.attrib and len(made) == 1:
        return made[0]
    return made


def _declarations(style: str) -> str:
    """Our own colours as variables, our font as the reader's."""
    rules = re.sub(r"#[0-9a-f]{6}", lambda found: _variable(found[0]), style)
    return re.sub(r"\s*([:;,])\s*", r"\1", rules.replace("'DejaVu Sans'", _FONTS)).strip("; ")


def _variable(colour: str) -> str:
    return f"var(--{_NAMES[colour]},{colour})" if colour in _NAMES else colour
