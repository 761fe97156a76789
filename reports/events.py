"""Incidents as they form, one a line: JSON for programs (`jq`, log shippers), or plain words for people.

A JSON line is flat but for endpoints, suspects and the newest evidence; `event_schema.json` beside this file
describes it. `id` names an incident for as long as the run lasts; lines of one id come in order, the first is
`opened` and the last `closed`.
"""

from __future__ import annotations

import json
from typing import Any, TextIO

from rich.text import Text
from synsight.analysis.result import Suspect
from synsight.analysis.snapshot import IncidentEvent, LiveIncident
from synsight.reports import units
from synsight.reports.terminal.page import encodable, in_ascii
from synsight.reports.wording import SEVERITY_MARKS, side, spelled, visible

FORMAT_VERSION = 1

REASONS = {
    "quiet": "nothing new for a while",
    "withdrawn": "taken back",
    "merged": "a larger incident tells it",
    "ended": "the capture ended",
}
"""Why an incident was closed, in words."""


def as_json(event: IncidentEvent) -> str:
    """One event as one line of ASCII JSON, without its line end."""
    text = json.dumps(_plain(event), separators=(",", ":"), allow_nan=False)
    return text.replace("\x7f", "\\u007f")


def write_json(event: IncidentEvent, stream: TextIO) -> None:
    """One event as a line, at once."""
    stream.write(as_json(event) + "\n")
    stream.flush()


def write_words(event: IncidentEvent, stream: TextIO) -> None:
    """One event as a line for people, without colour, at once."""
    line = Text(in_words(event))
    stream.write((line if encodable(stream) else in_ascii(line)).plain + "\n")
    stream.flush()


def in_words(event: IncidentEvent) -> str:
    """`03:04:05 opened #1 ✖ port-closed, 3 connections: … (server application 85 %)`."""
    incident = event.incident
    reason = REASONS.get(event.reason, event.reason)
    parts = [
        units.clock(event.at_ns),
        event.event,
        f"#{incident.id}",
        SEVERITY_MARKS[incident.severity],
        f"{incident.code},",
        f"{units.count(incident.flows_count, 'connection')} to {incident.server}:",
        incident.summary,
    ]
    line = " ".join(parts)
    if incident.suspects:
        line += f" ({suspect_words(incident)})"
    return visible(f"{line}; {reason}" if reason else line)


def suspect_words(incident: LiveIncident, most: int = 2) -> str:
    """`server host 62 %, server network 30 %`: the heaviest ones."""
    return ", ".join(
        f"{side(suspect.side)} {units.percent(suspect.weight)}" for suspect in incident.suspects[:most]
    )


def _plain(event: IncidentEvent) -> dict[str, Any]:
    incident = event.incident
    newest = incident.newest
    return {
        "format_version": FORMAT_VERSION,
        "event": event.event,
        "id": incident.id,
        "at_ns": event.at_ns,
        "reason": _clean(event.reason),
        "code": incident.code,
        "severity": incident.severity,
        "server": {"ip": incident.server.ip, "port": incident.server.port},
        "clients_count": incident.clients_count,
        "clients_at_least": incident.clients_at_least,
        "flows_count": incident.flows_count,
        "withdrawn_count": incident.withdrawn_count,
        "first_ns": incident.first_ns,
        "last_ns": incident.last_ns,
        "suspects": [_suspect(suspect) for suspect in incident.suspects],
        "confidence": incident.confidence,
        "summary": _clean(incident.summary),
        "newest": newest
        and {
            "flow_id": newest.flow_id,
            "frame": newest.frame,
            "at_ns": newest.at_ns,
            "text": _clean(newest.text),
        },
        "next": [_clean(command) for command in incident.next],
    }


def _suspect(suspect: Suspect) -> dict[str, Any]:
    return {"side": suspect.side, "weight": suspect.weight}


def _clean(text: str) -> str:
    """Without lone surrogates, which would make the line unreadable to a strict reader."""
    return "".join(spelled(char) if "\ud800" <= char <= "\udfff" else char for char in text)
