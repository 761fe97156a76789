"""The analysis as one self-contained page that can be forwarded: no network, no inline styles, no trust.

Every string passes `visible` and then jinja's escaping on its way into the page, whatever the template does.
The Content-Security-Policy allows exactly the one style sheet and the one script in the page, by hash.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, TextIO

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from synsight.analysis.result import Analysis, Finding, Flow, Incident
from synsight.reports import stops, units, wording
from synsight.reports.remarks import remarks
from synsight.reports.svg import StyleSheet
from synsight.reports.theme import variables

_LINE = (
    "client-app",
    "client-host",
    "client-network",
    "path",
    "server-network",
    "server-host",
    "server-app",
)
_TAPS = {"client": ("client-host",), "server": ("server-host",), "middle": ("path",), "both": _LINE[1:6:4]}
_LISTED = 100
_INCIDENTS = 50


@dataclass(frozen=True, slots=True)
class Station:
    """One side in the picture of who dropped it."""

    side: str
    weight: float  # 0 when not suspected
    ruled_out: bool
    tapped: bool  # a capture was taken here
    bar: str  # the class that draws the weight


def write(analysis: Analysis, stream: TextIO, timelines: int = 10) -> None:
    """Write the page, with the first `timelines` connections in full and the next hundred in a list."""
    sheet = StyleSheet()
    full = _full(analysis)[:timelines]
    rest = _full(analysis)[timelines:]
    drawings = [_drawing(flow, sheet) if flow.ladder else None for flow in full]
    worst = analysis.incidents[0] if analysis.incidents else None
    told = _told(analysis, worst)
    stations = _stations(analysis, worst, told, sheet)
    bars = {suspect.weight: _bar(suspect.weight, sheet) for suspect in _all_suspects(analysis, full)}
    script = _resource("report.js")
    style = "\n" + _themed() + _resource("report.css") + sheet.css()
    page = _template().stream(
        analysis=analysis,
        remarks=remarks(analysis.captures),
        incidents=analysis.incidents[:_INCIDENTS],
        worst=worst,
        all_clear=wording.is_all_clear(analysis),
        told=told,
        stations=stations,
        bars=bars,
        full=full,
        listed=rest[:_LISTED],
        left_out=len(rest[_LISTED:]) + analysis.flows_left_out_count,
        anchors={flow.id: f"connection-{number}" for number, flow in reversed([*enumerate(full, 1)])},
        drawings=drawings,
        style=Markup(style),
        script=Markup(script),
        policy=_policy(style, script),
    )
    page.dump(stream)


def _full(analysis: Analysis) -> list[Flow]:
    """The connections that there is something to tell about."""
    return [flow for flow in analysis.flows if flow.findings or flow.ladder]


def _told(analysis: Analysis, incident: Incident | None) -> Finding | None:
    """The finding of an incident's worst connection, which has the evidence and what to run next."""
    if incident is None:
        return None
    by_id = {flow.id: flow for flow in analysis.flows}
    for name in incident.flow_ids:
        for finding in by_id[name].findings if name in by_id else ():
            if finding.code == incident.code:
                return finding
    return None


def _stations(
    analysis: Analysis, incident: Incident | None, told: Finding | None, sheet: StyleSheet
) -> list[Station]:
    """The seven sides from client to server, then those suspects that are not on the line."""
    if incident is None or not incident.suspects:
        return []
    weights = {suspect.side: suspect.weight for suspect in incident.suspects}
    ruled_out = {each.side for each in told.ruled_out} if told else set()
    taps = {side for facts in analysis.captures for side in _TAPS.get(facts.vantage.side, ())}
    return [
        Station(
            side, weights.get(side, 0.0), side in ruled_out, side in taps, _bar(weights.get(side, 0.0), sheet)
        )
        for side in (*_LINE, *(side for side in weights if side not in _LINE))
    ]


def _all_suspects(analysis: Analysis, flows: Iterable[Flow]) -> Iterable[Any]:
    for incident in analysis.incidents:
        yield from incident.suspects
    for flow in flows:
        for finding in flow.findings:
            yield from finding.suspects


def _bar(weight: float, sheet: StyleSheet) -> str:
    """The class of a bar that is as long as a weight; CSS draws it."""
    return sheet.name(f"--weight:{weight:.3f}")


def _drawing(flow: Flow, sheet: StyleSheet) -> Markup:
    from synsight.reports.timeline import (
        inline_svg,
    )  # matplotlib takes 0.4 s to import: only when there is a drawing

    label = f"Timeline of {wording.clipped(str(flow.client), 60)} to {wording.clipped(str(flow.server), 60)}"
    return Markup(inline_svg(flow, sheet, label))


def _template() -> Any:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup | int) else wording.visible(str(value)),
    )
    environment.globals.update(units=units, wording=wording, stops=stops)
    return environment.from_string(_resource("report.html"))


def _resource(name: str) -> str:
    return files("synsight.reports").joinpath(name).read_text(encoding="utf-8")


def _themed() -> str:
    """The theme's variables for the screen, light and dark, and for paper."""
    return (
        f":root{{color-scheme:light dark;{variables('light')}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{variables('dark')}}}}}\n"
    )


def _policy(style: str, script: str) -> str:
    """Nothing may be loaded from anywhere, and only what is in this page may run or style it."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
