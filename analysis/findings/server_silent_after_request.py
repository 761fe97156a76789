"""The server's kernel took the request, and its application never answered; the client gave up.

Signature
    Payload of the client, all acknowledged, no payload of the server after it, until the client closed or
    reset. Sure when the server did not close in answer either, or the client reset; when the server closed at
    once, only if the client had waited for a round time, as timeouts are (5, 10, 15, 30, 60...
    seconds).

Meaning
    The connection and both hosts are fine. The program that should answer is stuck, overloaded, waits for
    something else (a database, another service) or waits for more of the request.

Confused with
    slow-app: the answer came. rto-backoff-dead: the request was not acknowledged. Protocols in which the
    client only delivers (logs, metrics): the server reads the end and closes at once, at no round time.

Dropped by
    The server's application. What answers for it (a load balancer) may hide another; and the client's
    patience may be shorter than anybody promised.

Next
    A stack or thread dump of the server's program while it hangs; the server's own requests to others at that
    time.

Authority
    RFC 9293 section 3.8 (an acknowledgment says received, not read).
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ..case import MS, SECOND, Case, evidence, seconds
from ..records import Fact, Known
from ..result import Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "server-silent-after-request"
PHASE = "established"
ASKS_CLEAN = True
SUPERSEDES = ("rst-app-abort", "rst-instead-of-fin", "rst-after-fin")

PATIENCE_NS = SECOND
"""Nobody's timeout for an answer is shorter."""

ROUND_S = (5, 10, 15, 20, 30, 45, 60, 90, 100, 120, 180, 300, 600)
"""Timeouts that people configure."""

ROUND_SLACK = 0.02
"""A timeout begins a little before the request is seen and its close is seen a little after: 2 % and 100
ms."""


def candidates(table: FlowTable) -> np.ndarray:
    """A request as the last word, and a client that ended the connection long after it."""
    asked = (table.client("data_packets") > 0) & (table.server("data_last_ns") < table.client("data_last_ns"))
    rows = np.flatnonzero(asked & ~table.has(Fact.MIDSTREAM))
    client = partial(table.of, "client", rows)
    found = np.zeros(len(table), bool)
    found[rows] = np.maximum(client("fin_ns"), client("rst_ns")) - client("data_last_ns") >= PATIENCE_NS
    return found


def judge(case: Case) -> Finding | None:
    """An acknowledged request, silence, and the client's end of it."""
    client, server = case.client, case.server
    ended = [at for at in (client.fin_ns, client.rst_ns) if at]
    if not ended or case.answers_unseen or client.keepalive_pending or server.zero_since_ns:
        return None
    if not server.packets or server.unseen_bytes:  # the capture shows no answers, or missed some
        return None
    waited_ns = min(ended) - client.data_last_ns
    closed_first = (server.fin_count and server.fin_ns < min(ended)) or (
        server.rst_count and server.rst_ns < min(ended)
    )
    if waited_ns < PATIENCE_NS or closed_first or not _acknowledged(case):
        return None
    stuck = not server.fin_count or bool(client.rst_count and client.rst_ns == min(ended))
    if not stuck and not is_round(waited_ns):
        return None
    first = not server.data_packets  # a server that has answered before may owe nothing to a last word
    sure = stuck and first
    suspicion = Suspicion(
        {"server-app": 0.9, "client-app": 0.1} if sure else {"server-app": 0.7, "nobody": 0.3}
    )
    for side in ("client-host", "client-network", "path", "server-network", "server-host"):
        suspicion.rule_out(side, "the server's kernel acknowledged the whole request")
    how, frame = ("FIN", client.fin_frame) if client.fin_ns == min(ended) else ("RST", client.rst_frame)
    return Finding(
        CODE,
        PHASE,
        "error" if sure else "warning",
        0.9 if sure else 0.65,
        f"{case.server_end} took the request and never answered: the client gave up after"
        f" {seconds(waited_ns)}",
        suspicion.suspects(),
        evidence(
            (
                client.data_last_frame,
                client.data_last_ns,
                f"end of the request, acknowledged; {client.unique_bytes} bytes of the client in all",
            ),
            (frame, min(ended), f"{how} of the client, {seconds(waited_ns)} later"),
        ),
        suspicion.ruled_out(),
        next=(
            f"ss -tnp 'sport = :{case.server_end.port}'    # on {case.server_end.ip}: Recv-Q: was it read?",
            f"jstack, py-spy dump or gdb -p    # on {case.server_end.ip}: what does the program wait for?",
        ),
        authority="RFC 9293 section 3.8",
    )


def _acknowledged(case: Case) -> bool:
    """Whether every payload byte of the client was acknowledged."""
    client = case.client
    end = client.nxt - (1 if client.fin_count else 0)
    return bool(client.known & Known.UNA and ((client.una - end) & 0xFFFFFFFF) < 1 << 31)


def is_round(waited_ns: int) -> bool:
    """Whether it is a timeout that somebody configured."""
    return any(
        -ROUND_SLACK * whole * SECOND <= waited_ns - whole * SECOND <= ROUND_SLACK * whole * SECOND + 100 * MS
        for whole in ROUND_S
    )


def missing(case: Case) -> tuple[str, str]:
    """The answer."""
    return ("server", "no answer")
