"""Snapshots made by hand, for what is drawn and written of them."""

from __future__ import annotations

from dataclasses import replace

from synsight.analysis.result import Endpoint, Suspect, Vantage
from synsight.analysis.snapshot import (
    Counters,
    Failure,
    IncidentEvent,
    LiveIncident,
    Newest,
    Snapshot,
    Traffic,
)

START_NS = 1_795_230_245_000_000_000
"""2026-11-21 03:04:05 UTC."""

SUSPECTS = (Suspect("server-app", 0.85), Suspect("server-host", 0.15))

REFUSED = LiveIncident(
    1,
    "port-closed",
    "error",
    Endpoint("10.0.0.5", 3306),
    12,
    417,
    2,
    START_NS,
    START_NS + 9_000_000_000,
    SUSPECTS,
    0.95,
    "10.0.0.5:3306 refused the connection: nothing listens on port 3306, or a firewall rejects it",
    Newest(
        "10.0.0.1:40000-10.0.0.5:3306", 1204, START_NS + 9_000_000_000, "RST, seq 0, acknowledges the SYN"
    ),
    ("ss -ltn 'sport = :3306'",),
)

OPENED = IncidentEvent("opened", START_NS, "", replace(REFUSED, flows_count=1, clients_count=1))

FAILURE = Failure(
    "10.0.0.1:40000-10.0.0.5:3306",
    Endpoint("10.0.0.1", 40000),
    Endpoint("10.0.0.5", 3306),
    "port-closed",
    SUSPECTS,
    REFUSED.summary,
    START_NS + 9_000_000_000,
)

COUNTERS = Counters(
    1_204,
    (("completed", 780), ("open", 7), ("refused", 417)),
    31,
    (("port-closed", "server-app", 419),),
    2,
    300,
    0,
    (1_000, 1_000_000),
    (700, 786, 787),
    2_500_000,
    5,
)

SNAPSHOT = Snapshot(
    START_NS + 10_000_000_000,
    Vantage("server", 0.93, ()),
    (("ESTABLISHED", 7, 6), ("TIME-WAIT", 3, 0)),
    900,
    0,
    COUNTERS,
    (REFUSED,),
    (FAILURE,),
    (OPENED,),
)

TRAFFIC = Traffic("eth0", START_NS, 10_000_000_000, 12_048, 1_204.5, 0, 0)
