"""The server closed instead of answering: its program ended, or closed without a word.

Signature
    The client's payload, acknowledged whole, not a byte of payload back, and then the server's FIN first.
    Sure that the program ended when the port, which had accepted before, refuses a connection afterwards. On
    ports that no known service uses it is only told, unless the port refuses: the client may have come to
    deliver.

Meaning
    The kernel of a process that crashes, is killed or runs out of memory closes its sockets as close() would:
    the same FIN. The client reads the end of the stream and no error ("empty reply from server").

Confused with
    A program that closes on purpose without an answer (another protocol than it expects, a limit) sends the
    same bytes. A death between two requests or in the middle of an answer looks like its end: what is missing
    is known to the application only. keepalive-reuse-race: the request came when the server had closed.

Dropped by
    The server's application, or its kernel that killed it. A proxy without a server behind it looks the same.

Next
    Exit status and log of the program at that second; the kernel's log, if it was killed for its memory.

Authority
    RFC 9293 section 3.6 (a FIN says "no more to send", not "done"); exit(2) closes every descriptor.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ..case import Case, evidence, seconds
from ..measures import RECALLED, Step, best_first, log
from ..records import Fact, Known
from ..result import Finding
from ..table import FlowTable
from ..verdict import Suspicion
from .slow_app import ASKED

CODE = "crash-close"
PHASE = "close"
ASKS_CLEAN = True


def candidates(table: FlowTable) -> np.ndarray:
    """Only the client spoke, and the server closed first."""
    asked = (table.client("data_packets") > 0) & (table.server("data_packets") == 0)
    rows = np.flatnonzero(asked & table.has(Fact.HANDSHAKE) & ~table.has(Fact.SIMULTANEOUS_OPEN))
    client, server = partial(table.of, "client", rows), partial(table.of, "server", rows)
    first = (server("fin_count") > 0) & (
        (client("fin_count") == 0) | (client("fin_frame") > server("fin_frame"))
    )
    found = np.zeros(len(table), bool)
    found[rows] = first & (client("data_last_ns") < server("fin_ns"))
    return found


def judge(case: Case) -> Finding | None:
    """The FIN where an answer was due."""
    client, server = case.client, case.server
    if case.answers_unseen or case.scene.traits.filtered or server.unseen_bytes or server.gap_count:
        return None
    if not _acknowledged(case) or (client.rst_count and client.rst_ns < server.fin_ns):
        return None
    refused_ns, serves = _refused_ns(case), case.server_end.port in ASKED
    suspicion = Suspicion({"server-app": 0.85, "server-host": 0.15})
    for side in ("path", "client-network", "server-network", "client-host", "client-app"):
        suspicion.rule_out(side, "the request arrived whole, and the FIN is the server's")
    waited = seconds(server.fin_ns - client.data_last_ns)
    died = f"; {seconds(refused_ns - server.fin_ns)} later nothing listens there" if refused_ns else ""
    return Finding(
        CODE,
        PHASE,
        "error" if refused_ns and serves else "warning" if refused_ns or serves else "info",
        0.8 if refused_ns else 0.55 if serves else 0.4,
        f"{case.server_end} closed {waited} after the request without an answer"
        + (": its program had ended" if refused_ns else ": did its program end?"),
        suspicion.suspects(),
        evidence(
            (
                client.data_last_frame,
                client.data_last_ns,
                "end of the request; the server's kernel acknowledges it",
            ),
            (server.fin_frame, server.fin_ns, f"FIN of the server, and no payload before it{died}"),
        ),
        suspicion.ruled_out(),
        next=best_first(
            suspicion.suspects(),
            log(case, "server", server.fin_ns, "crash, exit or restart? what does it say of this request?"),
            Step(
                "journalctl -k -g 'Out of memory|segfault'",
                f"on {case.server_end.ip}: did the kernel kill it?",
                frozenset({"server-host"}),
                RECALLED,
            ),
        ),
        authority="RFC 9293 section 3.6",
    )


def _acknowledged(case: Case) -> bool:
    """Whether the server's kernel had every payload byte of the client."""
    client = case.client
    end = client.nxt - (1 if client.fin_count else 0)
    return bool(client.known & Known.UNA and ((client.una - end) & 0xFFFFFFFF) < 1 << 31)


def _refused_ns(case: Case) -> int:
    """When the port refused a connection after this one's end; 0 when it did not."""
    if not case.scene.peers.listener(case.index).refused_count:
        return 0
    table = case.scene.table
    rows = table.ends.listeners.members(int(table.ends.listeners.ids[case.index]))
    refused = (table.server("rst_form")[rows] == 1) & (table.server("synack_count")[rows] == 0)
    times = table.server("rst_ns")[rows][refused]
    later = times[times > case.server.fin_ns]
    return int(later.min()) if len(later) else 0
