"""The server's application took long to answer; the network did not.

Signature
    A whole request of the client, nothing lost or repeated in either direction, and the next payload of the
    server more than 500 ms and ten round trips after it. Of later requests on a connection that is kept, only
    those of more than 64 bytes count: shorter ones may be a farewell or a window update.

Meaning
    The program thinks, queues or waits for others. A long poll looks the same, and is meant so: only where
    the port answers others quickly is it more than an even guess that something is slow. On ports that no
    known service uses it is only told: the client may not have asked for anything.

Confused with
    server-silent-after-request: no answer at all. Loss: a repeat would be there. A delayed acknowledgment (40
    to 200 ms) is shorter than the threshold.

Dropped by
    Nobody dropped anything; the server's application is slow.

Next
    The application's own timing for this request, and the server's requests to others meanwhile.

Authority
    RFC 9293 section 3.8.6.3 and RFC 1122 section 4.2.3.2 (an acknowledgment is delayed by less than 500 ms).
"""

from __future__ import annotations

import numpy as np

from ..case import MS, Case, evidence, seconds
from ..measures import log
from ..result import Finding
from ..services import service_table
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "slow-app"
PHASE = "established"
ASKS_CLEAN = True

SLOW_NS = 500 * MS
"""No kernel delays an acknowledgment that long, and people notice it."""

SLOW_ROUND_TRIPS = 10
"""Far beyond what queues on the path do to a round trip."""


SURE, UNSURE = 0.75, 0.5
"""Confidence; the higher one where other connections to the port were answered quickly. One slow answer alone
may be how this server answers: a long poll."""

FAREWELL_NS = 100 * MS
"""A server that closes so soon after its words (a close_notify, a GOAWAY) had been idle, not slow."""

TYPED = frozenset({22, 23, 513, 514, 992})
"""ssh, telnet, rlogin, rsh: people type, and answers come when there is something to say."""

ASKED = frozenset(np.flatnonzero(service_table()).tolist()) - TYPED
"""Ports of protocols that answer what they are asked; elsewhere a pause may be part of the conversation."""


def candidates(table: FlowTable) -> np.ndarray:
    """A request, and an answer long after it: the first, or a later one."""
    asked = (table.client("data_packets") > 0) & (table.server("data_packets") > 0)
    waited = table.server("data_ns") - table.client("data_last_ns")
    later = table.server("turn_ms") >= SLOW_NS // MS
    return np.asarray(asked & ((waited >= SLOW_NS) | later))


def _slowest(case: Case) -> tuple[int, int, int]:
    """(wait, when it ended, frame) of the slowest answer."""
    client, server = case.client, case.server
    first_ns = server.data_ns - client.data_last_ns
    if first_ns >= server.turn_ms * MS:
        return first_ns, server.data_ns, server.data_frame
    if server.fin_count and server.fin_ns - server.turn_at_ns < FAREWELL_NS:
        return 0, 0, 0  # what it says while it closes is no answer
    return server.turn_ms * MS, server.turn_at_ns, server.turn_frame


def judge(case: Case) -> Finding | None:
    """A late answer with nothing else to explain it."""
    client, server = case.client, case.server
    waited_ns, answered_ns, answer_frame = _slowest(case)
    troubled = (
        client.resend_count
        + client.fill_count
        + server.fill_count
        + server.gap_count
        + server.zero_window_count
        + client.unseen_bytes
        + server.unseen_bytes
    )
    round_trip_ns = case.round_trip_ns or 0
    if case.server_end.port in TYPED:
        return None
    if waited_ns < SLOW_NS or troubled or case.midstream or case.answers_unseen:
        return None
    if not round_trip_ns or waited_ns < SLOW_ROUND_TRIPS * round_trip_ns:
        return None
    quick_count = _quick_count(case)
    quick = f"; other connections to the port were answered sooner: {quick_count}" if quick_count else ""
    alone = client.data_last_ns < server.data_ns
    which = "the answer" if alone else "an answer on a kept connection, after its request was acknowledged"
    suspicion = Suspicion({"server-app": 1.0})
    suspicion.rule_out("path", f"the round trip takes {seconds(round_trip_ns)}, and nothing was repeated")
    return Finding(
        CODE,
        PHASE,
        "warning" if case.server_end.port in ASKED else "info",
        SURE if quick_count and case.server_end.port in ASKED else UNSURE,
        f"{case.server_end} took {seconds(waited_ns)} to begin its answer",
        suspicion.suspects(),
        evidence(
            (client.data_last_frame if alone else 0, client.data_last_ns, "end of the request"),
            (answer_frame, answered_ns, f"first payload of {which}, {seconds(waited_ns)} later{quick}"),
        ),
        suspicion.ruled_out(),
        next=(
            log(case, "server", answered_ns - waited_ns, "its own timing of the request?").text,
            f"tcpdump -ni any 'src host {case.server_end.ip} and tcp[tcpflags] & tcp-syn != 0'"
            "    # whom does it ask meanwhile?",
        ),
        authority="RFC 1122 section 4.2.3.2",
    )


def _quick_count(case: Case) -> int:
    """How many other connections to the port had the first word of their answer within SLOW_NS."""
    table = case.scene.table
    groups = table.ends.listeners
    if CODE not in table.worked_out:
        waited_ns = table.server("data_ns") - table.client("data_ns")
        asked = (table.client("data_packets") > 0) & (table.server("data_packets") > 0)
        table.worked_out[CODE] = groups.sums(asked & (waited_ns > 0) & (waited_ns < SLOW_NS))
    own = 0 < case.server.data_ns - case.client.data_ns < SLOW_NS  # where a later answer is the slow one
    return int(table.worked_out[CODE][groups.ids[case.index]]) - own
