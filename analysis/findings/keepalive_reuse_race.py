"""The client used a kept connection just when the server closed it for being idle.

Signature
    After an exchange and a pause, a request of the client and a FIN of the server cross on the way: the
    server's FIN does not acknowledge the request, the client had not seen the FIN when it sent, and the
    server answers the request with a RST.

Meaning
    The server's idle timeout is shorter than the client's or the same. Nothing is broken, but the request is
    lost; clients that cannot repeat it report a reset connection, proxies a 502.

Confused with
    rst-no-socket: the client sent long after the FIN, so it should have known. rst-app-abort: no FIN.

Dropped by
    The configuration of the server's application: its idle timeout must be longer than that of whoever keeps
    connections to it.

Next
    Both idle timeouts.

Authority
    RFC 9112 section 9.5: a server closes idle connections at its own time, and the client must expect it.
"""

from __future__ import annotations

import numpy as np

from .. import errnos
from ..case import SECOND, Case, evidence, seconds
from ..evidence.resets import NO_SOCKET, first_reset
from ..measures import Step, best_first
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "keepalive-reuse-race"
PHASE = "close"
SUPERSEDES = ("rst-after-fin", "rst-no-socket", "data-after-close")

IDLE_NS = SECOND
"""Nobody's idle timeout is shorter."""


def candidates(table: FlowTable) -> np.ndarray:
    """A FIN and a RST without ACK of a server that had answered before."""
    server = table.server
    closed = (server("fin_count") > 0) & (server("rst_form") == NO_SOCKET)
    asked = (server("data_packets") > 0) & (table.client("data_last_ns") > server("data_last_ns"))
    return np.asarray(closed & asked & (table.client("fin_count") == 0))


def judge(case: Case) -> Finding | None:
    """The crossing, if neither end can have known of the other's step."""
    client, server = case.client, case.server
    reset = first_reset(case)
    if reset is None or reset.sender != "server" or not reset.untaken_bytes:
        return None
    round_trip_ns = case.round_trip_ns or case.handshake_rtt_ns or 0
    apart_ns = abs(client.data_last_ns - server.fin_ns)
    idle_ns = min(client.data_last_ns, server.fin_ns) - server.data_last_ns
    if apart_ns > round_trip_ns or idle_ns < max(IDLE_NS, 3 * round_trip_ns):
        return None
    suspicion = Suspicion({"server-app": 1.0})
    for side in ("path", "client-host", "server-host"):
        suspicion.rule_out(side, "request and FIN both arrived; they crossed")
    return Finding(
        CODE,
        PHASE,
        "error",
        0.9,
        f"{case.server_end} closed a connection idle for {seconds(idle_ns)} just when the client used it"
        f" again: {reset.untaken_bytes} bytes were lost",
        suspicion.suspects(),
        evidence(
            (server.data_last_frame, server.data_last_ns, "last answer; then nothing"),
            (client.data_last_frame, client.data_last_ns, "the client's next request"),
            (server.fin_frame, server.fin_ns, f"FIN of the server, within {seconds(apart_ns)} of it"),
            (server.rst_frame, server.rst_ns, "RST without ACK: the request met a closed socket"),
        ),
        suspicion.ruled_out(),
        Errno(client=errnos.of_reset(reset)),
        best_first(
            suspicion.suspects(),
            Step(
                f"the idle timeout of the program on port {case.server_end.port} (about {seconds(idle_ns)})",
                f"on {case.server_end.ip}: longer than that of its clients and proxies?",
                frozenset({"server-app"}),
            ),
        ),
        "RFC 9112 section 9.5",
    )
