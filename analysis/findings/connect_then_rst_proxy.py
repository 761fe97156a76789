"""A proxy accepted the client, could not reach the server behind it, and ended the client's connection.

Signature
    A connection opens and its server ends it (RST or FIN) without a byte of payload; and the same capture
    shows the address of that server open a connection of its own meanwhile, which was refused, answered with
    an ICMP error or not at all, just before.

Meaning
    A proxy or load balancer accepts before it knows whether a server is there; so does a program that needs
    another service for its answer. To the client it looks as if the server had accepted and then thrown it
    out.

Confused with
    rst-app-abort, crash-close, accept-queue-rst: the same bytes, seen where the proxy's other leg is not
    captured: the client cannot tell a proxy without a server from a program that does not want it.

Dropped by
    A refused leg: the program that should listen behind the proxy. Silence or an ICMP error: the network
    there. The other leg's own finding says more.

Next
    The proxy's list of servers and their health; the finding of the other leg.

Authority
    RFC 9293 section 3.10.5; RFC 9110 section 15.6.3 (what an HTTP proxy says instead: 502).
"""

from __future__ import annotations

import numpy as np

from ..case import MS, SECOND, Case, evidence, seconds
from ..measures import RECALLED, Step, best_first, log
from ..records import Fact
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "connect-then-rst-proxy"
PHASE = "established"
ASKS_CLEAN = True
SUPERSEDES = (
    "rst-app-abort", "crash-close", "accept-queue-rst", "rst-instead-of-fin", "close-with-unread",
)  # fmt: skip

SOON_NS = 200 * MS
"""A proxy passes a failure on at once; longer, and the two may have nothing to do with each other."""

WAITS_NS = SECOND
"""A kernel repeats its SYN after a second (RFC 6298 section 2.1): until then a silent leg still waits."""

BEFORE_NS = 5 * MS
"""A proxy may begin with its own leg when the client's SYN arrives, shortly before this capture sees it."""


def candidates(table: FlowTable) -> np.ndarray:
    """Ended by a server that said nothing and whose address, as a client, got no answer to a SYN."""
    server = table.server
    mute = (server("data_packets") == 0) & ((server("rst_count") > 0) | (server("fin_count") > 0))
    mask = np.asarray(mute & table.has(Fact.HANDSHAKE))
    if mask.any():
        failed = (table.client("syn_count") > 0) & (server("synack_count") == 0)
        mask &= np.isin(table.ends.server, table.ends.client[failed])
    return mask


def judge(case: Case) -> Finding | None:
    """The end, and the leg behind it that failed just before."""
    client, server = case.client, case.server
    ended = [(at, frame, how) for at, frame, how in (
        (server.rst_ns, server.rst_frame, "RST"), (server.fin_ns, server.fin_frame, "FIN")
    ) if at]  # fmt: skip
    ended_ns, frame, how = min(ended)
    if any(0 < at < ended_ns for at in (client.fin_ns, client.rst_ns)) or server.unseen_bytes:
        return None
    leg = _failed_leg(case, ended_ns)
    if leg is None:
        return None
    behind = leg.server_end
    refused = leg.server.rst_count > 0
    suspicion = Suspicion(
        {"server-app": 0.6, "server-network": 0.25, "server-host": 0.15}
        if refused
        else {"server-network": 0.6, "server-host": 0.25, "server-app": 0.15}
    )
    for side in ("client-app", "client-host", "client-network", "path"):
        suspicion.rule_out(side, "the connection opened, and what failed lies behind its server")
    failed_ns, failed_frame, fate = _failure(leg)
    return Finding(
        CODE,
        PHASE,
        "error",
        0.85,
        f"{case.server_end} accepted the client, could not reach {behind} behind it ({fate}) and ended the"
        f" client's connection with {how}",
        suspicion.suspects(),
        evidence(
            (leg.client.syn_frame, leg.client.syn_ns, f"SYN of {case.server_end.ip} to {behind}"),
            (failed_frame, failed_ns, f"{behind}: {fate}"),
            (
                frame,
                ended_ns,
                f"{how} to the client, {seconds(ended_ns - max(failed_ns, leg.client.syn_ns))} later",
            ),
        ),
        suspicion.ruled_out(),
        Errno(client="ECONNRESET") if how == "RST" else Errno(),
        best_first(
            suspicion.suspects(),
            Step(
                f"ss -ltn 'sport = :{behind.port}'",
                f"on {behind.ip}: does anything listen there?",
                frozenset({"server-app"}),
                RECALLED,
            ),
            log(case, "server", ended_ns, "which servers does the proxy know, and which are healthy?"),
        ),
        "RFC 9293 section 3.10.5",
    )


def _failed_leg(case: Case, ended_ns: int) -> Case | None:
    """The last connection attempt of this server's address that had failed just before it ended this one."""
    table = case.scene.table
    place = table.ends.server[case.index]
    begun = table.client("syn_ns")
    rows = np.flatnonzero(
        (table.ends.client == place)
        & (table.client("syn_count") > 0)
        & (table.server("synack_count") == 0)
        & (begun >= case.client.syn_ns - BEFORE_NS)
        & (begun <= ended_ns)
    )
    for row in rows[np.argsort(begun[rows])][::-1].tolist():
        leg = Case.of(case.scene, int(row))
        failed_ns, _, _ = _failure(leg)
        told = leg.server.rst_count or leg.flow.icmp_count
        waits_ns = 0 if told else WAITS_NS + 2 * (leg.client.syn_last_ns - leg.client.syn_ns)
        if failed_ns <= ended_ns <= failed_ns + waits_ns + SOON_NS:
            return leg
    return None


def _failure(leg: Case) -> tuple[int, int, str]:
    """(when, frame, what) became of the proxy's own attempt."""
    if leg.server.rst_count:
        return leg.server.rst_ns, leg.server.rst_frame, "refused with RST"
    if leg.flow.icmp_count:
        return leg.flow.icmp_ns, leg.flow.icmp_frame, "an ICMP error"
    return leg.client.syn_last_ns, leg.client.syn_last_frame, "no answer"
