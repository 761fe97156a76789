"""A client, or the NAT before it, has used every port of its pool, and takes them again within a minute.

Signature
    One client address, one listener. Twenty ports or more carry a second connection within 60 s of the end of
    the first, and the ports in use fill nine tenths of their range, at least 50.

Meaning
    The pool of ports for this destination is used up: ip_local_port_range of the host, or a NAT's ports
    for many hosts behind one address. A port that comes back while the other side still holds TIME-WAIT
    meets a challenge ACK, a silence of a second, or succeeds by its higher sequence number; where no port
    is left, connect() fails with EADDRNOTAVAIL, or the NAT drops the SYN.

Confused with
    A client that always binds one port. time-wait-churn: there ports are not used again.

Dropped by
    The client's host or the NAT (too small a pool), or the program that opens so many connections.

Next
    The range of ports, and who shares it.

Authority
    RFC 6056 (selection of ports), RFC 7857 section 3.1 (a NAT's pool); ip-sysctl ip_local_port_range.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..case import SECOND, TIME_WAIT_NS, evidence, seconds
from ..result import Errno, Incident
from ..scene.grouping import different
from ..verdict import Suspicion
from .gathering import Gathering, count

CODE = "port-exhaustion"
PHASE = "handshake"
ABSORBS = ()
REUSES = 20
"""One port that comes back early may be bound by hand; twenty are chosen by the kernel or a NAT."""

POOL = 50
"""A range this small may be set on purpose; one any smaller is a program that binds its ports."""

FULL_SHARE = 0.9
"""A port chosen at random hits one in TIME-WAIT only where few are free. Linux first takes every other port,
so that half a range is used before it is used up."""


def judge(gathering: Gathering) -> Iterator[tuple[Incident, np.ndarray]]:
    """Each client whose ports go round at one listener."""
    table, ends = gathering.table, gathering.ends
    again_ns = table.reused_ns - table.flows["end_ns"]
    early = again_ns < TIME_WAIT_NS
    if early.sum() < REUSES:
        return
    reused = np.flatnonzero(early)
    pairs = ends.pairs.ids
    numbers, counts = np.unique(pairs[reused], return_counts=True)
    for number in numbers[counts >= REUSES].tolist():
        rows = ends.pairs.members(number)
        ports = different(table.client_key["port"][rows])
        if len(ports) >= POOL and len(ports) >= FULL_SHARE * (int(ports[-1]) - int(ports[0]) + 1):
            yield _incident(gathering, rows, ports, again_ns), rows


def _incident(gathering: Gathering, rows: np.ndarray, ports: np.ndarray, again_ns: np.ndarray) -> Incident:
    waits_ns = again_ns[rows]
    early = rows[waits_ns < TIME_WAIT_NS]
    soonest = early[again_ns[early].argmin()]
    first, case = gathering.case(rows[0]), gathering.case(soonest)
    span_ns = int(gathering.table.flows["start_ns"][rows[-1]]) - first.flow.start_ns
    rate = len(rows) * SECOND / max(1, span_ns)
    return gathering.incident(
        CODE,
        "warning",
        0.7,
        rows,
        f"{first.client_end.ip} has used every port from {ports[0]} to {ports[-1]} towards "
        f"{first.server_end} and takes "
        f"them again within {seconds(int(again_ns[early].max()))}: {count(len(early), 'port')} came back "
        "before the "
        f"60 s of TIME-WAIT were over, at {rate:,.0f} connections a second",
        suspects=Suspicion({"client-app": 0.4, "client-host": 0.3, "client-network": 0.3}).suspects(),
        evidence=evidence(
            (first.client.syn_frame, first.client.syn_ns, f"first of {count(len(rows), 'connection')}"),
            (
                case.flow.last_frame,
                case.flow.end_ns,
                f"port {case.client_end.port} ends a connection and begins another "
                f"{seconds(int(again_ns[soonest]))} later",
            ),
        ),
        errno=Errno(client="EADDRNOTAVAIL"),
        next=(
            f"sysctl net.ipv4.ip_local_port_range    # on {first.client_end.ip}; where that is a NAT, its "
            "port pool",
            f"ss -tan dst {first.server_end.ip} | wc -l    # on {first.client_end.ip}",
        ),
        authority="RFC 6056; RFC 7857 section 3.1; ip-sysctl ip_local_port_range",
    )
