"""The client's program gave up waiting, at a round number of seconds, and the answer came after that.

Signature
    The client closes or resets 5, 10, 15, 30, 60... seconds after its request, which had been acknowledged;
    until then no answer had come. Then it comes, to a closed socket.

Meaning
    What ends the connection is the client's own timeout: the server was slower than the client is patient.
    The server's program sees a client that went away in the middle.

Confused with
    server-silent-after-request: no answer at all; rto-backoff-dead: the request was not acknowledged. A
    client whose timeout cut these short is no suspect there, either. A person gives up at no round time.
    data-after-close, rst-app-abort: the same segments without the wait.

Dropped by
    The server's application, which was slow, unless the client's timeout is unreasonable.

Next
    The server's own timing of this request, and the client's timeout.

Authority
    RFC 9293 section 3.8 (an acknowledgment says received) and section 3.10.5; RFC 9110 section 15.5.9.
"""

from __future__ import annotations

import numpy as np

from .. import errnos
from ..case import MS, Case, evidence, seconds
from ..evidence.resets import LIVE_SOCKET, reset_of
from ..measures import RECALLED, Step, best_first, log
from ..records import Fact
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion
from .server_silent_after_request import PATIENCE_NS, is_round

CODE = "client-timeout-abort"
PHASE = "established"
SUPERSEDES = (
    "rst-app-abort", "rst-instead-of-fin", "rst-after-fin", "data-after-close", "close-with-unread",
    "slow-app", "rst-no-socket",
)  # fmt: skip


def candidates(table: FlowTable) -> np.ndarray:
    """A client that ended the connection long after its last words."""
    client = table.client
    ended = np.where(client("fin_ns") > 0, client("fin_ns"), client("rst_ns"))
    waited = ended - client("data_last_ns")
    first_ns = client("data_ns")
    asked = (client("data_packets") > 0) & (ended > 0) & (ended - first_ns >= PATIENCE_NS)
    late = table.server("data_last_ns") > ended
    return np.asarray(
        asked & ~table.has(Fact.MIDSTREAM) & ((late & (waited >= PATIENCE_NS)) | _unacked(table))
    )


def _unacked(table: FlowTable) -> np.ndarray:
    """Payload of the client was repeated and never acknowledged."""
    return np.asarray((table.client("edge_count") > 0) & (table.client("edge_bytes") > 0))


def judge(case: Case) -> Finding | None:
    """The client's own end of it, at a round time, and nothing until then."""
    client, server = case.client, case.server
    if case.answers_unseen or not server.packets or server.unseen_bytes or server.zero_since_ns:
        return None
    aborted = client.rst_count and client.rst_form == LIVE_SOCKET
    ended = [(at, frame) for at, frame, sent in (
        (client.fin_ns, client.fin_frame, client.fin_count), (client.rst_ns, client.rst_frame, aborted)
    ) if sent]  # fmt: skip
    if not ended:
        return None
    ended_ns, frame = min(ended)
    others = [at for at in (server.fin_ns, server.rst_ns) if at]
    if others and min(others) < ended_ns:
        return None
    how = "FIN" if ended_ns == client.fin_ns and client.fin_count else "RST"
    return _too_late(case, ended_ns, frame, how) if _late(case, ended_ns) else None


def _late(case: Case, ended_ns: int) -> bool:
    """Whether the client ended it at a round time after the request, and the answer came after that."""
    client, server = case.client, case.server
    waited_ns = ended_ns - client.data_last_ns
    first = server.data_ns > ended_ns or server.turn_ms * MS > waited_ns
    return bool(server.data_last_ns > ended_ns and first and is_round(waited_ns))


def _too_late(case: Case, ended_ns: int, frame: int, how: str) -> Finding:
    client, server = case.client, case.server
    waited = seconds(ended_ns - client.data_last_ns)
    suspicion = Suspicion({"server-app": 0.9, "client-app": 0.1})
    for side in ("client-network", "path", "server-network", "server-host"):
        suspicion.rule_out(side, "the request was acknowledged, and the answer arrived, too late")
    reset = reset_of(case, "client")
    answered = server.data_ns > ended_ns
    return Finding(
        CODE,
        PHASE,
        "error",
        0.9,
        f"{case.server_end} answered after the client's timeout: the client gave up after {waited}",
        suspicion.suspects(),
        evidence(
            (client.data_last_frame, client.data_last_ns, "end of the request"),
            (frame, ended_ns, f"{how} of the client, {waited} later: a round time, as timeouts are"),
            (
                server.data_frame if answered else server.data_last_frame,
                server.data_ns if answered else server.data_last_ns,
                "payload of the server, to a client that has closed",
            ),
        ),
        suspicion.ruled_out(),
        Errno(server=errnos.of_reset(reset) if reset else None),
        best_first(
            suspicion.suspects(),
            log(case, "server", client.data_last_ns, "how long did it work on this request, and why?"),
            Step(
                "its configuration",
                f"on {case.client_end.ip}: is its timeout of {waited} meant to be shorter than that?",
                frozenset({"client-app"}),
                RECALLED,
            ),
        ),
        "RFC 9293 section 3.10.5; RFC 9110 section 15.5.9",
    )
