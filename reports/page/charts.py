"""The charts over the whole capture, each with its legend and the same numbers as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from synsight.analysis.result import Analysis, HandshakeTimes, Series, StatesOverTime
from synsight.reports import units
from synsight.reports.drawing import charts as drawn
from synsight.reports.drawing.canvas import Canvas
from synsight.reports.drawing.svg import StyleSheet, markup
from synsight.reports.drawing.theme import OUTCOMES, PHASES
from synsight.reports.wording import clipped

_SERVERS = 8
_LEAST_CONNECTIONS = 2  # one has its own timeline


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart."""

    title: str
    about: str  # one sentence: what it shows
    drawing: Markup
    legend: tuple[tuple[str, str], ...]  # (class of the swatch, words)
    heads: tuple[str, ...]  # of the table
    rows: tuple[tuple[str, ...], ...]


def charts(analysis: Analysis, sheet: StyleSheet) -> list[Chart]:
    """What there is to draw of an analysis, at most ten charts; styles of drawings go to `sheet`."""
    series = analysis.series
    if series is None or analysis.totals.flows_count < _LEAST_CONNECTIONS:
        return []
    made = [_connections(series, sheet)]
    if series.handshakes.syn_to_synack.count:
        made.append(_handshakes(series.handshakes, sheet))
    made += [_states(series, told, sheet) for told in series.states_over_time[:_SERVERS]]
    return made


def _connections(series: Series, sheet: StyleSheet) -> Chart:
    shown = [name for name in OUTCOMES if name in series.opened]
    sums = {name: sum(series.opened[name]) for name in shown}
    rows = [
        (_when(series, number), *(units.count(count) for count in counts))
        for number, counts in enumerate(zip(*(series.opened[name] for name in shown), strict=True))
        if any(counts)
    ]
    return Chart(
        "Connections",
        "When they began, and how they ended.",
        _svg(drawn.connections(series), sheet, "Connections over time"),
        tuple((f"fill-{OUTCOMES[name]}", f"{units.count(count)} {name}") for name, count in sums.items()),
        ("From, UTC", *shown),
        tuple(rows),
    )


def _handshakes(times: HandshakeTimes, sheet: StyleSheet) -> Chart:
    pairs = zip(times.syn_to_synack.counts, times.synack_to_ack.counts, strict=True)
    rows = [
        (drawn.between(times.bounds_us, number), *map(units.count, counts))
        for number, counts in enumerate(pairs)
        if any(counts)
    ]
    return Chart(
        "Handshake times",
        "How long the two answers of a handshake took, on a logarithmic scale; repeated SYNs included.",
        _svg(drawn.handshakes(times), sheet, "Handshake times"),
        (),
        ("Took", "SYN to SYN-ACK", "SYN-ACK to ACK"),
        tuple(rows),
    )


def _states(series: Series, told: StatesOverTime, sheet: StyleSheet) -> Chart:
    names = [name for name in PHASES if any(told.peak_counts.get(name, ()))]
    columns: Sequence[tuple[int, ...]] = [told.peak_counts[name] for name in names]
    rows = [
        (_when(series, number), *map(units.count, counts))
        for number, counts in enumerate(zip(*columns, strict=True))
        if any(counts)
    ]
    server = clipped(str(told.server), 60)
    title = f"Sockets of {server}" if told.side == "server" else f"Sockets of the clients of {server}"
    return Chart(
        title,
        "How many at once in each state, as netstat would have counted them; every strip has its own scale.",
        _svg(drawn.states(series, told), sheet, f"{title} in each state over time"),
        (),
        ("From, UTC", *names),
        tuple(rows),
    )


def _svg(canvas: Canvas, sheet: StyleSheet, label: str) -> Markup:
    return Markup(markup(canvas, sheet, label, "chart"))


def _when(series: Series, number: int) -> str:
    return units.instant(series.start_ns + number * series.bin_ns)
