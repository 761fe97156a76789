"""One client opens and closes so many connections to one listener that TIME-WAIT uses up its ports.

Signature
    One client address, one listener, and the client closes first. The client's sockets in TIME-WAIT reach
    70 % of the 28,232 ports of Linux's range: counted, or, where the capture is shorter than the 60 s that
    TIME-WAIT lasts, extrapolated from the rate over at least 5 s. Or they fill a range of their own, 50 ports
    or more: nine tenths of it, the later ones in the gaps between the earlier, which only a kernel does that
    finds no others. Ports that are used again within a minute show that the client may do that
    (tcp_tw_reuse), and clear it.

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
from ..scene.grouping import different, group
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


POOL = 50
"""The least that is called a range: fewer may be neighbours by chance."""

FULL_SHARE = 0.9
GAPS_SHARE = 0.3
"""Ports given out in order never fill gaps. Linux takes every other one first, then those between."""


def judge(gathering: Gathering) -> Iterator[tuple[Incident, np.ndarray]]:
    """Each client that wears out its ports at one listener."""
    ends, table = gathering.ends, gathering.table
    closed = (table.client("fin_count") > 0) & (table.server("fin_count") > 0)
    large = ends.listeners.sums(closed) >= POOL
    rows = np.flatnonzero(closed & large[ends.listeners.ids])
    if len(rows) < POOL:
        return
    pairs = group(ends.listeners.ids[rows] * (int(ends.client.max()) + 1) + ends.client[rows])
    for number in np.flatnonzero(np.bincount(pairs.ids) >= POOL).tolist():
        members = rows[pairs.members(number)]
        found = _churn(gathering, members)
        if found is not None:
            yield found, members


def _churn(gathering: Gathering, rows: np.ndarray) -> Incident | None:
    table = gathering.table
    if (table.reused_ns[rows] - table.flows["end_ns"][rows] < TIME_WAIT_NS).any():
        return None
    begun_ns = table.flows["start_ns"][rows]
    span_ns = int(begun_ns.max() - begun_ns.min())
    full = _fills_a_range(table.client_key["port"][rows].astype(np.int64))
    extrapolates = SHORTEST_NS <= span_ns < TIME_WAIT_NS
    most = max(len(rows), len(rows) * TIME_WAIT_NS // span_ns if extrapolates else 0)
    if most < NEAR_SHARE * PORTS and not full:
        return None
    span = stays(table, rows, "client")[State.TIME_WAIT]
    kept, peak = int((span[1] > span[0]).sum()), level(span).peak
    expected = max(peak.count, kept * TIME_WAIT_NS // span_ns if extrapolates else 0)
    full = full and peak.count >= FULL_SHARE * len(rows)
    if expected < NEAR_SHARE * PORTS and not full:
        return None
    return _incident(gathering, rows, span_ns, peak, 0 if full else expected)


def _fills_a_range(ports: np.ndarray) -> bool:
    """Whether ports, in the order of their use, fill a range, and the later ones the gaps in it."""
    distinct = len(different(ports))
    if distinct < POOL or distinct < FULL_SHARE * (int(ports.max()) - int(ports.min()) + 1):
        return False
    turn = np.full(int(ports.max()) - int(ports.min()) + 3, len(ports))
    turn[ports - ports.min() + 1] = np.arange(len(ports))
    own = turn[1:-1]
    between = (turn[:-2] < own) & (turn[2:] < own) & (own < len(ports))
    return bool(between.sum() >= GAPS_SHARE * distinct)


def _incident(gathering: Gathering, rows: np.ndarray, span_ns: int, peak: Peak, expected: int) -> Incident:
    first, last = gathering.case(rows[0]), gathering.case(rows[-1])
    ports = gathering.table.client_key["port"][rows]
    many = f"{peak.count:,} of its sockets stood in TIME-WAIT at once"
    if not expected:
        many += f" and fill every port from {ports.min()} to {ports.max()}"
    elif peak.count < NEAR_SHARE * PORTS:
        many += f", and at this rate {expected:,} will within the 60 s that it lasts"
    room = f"It has {PORTS:,} ports for this destination by default; then" if expected else "Then"
    rate = len(rows) * SECOND / span_ns
    return gathering.incident(
        CODE,
        "warning",
        0.8 if peak.count >= NEAR_SHARE * PORTS else 0.6,
        rows,
        f"{first.client_end.ip} opens {rate:,.0f} connections a second to {first.server_end} and closes them "
        f"first: {many}. {room} connect() fails with EADDRNOTAVAIL, and no packet shows it",
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
