"""A device took the window scale out of the server's SYN-ACK: one end scales windows, the other does not.

Signature
    The client offers window scaling, the SYN-ACK comes without it, and right after it the server's windows
    are less than a sixteenth of the one in its SYN-ACK, though the client has sent less than would explain it
    or never sends more than such a window holds.

Meaning
    The server had agreed to scaling and divides its windows by its factor (65,160 bytes become 509); the
    client, which was not told, takes the small numbers for bytes. Uploads crawl, a few hundred bytes for each
    round trip or timer.

Confused with
    zero-window-stall: a program that does not read closes its window bit by bit, by as much as was sent. A
    server without window scaling keeps its windows as they were: option-strip, if others of its connections
    have it.

Dropped by
    A device between the capture and the server ("TCP normalization", an old firewall). The server itself sent
    the option, or it would not scale.

Next
    Capture at the server: its SYN-ACK carries the window scale.

Authority
    RFC 7323 section 2.2 and 2.3 (both SYNs must carry it, windows of SYNs are never scaled).
"""

from __future__ import annotations

import numpy as np

from ...capture.segment import Option
from ..case import Case, evidence
from ..measures import Step, best_first, capture_at, middlebox
from ..records import Fact
from ..result import Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "wscale-stripped"
PHASE = "established"
ASKS_CLEAN = True

SHRUNK = 16
"""Linux scales by 2^7 or more since its buffers reach 6 MB, others by 2^6 or 2^8; halving is ordinary."""

LEAST_BYTES = 8192
"""Smaller windows in a SYN-ACK are a small buffer, or a proxy that opens slowly."""


def candidates(table: FlowTable) -> np.ndarray:
    """Scaling offered, not answered, and a window much smaller than that of the SYN-ACK."""
    client, server = table.client("syn_options"), table.server("syn_options")
    unanswered = ((client & np.uint16(Option.WSCALE)) != 0) & ((server & np.uint16(Option.WSCALE)) == 0)
    unanswered &= table.has(Fact.HANDSHAKE) & (table.server("zero_window_count") == 0)
    if not unanswered.any():
        return np.asarray(unanswered)
    opening = table.server("syn_window").astype(np.int64)
    shrunk = (opening >= LEAST_BYTES) & (table.server("window_raw").astype(np.int64) * SHRUNK <= opening)
    return np.asarray(unanswered & shrunk)


def judge(case: Case) -> Finding | None:
    """Windows that only make sense when they are scaled."""
    client, server = case.client, case.server
    if server.packets <= server.synack_count or not server.window_raw or server.rst_count:
        return None
    if client.window_raw * SHRUNK <= client.syn_window:
        return None  # the client scales, too: it had another SYN-ACK than the one captured
    explained = client.unique_bytes >= server.syn_window - server.window_raw
    if explained and client.max_payload_bytes > server.syn_window // SHRUNK:
        return None
    suspicion = _suspicion(case)
    return Finding(
        CODE,
        PHASE,
        "warning",
        0.85,
        f"a device took the window scale out of the SYN-ACK of {case.server_end}: the client takes its"
        f" windows for {server.window_raw} bytes",
        suspicion.suspects(),
        evidence(
            (client.syn_frame, client.syn_ns, f"SYN that offers window scaling by 2^{client.wscale - 1}"),
            (server.syn_frame, server.syn_ns, f"SYN-ACK without it, window {server.syn_window}"),
            (
                server.last_frame,
                server.last_ns,
                f"window field {server.window_raw}, after {client.unique_bytes} bytes of the client; its"
                f" longest segment had {client.max_payload_bytes}",
            ),
        ),
        suspicion.ruled_out(),
        next=best_first(
            suspicion.suspects(),
            capture_at(case, "server", "does its SYN-ACK carry the window scale?"),
            middlebox(
                "nft list ruleset | grep 'reset tcp option'",
                "on each firewall between; elsewhere TCP normalization",
            ),
            Step(
                f"ss -tni 'dst {case.client_end.ip}'",
                f"on {case.server_end.ip}: wscale: of what was agreed there",
            ),
        ),
        authority="RFC 7323 section 2.2",
    )


def _suspicion(case: Case) -> Suspicion:
    sides = {"server-network": 0.4, "path": 0.25, "middlebox": 0.1}
    if case.vantage != "middle":
        sides["client-network"] = 0.25
    suspicion = Suspicion(sides)
    if case.vantage == "middle":
        suspicion.rule_out(
            "client-network", "the SYN-ACK passes this capture without the option, on its way to the client"
        )
    suspicion.rule_out("server-app", "its windows are scaled: its kernel sent the option")
    suspicion.rule_out("server-host", "its windows are scaled: it sent the option")
    return suspicion
