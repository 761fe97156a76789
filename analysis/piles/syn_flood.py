"""A flood of SYNs from sources that never go on: a SYN flood.

Signature
    At one listener 100 SYNs or more within a second that are never completed. Hardly any source (under a
    tenth) repeats its SYN although a second and more has passed, and under a tenth of the connections begun
    in that time open.

Meaning
    Sources that do not exist, or do not want a connection, fill the queue of half-open connections. Linux
    then answers with SYN cookies (tcp_syncookies 1) and goes on serving; without them new clients wait.

Confused with
    Many real clients at once: they repeat their SYN after a second. port-scan: one source, many ports.
    syn-recv-pile: the clients repeat.

Dropped by
    Nobody drops anything: the sources never answer. Spoofed addresses do not say where they come from.

Next
    The counters of SYN cookies; where the packets come in (MAC address, interface, TTL).

Authority
    RFC 4987; ip-sysctl tcp_syncookies, tcp_max_syn_backlog.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..case import SECOND, evidence
from ..result import Incident
from ..states import State
from ..table import FlowTable
from ..verdict import Suspicion
from .gathering import Gathering, count

CODE = "syn-flood"
PHASE = "handshake"
ABSORBS = ("synack-unacked", "syn-unanswered")
RATE = 100
"""SYNs in one second, the least that is called a flood; no queue of half-open connections is shorter than "
"128."""

FEW_SHARE = 0.1
"""Of clients that want the connection nearly all repeat; of served ones nearly all open."""

SPOOFED = Suspicion({"client-host": 0.5, "client-network": 0.5})
"""Who sends in the name of others is a host somewhere on the clients' side, or what lets it through."""

UNANSWERED = Suspicion({"client-host": 0.5, "server-network": 0.25, "server-host": 0.25})
"""Where nothing is answered at all, these may be clients of little patience, and their SYNs are dropped."""

ACK_NS = SECOND // 2
"""The ACK of a SYN-ACK takes a round trip; of so many sources not all are behind a satellite."""

OVERDUE_NS = 1_500_000_000
"""By then a client that wants its connection has repeated the SYN (RFC 6298 section 2: after 1 s)."""


def judge(gathering: Gathering) -> Iterator[tuple[Incident, np.ndarray]]:
    """Each listener under a flood."""
    table = gathering.table
    lonely = (table.client("syn_count") > 0) & (table.flows["established_ns"] == 0)
    lonely &= (table.server("rst_count") == 0) & (table.flows["icmp_count"] == 0)
    if not gathering.reliable or lonely.sum() < RATE:
        return
    listeners = gathering.ends.listeners
    for number in np.flatnonzero(listeners.sums(lonely) >= RATE).tolist():
        everyone = listeners.members(number)
        found = _flood(gathering, everyone, everyone[lonely[everyone]])
        if found is not None:
            yield found


def _late(table: FlowTable, rows: np.ndarray) -> np.ndarray:
    """Those that a client which wants its connection would have gone on with by the end of the capture."""
    answered = table.server("synack_count")[rows] > 0
    since_ns = np.where(answered, table.server("syn_ns")[rows], table.client("syn_ns")[rows])
    return rows[table.end_ns - since_ns >= np.where(answered, ACK_NS, OVERDUE_NS)]


def _flood(
    gathering: Gathering, everyone: np.ndarray, rows: np.ndarray
) -> tuple[Incident, np.ndarray] | None:
    table = gathering.table
    late = _late(table, rows)
    if len(late) < RATE // 2:
        return None
    at_ns = np.sort(table.client("syn_ns")[rows])
    rates = np.searchsorted(at_ns, at_ns + SECOND) - np.arange(len(at_ns))
    peak_rate, peak_ns = int(rates.max()), int(at_ns[rates.argmax()])
    during = (table.flows["start_ns"][everyone] >= at_ns[0]) & (
        table.flows["start_ns"][everyone] <= at_ns[-1]
    )
    opened = float((table.flows["established_ns"][everyone][during] > 0).mean())
    repeated = float((table.client("syn_count")[late] > 1).mean())
    if peak_rate < RATE or opened >= FEW_SHARE or repeated >= FEW_SHARE:
        return None
    return _incident(gathering, everyone, rows, peak_rate, peak_ns, repeated), rows


def _incident(
    gathering: Gathering,
    everyone: np.ndarray,
    rows: np.ndarray,
    peak_rate: int,
    peak_ns: int,
    repeated: float,
) -> Incident:
    table, end = gathering.table, gathering.listener(rows[0])
    first = gathering.case(rows[0]).client
    last = gathering.case(rows[-1]).client
    sources = gathering.clients_count(rows)
    before = int((table.flows["start_ns"][everyone] < first.syn_ns).sum())
    answered = int((table.server("synack_count")[rows] > 0).sum())
    hurt = int(((table.client("syn_count")[rows] > 1) & (table.server("packets")[rows] == 0)).sum())
    peak = gathering.peak(everyone, "server", State.SYN_RECEIVED)
    suffering = f"; {count(hurt, 'client')} that did repeat got no answer" if hurt else ""
    return gathering.incident(
        CODE,
        "error" if hurt else "warning",
        0.9 if answered else 0.6,
        rows,
        f"SYN flood on {end}: {count(len(rows), 'SYN')} from {count(sources, 'source')} that never go on, up "
        "to "
        f"{peak_rate:,} in one second, {gathering.into(peak_ns)}; {answered:,} were answered{suffering}",
        suspects=(SPOOFED if answered else UNANSWERED).suspects(),
        evidence=evidence(
            (
                first.syn_frame,
                first.syn_ns,
                f"first SYN of the flood; {count(before, 'connection')} to the port before",
            ),
            (last.syn_frame, last.syn_ns, f"last one; {repeated:.0%} of the sources repeat their SYN"),
        ),
        next=(
            f"nstat -az TcpExtSyncookiesSent TcpExtTCPReqQFullDrop TcpExtListenDrops    # on {end.ip}",
            f"ss -tn state syn-recv 'sport = :{end.port}' | wc -l    # on {end.ip}",
            f"sysctl net.ipv4.tcp_syncookies net.ipv4.tcp_max_syn_backlog    # on {end.ip}",
        ),
        authority="RFC 4987; ip-sysctl tcp_syncookies",
        peak=peak,
    )
