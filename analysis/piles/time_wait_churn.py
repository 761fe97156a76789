"""One client opens and closes so many connections to one listener that TIME-WAIT uses up its ports.

Signature
    One client address, one listener, and the client closes first. The client's sockets in TIME-WAIT reach
    70 % of the 28,232 ports of Linux's range: counted, or, where the capture is shorter than the 60 s that
    TIME-WAIT lasts, extrapolated from the rate over at least 5 s. Ports that are used again within a minute
    show that the client may do that (tcp_tw_reuse), and clear it.

Meaning
    Each close keeps its local port for 60 s. Beyond 28,232 in that time connect() fails with EADDRNOTAVAIL,
    and no packet shows it: the capture only shows the rate that leads there.

Confused with
    A busy server: where the server closes first, it keeps TIME-WAIT and needs no port for it. Thousands of
    sockets in TIME-WAIT are no fault in themselves.

Dropped by
    The client's program, which opens a connection for each request instead of keeping some.

Next
    `ss -s` on the client; ip_local_port_range; keep-alive or a pool in the program.

Authority
    Linux TCP_TIMEWAIT_LEN 60 s; ip-sysctl ip_local_port_range 32768-60999, tcp_tw_reuse; RFC 9293 section
    3.6.1.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..case import SECOND, TIME_WAIT_NS, evidence, seconds
from ..concurrency import Peak, level, stays
from ..result import Errno, Incident, StatePeak
from ..states import State
from ..verdict import certainly
from .gathering import Gathering

CODE = "time-wait-churn"
PHASE = "close"
ABSORBS = ()
PORTS = 28_232
"""ip_local_port_range, 32768 to 60999: the ports for one destination."""

NEAR_SHARE = 0.7
"""Linux takes every other port first: beyond half, each connect() searches for a free one."""

SHORTEST_NS = 5 * SECOND
"""A rate that lasts less is a burst, and says nothing about a minute."""


def judge(gathering: Gathering) -> Iterator[tuple[Incident, np.ndarray]]:
    """Each client that wears out its ports at one listener."""
    ends, flows = gathering.ends, gathering.table.flows
    needed = int(NEAR_SHARE * PORTS * SHORTEST_NS / TIME_WAIT_NS)
    large = ends.listeners.sums(flows["established_ns"] > 0) >= needed
    rows = np.flatnonzero(large[ends.listeners.ids])
    clients, sizes = np.unique(ends.client[rows], return_counts=True)
    for client in clients[sizes >= needed].tolist():
        mine = rows[ends.client[rows] == client]
        listeners, counts = np.unique(ends.listeners.ids[mine], return_counts=True)
        for listener in listeners[counts >= needed].tolist():
            members = mine[ends.listeners.ids[mine] == listener]
            found = _churn(gathering, members)
            if found is not None:
                yield found, members


def _churn(gathering: Gathering, rows: np.ndarray) -> Incident | None:
    table = gathering.table
    span = stays(table, rows, "client")[State.TIME_WAIT]
    kept, peak = int((span[1] > span[0]).sum()), level(span).peak
    begun_ns = table.flows["start_ns"][rows]
    span_ns = int(begun_ns.max() - begun_ns.min())
    extrapolates = SHORTEST_NS <= span_ns < TIME_WAIT_NS
    expected = max(peak.count, kept * TIME_WAIT_NS // span_ns if extrapolates else 0)
    again = table.reused_ns[rows] - table.flows["end_ns"][rows] < TIME_WAIT_NS
    return (
        None
        if expected < NEAR_SHARE * PORTS or again.any()
        else _incident(gathering, rows, span_ns, peak, expected)
    )


def _incident(gathering: Gathering, rows: np.ndarray, span_ns: int, peak: Peak, expected: int) -> Incident:
    first, last = gathering.case(rows[0]), gathering.case(rows[-1])
    counted = peak.count >= NEAR_SHARE * PORTS
    many = f"{peak.count:,} of its sockets stood in TIME-WAIT at once"
    if not counted:
        many += f", and at this rate {expected:,} will within the 60 s that it lasts"
    rate = len(rows) * SECOND / span_ns
    return gathering.incident(
        CODE,
        "warning",
        0.8 if counted else 0.6,
        rows,
        f"{first.client_end.ip} opens {rate:,.0f} connections a second to {first.server_end} and closes them "
        "first: "
        f"{many}. It has {PORTS:,} ports for this destination by default; then connect() fails and no packet "
        "shows it",
        suspects=certainly("client-app"),
        evidence=evidence(
            (
                first.client.syn_frame,
                first.client.syn_ns,
                f"first of {len(rows):,} connections in {seconds(span_ns)}",
            ),
            (last.client.syn_frame, last.client.syn_ns, "last one"),
        ),
        errno=Errno(client="EADDRNOTAVAIL"),
        next=(
            f"ss -tan state time-wait dst {first.server_end.ip} | wc -l    # on {first.client_end.ip}",
            f"sysctl net.ipv4.ip_local_port_range net.ipv4.tcp_tw_reuse    # on {first.client_end.ip}",
        ),
        authority="Linux TCP_TIMEWAIT_LEN; ip-sysctl ip_local_port_range",
        peak=StatePeak("client", State.TIME_WAIT.text, peak.count, peak.at_ns),
    )
