"""A capture in progress on a terminal: what comes in, what stands, what fails; drawn anew at every look.

`lines` lays out one look; `LiveView` puts it on the terminal's alternate screen, which leaves what was there
before untouched. Nothing here knows the time, or counts.
"""

from __future__ import annotations

from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text
from synsight.analysis.snapshot import Counters, Failure, LiveIncident, Snapshot, Traffic
from synsight.reports import units
from synsight.reports.events import suspect_words
from synsight.reports.terminal.page import encodable, in_ascii
from synsight.reports.wording import SEVERITY_MARKS, SIDES, side, vantage, visible

_STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}
_LABEL_CELLS = 13
_CODE_CELLS = 26
_FAILURES_LEAST = 4
_FOOTER = "Ctrl-C ends the capture and prints the report."


def lines(snapshot: Snapshot, traffic: Traffic, width: int, height: int) -> list[Text]:
    """One look, at most `height` lines of at most `width` cells."""
    head = _head(snapshot, traffic, width)
    room = height - len(head) - 5  # two headings, blank lines around them, the footer
    failures = min(len(snapshot.failures), max(_FAILURES_LEAST, room - _wanted(snapshot.incidents)), room)
    incidents = _incidents(snapshot.incidents, room - max(failures, 1), width)
    shown = [
        *head,
        Text(""),
        _heading("Incidents", _more(len(snapshot.incidents), incidents.count)),
        *incidents.lines,
        Text(""),
        _heading("Last failed connections", ""),
        *[_failure(each, width) for each in snapshot.failures[: max(failures, 0)]],
    ]
    if not snapshot.failures:
        shown.append(Text("  none", style="dim"))
    footer = Text(_FOOTER, style="dim")
    shown = shown[: height - 1]
    shown += [Text("")] * (height - 1 - len(shown))
    for line in (*shown, footer):
        line.truncate(width, overflow="ellipsis")
    return [*shown, footer]


def _head(snapshot: Snapshot, traffic: Traffic, width: int) -> list[Text]:
    """Where, how long, how much; what is open; how everything ended."""
    title = Text.assemble(("synsight", "bold"), "  ", (visible(traffic.source), "bold"))
    title.append(f"  {_elapsed(traffic)}", style="dim")
    title.append(f"  {_taken(snapshot)}", style="dim")
    flow = Text(_label("packets"))
    flow.append(f"{units.count(traffic.packets_count)}", style="bold")
    flow.append(f"  {units.count(round(traffic.packets_per_s))}/s  ")
    flow.append_text(_drops(traffic))
    head = [title, flow, *_recording(traffic), *_states(snapshot)]
    return [*head, *_counted(snapshot, width)]


def _elapsed(traffic: Traffic) -> str:
    seconds = traffic.elapsed_ns // 1_000_000_000
    return f"{seconds // 3600:d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _taken(snapshot: Snapshot) -> str:
    where = snapshot.vantage
    if where.side == "unknown":
        return vantage(where.side)
    return f"{vantage(where.side)} ({units.percent(where.confidence)})"


def _drops(traffic: Traffic) -> Text:
    lost = traffic.kernel_dropped_count + traffic.interface_dropped_count
    if not lost:
        return Text("none dropped", style="dim")
    text = Text("", style="bold yellow")
    text.append(
        f"▲ dropped: {units.count(traffic.kernel_dropped_count)} by the kernel, "
        f"{units.count(traffic.interface_dropped_count)} by the interface"
    )
    return text


def _recording(traffic: Traffic) -> list[Text]:
    return [Text(_label("recording") + visible(traffic.recorded))] if traffic.recorded else []


def _states(snapshot: Snapshot) -> list[Text]:
    """Open connections by the state of each end."""
    told = []
    clients = {state: number for state, number, _ in snapshot.states if number}
    servers = {state: number for state, _, number in snapshot.states if number}
    for name, held in (("clients", clients), ("servers", servers)):
        line = Text(_label(name))
        for state, number in held.items():
            line.append(f"{state} ", style="dim")
            line.append(f"{units.count(number)}  ", style="bold")
        if not held:
            line.append("no open connections", style="dim")
        told.append(line)
    return told


def _counted(snapshot: Snapshot, width: int) -> list[Text]:
    counters = snapshot.counters
    line = Text(_label("connections"))
    line.append(units.count(counters.flows_count), style="bold")
    for outcome, number in counters.by_outcome:
        line.append(f"  {visible(outcome)} ", style="dim")
        line.append(units.count(number))
    told = [line]
    remarks = _remarks(snapshot, counters)
    if remarks:
        told.append(Text(_label("") + "; ".join(remarks), style="dim"))
    return told


def _remarks(snapshot: Snapshot, counters: Counters) -> list[str]:
    """What qualifies the numbers."""
    found = [units.count(counters.retransmissions_count, "retransmission")]
    if counters.withdrawn_count:
        found.append(f"{units.count(counters.withdrawn_count, 'verdict')} taken back")
    if snapshot.unjudged_count:
        found.append(f"{units.count(snapshot.unjudged_count, 'connection')} wait to be judged")
    if counters.evicted_flows_count:
        found.append(f"{units.count(counters.evicted_flows_count, 'connection')} forgotten to bound memory")
    return found


def _label(text: str) -> str:
    return f"{text:<{_LABEL_CELLS}}"


def _heading(title: str, more: str) -> Text:
    text = Text(title, style="bold underline")
    return Text.assemble(text, (f"  {more}", "dim")) if more else text


def _more(all_count: int, shown_count: int) -> str:
    return f"{units.count(all_count - shown_count)} more not shown" if all_count > shown_count else ""


class _Shown:
    """Lines, and how many incidents they tell."""

    def __init__(self, lines: list[Text], count: int) -> None:
        self.lines = lines
        self.count = count


def _wanted(incidents: tuple[LiveIncident, ...]) -> int:
    return 3 * len(incidents)


def _incidents(incidents: tuple[LiveIncident, ...], room: int, width: int) -> _Shown:
    """As many as there is room for; in three lines each if all fit that way, else in two, else in one."""
    if not incidents:
        return _Shown([Text("  none", style="dim")], 0)
    each = next((size for size in (3, 2) if size * len(incidents) <= room), 2 if room >= 6 else 1)
    count = min(len(incidents), max(room // each, 1))
    told = [line for incident in incidents[:count] for line in _incident(incident, width)[:each]]
    return _Shown(told, count)


def _incident(incident: LiveIncident, width: int) -> list[Text]:
    """What and how many; who; the newest evidence."""
    head = Text.assemble(
        (f"{SEVERITY_MARKS[incident.severity]} ", _STYLES[incident.severity]),
        (f"{visible(incident.code):<{_CODE_CELLS}}", _STYLES[incident.severity]),
        (visible(str(incident.server)), "bold"),
    )
    head.append(f"  {units.count(incident.flows_count, 'connection')}")
    if incident.clients_count > 1:
        clients = units.count(incident.clients_count, "client", at_least=incident.clients_at_least)
        head.append(f" from {clients}")
    if incident.withdrawn_count:
        head.append(f", {units.count(incident.withdrawn_count)} taken back", style="dim")
    who = Text.assemble("  ", (suspect_words(incident) or SIDES["nobody"], "bold"))
    who.append(f"  {visible(incident.summary)}", style="dim")
    newest = Text("  ")
    if incident.newest is not None:
        newest.append(f"{units.clock(incident.newest.at_ns)}  frame {incident.newest.frame}  ")
        newest.append(visible(incident.newest.text), style="dim")
    return [head, who, newest]


def _failure(failure: Failure, width: int) -> Text:
    """When, which, why, whose side."""
    line = Text(f"{units.clock(failure.at_ns)}  ", style="dim")
    line.append(f"{visible(str(failure.client))} → {visible(str(failure.server))}  ")
    line.append(f"{visible(failure.code)}", style="bold red")
    if failure.suspects:
        heaviest = failure.suspects[0]
        line.append(f"  {side(heaviest.side)} {units.percent(heaviest.weight)}")
    return line


class LiveView:
    """One view on a terminal, for the length of a with-block."""

    def __init__(self, stream: TextIO, colour: bool) -> None:
        self._console = Console(
            file=stream, no_color=not colour, force_terminal=True, markup=False, highlight=False, emoji=False
        )
        self._plain = not encodable(stream)
        self._live = Live(console=self._console, screen=True, auto_refresh=False, transient=True)

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, snapshot: Snapshot, traffic: Traffic) -> None:
        """Draw one look, as large as the terminal is now."""
        width, height = self._console.size
        drawn = lines(snapshot, traffic, width, height)
        if self._plain:
            drawn = [in_ascii(line)[:width] for line in drawn]
        for line in drawn:
            line.no_wrap = True
        self._live.update(Group(*drawn), refresh=True)
