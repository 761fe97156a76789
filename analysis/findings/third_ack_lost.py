"""The ACK that ends the handshake did not reach the server.

Signature
    The server repeats its SYN-ACK at 1, 3, 7... seconds, while the client has acknowledged (seen before the
    loss) or must have (seen behind it: the client does not repeat its SYN, and its first segment comes late
    or is data).

Meaning
    The client believes that it is connected, the server does not yet. The client's data repairs it, because
    it carries the same acknowledgment; a protocol in which the server speaks first waits for the repeat.

Confused with
    accept-queue-ack-drop: the same, but the ACK is visible on the server. tcp-defer-accept: one repeat
    only, late, while the client is silent.

Dropped by
    The way from the client to the server: beyond the tap where the ACK is visible, before it where it is
    not. From anywhere but the server, its full accept queue looks the same.

Next
    A capture on the other end at the same time.

Authority
    RFC 9293 section 3.5; Linux tcp_synack_retries.
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence, seconds
from ..evidence.confirmation import confirmed, overdue, repeated, story
from ..measures import accept_queue, best_first, capture_at
from ..result import Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "third-ack-lost"
PHASE = "handshake"


def candidates(table: FlowTable) -> np.ndarray:
    """A repeated SYN-ACK in a connection that the client acknowledged."""
    return repeated(table)


def judge(case: Case) -> Finding | None:
    """The loss, repaired or not."""
    if case.answers_unseen or story(case) != "ack-lost":
        return None
    client, server, flow = case.client, case.server, case.flow
    suspicion = _suspicion(case)
    times = f" {server.synack_repeat_count} times" if server.synack_repeat_count > 1 else ""
    seen_late = flow.established_ns > server.syn_last_ns
    what = "when does the ACK leave?" if seen_late else "does the ACK arrive?"
    failed = not confirmed(case) and overdue(case)
    end = "and the client's data stays unacknowledged" if failed else "it opened late"
    return Finding(
        CODE,
        PHASE,
        "error" if failed else "warning",
        0.8,
        f"{case.server_end} did not get the ACK of its SYN-ACK and repeated it{times}; {end}",
        suspicion.suspects(),
        evidence(
            (server.syn_frame, server.syn_ns, "SYN-ACK"),
            (flow.established_frame, flow.established_ns, "first segment of the client that acknowledges it"),
            (
                server.syn_last_frame,
                server.syn_last_ns,
                f"SYN-ACK again, {seconds(server.syn_last_ns - server.syn_ns)} after the first",
            ),
            (
                client.data_frame if client.data_frame != flow.established_frame else 0,
                client.data_ns,
                f"the client's first data, {seconds(client.data_ns - server.syn_ns)} after the SYN-ACK",
            ),
        ),
        suspicion.ruled_out(),
        next=best_first(
            suspicion.suspects(),
            capture_at(case, "client" if seen_late else "server", what),
            None if seen_late else accept_queue(case),
        ),
        authority="RFC 9293 section 3.5; ip-sysctl tcp_synack_retries",
    )


def _suspicion(case: Case) -> Suspicion:
    """Beyond the tap where the ACK was seen in time, before it otherwise."""
    if case.flow.established_ns > case.server.syn_last_ns:
        sides = {"path": 1.0, "client-network": 1.0}
        if case.vantage != "middle":
            sides["server-network"] = 1.0
        suspicion = Suspicion(sides)
        suspicion.rule_out("server-host", "the ACK did not come as far as this capture")
        return suspicion
    sides = {"path": 1.0, "server-network": 1.0, "server-host": 0.4, "server-app": 0.3}
    if case.vantage in ("client", "unknown"):
        sides["client-network"] = 0.6
    suspicion = Suspicion(sides)
    suspicion.rule_out("client-host", "its ACK is visible")
    return suspicion
