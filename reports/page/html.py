"""The analysis as one self-contained page that can be forwarded: no network, no inline styles, no trust.

Every string passes `visible` and then jinja's escaping on its way into the page, whatever the template does.
The Content-Security-Policy allows exactly the one style sheet and the one script in the page, by hash.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import Any, TextIO

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup
from synsight.analysis.result import SEVERITIES, Analysis
from synsight.reports import units, wording
from synsight.reports.drawing import stops
from synsight.reports.drawing.svg import HIT, StyleSheet
from synsight.reports.drawing.theme import variables
from synsight.reports.page import listing as page_list
from synsight.reports.page.blame import bar_of, stations, told
from synsight.reports.page.charts import charts
from synsight.reports.page.connection import shown_in_full
from synsight.reports.remarks import remarks
from synsight.reports.shell_lines import parts

TIMELINES = 10
_LISTED = 100
"""Rows of the list of connections that are there without the script, too."""

_INCIDENTS = 200
_SCRIPTS = ("page.js", "tables.js", "ladders.js")


def write(analysis: Analysis, stream: TextIO, timelines: int = TIMELINES) -> None:
    """Write the page, with the first `timelines` connections in full and every one in a list."""
    sheet = StyleSheet()
    connections = shown_in_full(analysis, timelines, sheet)
    drawings = charts(analysis, sheet)
    rows = page_list.rows(analysis) if len(analysis.flows) > len(connections) else []
    worst = analysis.incidents[0] if analysis.incidents else None
    finding = told(analysis, worst)
    script = "\n" + "".join(map(_resource, _SCRIPTS))
    style = f"\n{_themed()}{_resource('page.css')}{HIT}{_weights()}{sheet.css()}"
    page = _template().stream(
        analysis=analysis,
        remarks=remarks(analysis.captures),
        incidents=analysis.incidents[:_INCIDENTS],
        worst=worst,
        all_clear=wording.is_all_clear(analysis),
        told=finding,
        stations=stations(analysis, worst, finding),
        series=analysis.series,
        charts=drawings,
        connections=connections,
        scope=_scope(analysis, len(connections)),
        anchors={each.flow.id: each.anchor for each in reversed(connections)},
        heads=page_list.HEADS,
        listed=rows[:_LISTED],
        rows_count=len(rows),
        rows=Markup(page_list.encoded(rows)),
        style=Markup(style),
        script=Markup(script),
        policy=_policy(style, script),
    )
    page.dump(stream)


def _scope(analysis: Analysis, shown_count: int) -> str:
    """What of all connections the section shows."""
    if len(analysis.flows) == shown_count and not analysis.flows_left_out_count:
        return "Worst first."
    every = units.count(len(analysis.flows))
    return f"The worst {units.count(shown_count)} in full, then all {every} in a list."


def _weights() -> str:
    """A class for every weight that a bar or a column can have, in percent."""
    return "".join(f".w{percent}{{--weight:{percent / 100}}}\n" for percent in range(101))


def _template() -> Any:
    environment = Environment(
        loader=FunctionLoader(_resource),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup | int) else wording.visible(str(value)),
    )
    environment.globals.update(units=units, wording=wording, stops=stops)
    environment.globals.update(severities=SEVERITIES, bar=bar_of, parts=parts)
    return environment.get_template("page.html")


def _resource(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


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
