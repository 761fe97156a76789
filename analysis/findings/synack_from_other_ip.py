"""The SYN-ACK came from another address than the SYN went to.

Signature
    A SYN without an answer from its address, and from another address on the same port a SYN-ACK to the same
    client port that acknowledges exactly this SYN.

Meaning
    The SYN was redirected (destination translation, a load balancer, a virtual address), and the answer takes
    a way on which nobody translates it back. The client's kernel knows no connection with that address and
    resets it.

Confused with
    syn-unanswered, as long as one looks at the connection alone. client-rst-after-synack: the right address.

Dropped by
    The server's network or host: missing translation of the answer, direct server return without the virtual
    address, a reply sent from the wrong interface. Where both addresses show on the server itself: its host.

Next
    The translation entry, and the way that the answer takes.

Authority
    RFC 9293 section 3.10.7.1: a segment without a connection is answered with RST.
"""

from __future__ import annotations

import numpy as np

from ...capture.segment import address_text
from .. import errnos
from ..case import Case, evidence
from ..evidence.silence import unanswered
from ..measures import best_first, capture_at, middlebox, route
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "synack-from-other-ip"
PHASE = "handshake"
SUPERSEDES = ("syn-unanswered", "handshake-truncated", "accept-queue-syn-drop")


def candidates(table: FlowTable) -> np.ndarray:
    """SYNs and nothing back from their address, in a capture that has SYN-ACKs without a SYN."""
    waiting = unanswered(table)
    return waiting if _answers(table).size else np.zeros(len(table), bool)


def _answers(table: FlowTable) -> np.ndarray:
    """Numbers of the connections that begin with a SYN-ACK."""
    return np.flatnonzero((table.server("synack_count") > 0) & (table.client("syn_count") == 0))


def judge(case: Case) -> Finding | None:
    """The answer from elsewhere."""
    found = _answer(case)
    if found is None:
        return None
    table, client = case.scene.table, case.client
    key = table.server_key[found]
    other_ip = address_text(int(key["hi"]), int(key["lo"]))
    rst_frame, rst_ns = int(table.client("rst_frame")[found]), int(table.client("rst_ns")[found])
    suspicion = Suspicion({"server-network": 0.5, "server-host": 0.5})
    if case.vantage in ("server", "both"):
        suspicion.rule_out(
            "server-network", "both addresses are visible in this capture, taken on the server"
        )
    for side in ("path", "server-app", "client-host"):
        suspicion.rule_out(side, "the SYN arrived and was answered")
    return Finding(
        CODE,
        PHASE,
        "error",
        0.95,
        f"the SYN to {case.server_end} was answered by {other_ip}: the client does not know that address",
        suspicion.suspects(),
        evidence(
            (client.syn_frame, client.syn_ns, f"SYN to {case.server_end}, {client.syn_count} in all"),
            (
                int(table.server("syn_frame")[found]),
                int(table.server("syn_ns")[found]),
                f"SYN-ACK from {other_ip}, acknowledges this SYN",
            ),
            (rst_frame, rst_ns, "the client resets it"),
        ),
        suspicion.ruled_out(),
        Errno(client=errnos.attempt(case).errno),
        best_first(
            suspicion.suspects(),
            capture_at(case, "server", "which address do SYN and SYN-ACK have there?"),
            route(case, "server", "does the answer go back through the device that translated the SYN?"),
            middlebox(f"conntrack -L -p tcp -s {case.client_end.ip}", "on the device that translates"),
        ),
        "RFC 9293 section 3.10.7.1",
    )


def _answer(case: Case) -> int | None:
    """Number of the connection that is the answer."""
    table = case.scene.table
    if CODE not in table.worked_out:
        table.worked_out[CODE] = _answers(table)
    rows = table.worked_out[CODE]
    ack = np.uint32((case.client.iss + 1) & 0xFFFFFFFF)
    wanted = (table.server("ack_last")[rows] == ack) & (
        table.server("syn_last_ns")[rows] >= case.client.syn_ns
    )
    for row in rows[wanted].tolist():
        client, server = table.client_key[row], table.server_key[row]
        mine = table.client_key[case.index]
        same = (client["hi"], client["lo"], client["port"]) == (mine["hi"], mine["lo"], mine["port"])
        if same and int(server["port"]) == case.server_end.port:
            return int(row)
    return None
