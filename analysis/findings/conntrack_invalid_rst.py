"""A segment reached the client with the address of the server behind the translator, and the client reset it.

Signature
    A segment with payload for no connection that the capture knows, which the client answers with RST; its
    numbers and the client's port fit an open connection of the client to another address exactly.

Meaning
    Connections to a virtual address pass an address translator. What its connection tracking calls invalid
    (late, out of the window, or of a connection it has forgotten) it does not translate but may let pass. The
    client knows no such peer and resets, rightly; the RST goes to the real server and kills the connection
    there, while the client still waits at the virtual address.

Confused with
    rst-no-socket: without the connection that it belongs to. synack-from-other-ip: the same while the
    connection opens.

Dropped by
    The translator between client and server: a router, a balancer, or the client's own host in a cluster.

Next
    Drop what connection tracking calls invalid, or be liberal about windows; its counter of invalid ones.

Authority
    RFC 9293 section 3.10.7.1; nf_conntrack-sysctl nf_conntrack_tcp_be_liberal; verified on Linux 6.18.
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence
from ..evidence.resets import NO_SOCKET
from ..measures import best_first, capture_at, middlebox
from ..records import Fact
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "conntrack-invalid-rst"
PHASE = "established"
SUPERSEDES = ("rst-no-socket", "half-open-dead-peer", "nat-timeout-rst")

NEAR_BYTES = 1 << 20
"""The stray segment is the next one of its connection, or within what was under way: about a window."""


def candidates(table: FlowTable) -> np.ndarray:
    """A client that says nothing but RST to a server that speaks in the middle."""
    client = table.client
    only_resets = (client("rst_count") > 0) & (client("packets") == client("rst_count"))
    spoken = (client("rst_form") == NO_SOCKET) & (table.server("data_packets") > 0)
    return np.asarray(table.has(Fact.MIDSTREAM) & only_resets & spoken)


def judge(case: Case) -> Finding | None:
    """The stranger's segment, and the connection that it belongs to."""
    true = _belongs_to(case)
    if true is None:
        return None
    client, server = case.client, case.server
    suspicion = _suspicion(case)
    return Finding(
        CODE,
        PHASE,
        "error",
        0.85,
        f"an answer for the connection to {true.server_end} came untranslated from {case.server_end}: the"
        " client reset it, which ends the connection at the server",
        suspicion.suspects(),
        evidence(
            (true.client.last_frame, true.client.last_ns, f"last segment of the client to {true.server_end}"),
            (
                server.first_frame,
                server.first_ns,
                f"segment of {case.server_end} that continues it: same numbers, same client port",
            ),
            (client.rst_frame, client.rst_ns, "RST of the client, which knows no such peer"),
        ),
        suspicion.ruled_out(),
        Errno(server="ECONNRESET"),
        best_first(
            suspicion.suspects(),
            capture_at(case, "server", "does the RST arrive there, from the client's own address?"),
            middlebox(
                "conntrack -S; sysctl net.netfilter.nf_conntrack_tcp_be_liberal",
                f"on whatever translates {true.server_end}: invalid grows? then drop ct state invalid",
            ),
        ),
        "RFC 9293 section 3.10.7.1; nf_conntrack-sysctl",
    )


def _suspicion(case: Case) -> Suspicion:
    sides = {"server-network": 0.6, "middlebox": 0.25, "path": 0.15}
    if case.vantage != "middle":
        sides |= {"server-network": 0.4, "client-network": 0.25, "client-host": 0.1}
    suspicion = Suspicion(sides)
    suspicion.rule_out("client-app", "its kernel answers a stranger, as it must")
    suspicion.rule_out("server-app", "it answered on the connection that it had")
    if case.vantage == "middle":
        suspicion.rule_out("client-network", "the segment passes this capture untranslated")
    return suspicion


def _belongs_to(case: Case) -> Case | None:
    """The connection of the same client port to another address whose numbers the stray segment continues."""
    table = case.scene.table
    keys, own = table.client_key, table.client_key[case.index]
    alike = (keys["lo"] == own["lo"]) & (keys["port"] == own["port"]) & (keys["hi"] == own["hi"])
    alike &= (table.ends.server != table.ends.server[case.index]) & (table.flows["established_ns"] > 0)
    for row in np.flatnonzero(alike).tolist():
        true = Case.of(case.scene, int(row))
        if true.flow.start_ns < case.flow.start_ns and _continues(case, true):
            return true
    return None


def _continues(case: Case, true: Case) -> bool:
    """Whether the stray segment's numbers are those of that connection, in both directions."""
    first = (case.server.iss + 1) & 0xFFFFFFFF
    ahead = (first - true.server.nxt + NEAR_BYTES) & 0xFFFFFFFF
    acked = (true.client.nxt - case.client.rst_seq) & 0xFFFFFFFF
    return ahead <= 2 * NEAR_BYTES and acked <= NEAR_BYTES
