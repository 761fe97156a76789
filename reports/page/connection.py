"""One connection in full, as the page shows it: words, ladder, plot, and how to find it in Wireshark."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup
from synsight.analysis.result import Analysis, Endpoint, Flow
from synsight.reports import units
from synsight.reports.drawing import plot
from synsight.reports.drawing.svg import StyleSheet, markup
from synsight.reports.drawing.timeline import described, inline_svg

_OPEN = 3
"""Connections that stand open when the page is opened."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A connection, and its drawings where it has any."""

    flow: Flow
    number: int  # from 1
    ladder: Markup | None
    plot: Markup | None
    plot_words: str  # how to read the plot
    filter: str  # a Wireshark display filter; empty when its addresses were replaced

    @property
    def anchor(self) -> str:
        """What a link to it points at."""
        return f"connection-{self.number}"

    @property
    def open(self) -> bool:
        """Whether it is shown without being asked for."""
        return self.number <= _OPEN


def shown_in_full(analysis: Analysis, most: int, sheet: StyleSheet) -> list[Shown]:
    """The worst connections that there is something to tell about; styles of drawings go to `sheet`."""
    worth = [flow for flow in analysis.flows if flow.findings or flow.ladder]
    return [_shown(flow, number, sheet, analysis.redacted) for number, flow in enumerate(worth[:most], 1)]


def _shown(flow: Flow, number: int, sheet: StyleSheet, redacted: bool) -> Shown:
    ladder = Markup(inline_svg(flow, sheet)) if flow.ladder else None
    canvas = plot.drawn(flow)
    drawn = Markup(markup(canvas, sheet, f"States over time, {described(flow)}", "plot")) if canvas else None
    return Shown(flow, number, ladder, drawn, plot_words(flow), "" if redacted else display_filter(flow))


def plot_words(flow: Flow) -> str:
    """How to read the plot of a flow."""
    words = "Solid: proven; pale with a broken edge: believed."
    if flow.trace is None or not plot.directions(flow):
        return words
    words += (
        " Strokes are segments from first to last byte, wedges mark what was sent again; the solid stair is "
        "what the other end had acknowledged, the dashed one the end of its window where that was near."
    )
    if flow.trace.left_out_count:
        words += f" {units.count(flow.trace.left_out_count, 'segment')} of this long connection not drawn."
    return words


def display_filter(flow: Flow) -> str:
    """A Wireshark display filter for the connection; by frames, too, when its ports were used again."""
    parts = [_address(flow.client), _address(flow.server)]
    parts += [f"tcp.port == {flow.client.port}", f"tcp.port == {flow.server.port}"]
    if "#" in flow.id:
        parts += [f"frame.number >= {flow.first_frame}", f"frame.number <= {flow.last_frame}"]
    return " && ".join(parts)


def _address(end: Endpoint) -> str:
    return f"{'ipv6' if ':' in end.ip else 'ip'}.addr == {end.ip}"
