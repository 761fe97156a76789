"""A device on the way had forgotten the idle connection and reset it in the name of the other end.

Signature
    After a pause, a segment of one end is answered with a RST without ACK, numbered as that segment
    acknowledged, whose TTL is that of a device nearer than the other end, which had always used the same TTL.

Meaning
    A stateful firewall, address translator or load balancer keeps a connection only for so long without
    traffic (seconds to hours; 350 s and 240 s at large clouds). What comes later belongs to nothing it knows.
    The other end still believes that the connection is open.

Confused with
    rst-no-socket and half-open-dead-peer: the same bytes with the end's own TTL. rst-injected: no pause, and
    other contradictions.

Dropped by
    The device, in the network of the end that its TTL puts it next to.

Next
    That device's idle timeout; keepalives more often than that.

Authority
    RFC 5382 REQ-5 (2 h 4 min at least); RFC 9293 section 3.5.2 group 1; nf_conntrack_tcp_timeout_established.
"""

from __future__ import annotations

import numpy as np

from .. import errnos
from ..case import SECOND, Case, evidence, seconds
from ..evidence import resets
from ..evidence.forgery import TTL_STEPS, contradictions, routers_to
from ..evidence.resets import NO_SOCKET, Reset, first_reset
from ..measures import Step, best_first, capture_at, sockets
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "nat-timeout-rst"
PHASE = "established"
SUPERSEDES = ("rst-no-socket", "half-open-dead-peer", "rst-app-abort")

PAUSE_NS = SECOND
"""Devices count in seconds; a shorter pause is none."""

NEAR_ROUTERS = 2
"""A device at most this many routers from an end belongs to that end's network."""


def candidates(table: FlowTable) -> np.ndarray:
    """A RST without ACK on a connection that had opened, without a FIN."""
    unasked = (table.either("rst_form") == NO_SOCKET) & (table.either("fin_count") == 0)
    return np.asarray(resets.candidates(table) & unasked)


def judge(case: Case) -> Finding | None:
    """The first RST, if it comes from nearer than its alleged sender, after a pause."""
    reset = first_reset(case)
    if reset is None or reset.half.rst_form != NO_SOCKET or contradictions(reset).forged:
        return None
    half = reset.half
    device, end = routers_to(half)
    pause_ns = half.rst_ns - reset.heard_ns
    if half.ttl_min != half.ttl_max or device >= end or case.vantage == reset.sender or pause_ns < PAUSE_NS:
        return None
    return _finding(case, reset, pause_ns, end - device)


def _finding(case: Case, reset: Reset, pause_ns: int, nearer: int) -> Finding:
    half = reset.half
    place = f"{reset.sender}-network" if nearer <= NEAR_ROUTERS else "path"
    suspicion = Suspicion({place: 0.75, "middlebox": 0.15, f"{reset.sender}-host": 0.1})
    suspicion.rule_out(f"{reset.to}-app", "its segment was in order")
    quiet = seconds(pause_ns)
    near = case.end(reset.to).ip
    return Finding(
        CODE,
        PHASE,
        "error",
        0.85 if nearer >= TTL_STEPS else 0.7,
        f"a device {nearer} hop{'s' if nearer > 1 else ''} before the {reset.sender} had forgotten the"
        f" connection to {case.server_end} after {quiet} without traffic and reset it",
        suspicion.suspects(),
        evidence(
            (reset.peer.data_last_frame, reset.peer.data_last_ns, f"last payload of the {reset.to}"),
            (
                half.rst_frame,
                half.rst_ns,
                f"RST without ACK, TTL {half.rst_ttl}; every segment of the {reset.sender} has"
                f" {half.ttl_first}; that end was last heard {quiet} before",
            ),
        ),
        suspicion.ruled_out(),
        Errno(**{reset.to: errnos.of_reset(reset)}),
        best_first(
            suspicion.suspects(),
            capture_at(case, reset.sender, "no segment arrives, no RST leaves?"),
            sockets(case, reset.sender, "does it still have the connection?"),
            Step(
                "sysctl net.ipv4.tcp_keepalive_time",
                f"on {near}: must be below {quiet}, or the device's idle timeout above it",
            ),
        ),
        "RFC 5382 REQ-5",
    )
