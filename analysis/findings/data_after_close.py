"""The client closed, the server knew and still sent data, and the client's host answered it with a reset.

Signature
    The client's FIN, acknowledged by the server; data from the server after that; a RST without ACK from
    the client, numbered as that data acknowledged, with the client's own TTL, within 60 s of the close.

Meaning
    The client's program called close() for both directions, so no socket was left to take the data, and the
    client's kernel said so. The two programs disagree about who has the last word. The data is lost.

Confused with
    half-close-in-use: the client closed one direction only and acknowledges the data. fin-wait-2-orphan:
    the same bytes more than 60 s later. rst-no-socket: it was the server that had closed, or its process is
    gone.

Dropped by
    The client's program, which closed while the server had something to say.

Next
    Who should close first in this protocol? A client timeout that is shorter than the server's answer looks
    so.

Authority
    RFC 9293 section 3.6.1 (a half-close is not required of an application) and section 3.10.7.1; RFC 2525
    section 2.17.
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence, seconds
from ..evidence.closing import FIN_TIMEOUT_NS, own_reset, stands, untaken_bytes
from ..measures import log
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import certainly

CODE = "data-after-close"
PHASE = "close"
SUPERSEDES = ("rst-after-fin", "rst-no-socket")
PARTING_BYTES = 64
"""A TLS close_notify or a `BYE` before the server's own FIN is lost without harm; more may be missed."""


def candidates(table: FlowTable) -> np.ndarray:
    """The client closed first, then reset; the server's data is younger than its knowledge of the close."""
    return np.asarray(
        (table.client("fin_acked_ns") > 0)
        & (table.client("rst_form") == 2)
        & (table.server("data_last_ns") > table.client("fin_acked_ns"))
        & (table.client("rst_ns") > table.client("fin_ns"))
        & stands(table)
    )


def judge(case: Case) -> Finding | None:
    """The lost data, unless the reset is somebody else's or the close long past."""
    client, server = case.client, case.server
    after_ns = client.rst_ns - client.fin_acked_ns
    if not own_reset(case, "client") or after_ns >= FIN_TIMEOUT_NS:
        return None
    if server.fin_count and server.fin_ns < client.fin_ns:
        return None
    lost_bytes = untaken_bytes(case, "server")
    if not lost_bytes:
        return None
    parting = lost_bytes <= PARTING_BYTES
    harmless = parting and server.fin_count > 0
    address = case.client_end.ip
    return Finding(
        CODE,
        PHASE,
        "info" if harmless else "warning" if parting else "error",
        0.9,
        f"{case.client_end} had closed when {case.server_end} sent more: {lost_bytes} bytes "
        "were refused with a reset",
        () if harmless else certainly("client-app"),
        evidence(
            (client.fin_frame, client.fin_ns, "FIN of the client"),
            (client.fin_acked_frame, client.fin_acked_ns, "the server acknowledges it: it knows"),
            (server.data_last_frame, server.data_last_ns, "last data of the server"),
            (
                client.rst_frame,
                client.rst_ns,
                f"RST without ACK, {seconds(client.rst_ns - client.fin_ns)} after the FIN",
            ),
        ),
        errno=Errno() if harmless or _ignored(case) else Errno(server="EPIPE"),
        next=(
            f"strace -f -e trace=close,shutdown -p PID    # on {address}: does the client "
            "close() where it should shutdown(SHUT_WR)?",
            log(case, "client", client.fin_ns, "did it run out of patience before the server's answer?").text,
        ),
        authority="RFC 9293 section 3.6.1, 3.10.7.1; RFC 2525 section 2.17",
    )


def _ignored(case: Case) -> bool:
    """Whether the server goes on repeating its data: the RST was lost, or no longer fitted its numbers."""
    client, server = case.client, case.server
    return bool(server.edge_count and server.data_last_ns - client.rst_ns > (case.round_trip_ns or 0))
