"""After a long silence one end speaks, and the other one does not know the connection any more.

Signature
    An established connection, idle for a second or more with no FIN and no RST, then a segment from one end
    and a RST without ACK from the other, numbered as that segment acknowledged, with its sender's own TTL.

Meaning
    The host that resets has lost the connection without closing it: it was restarted, or the machine or
    container behind its address was replaced. A process that dies closes its connections; a host that loses
    power cannot.

Confused with
    nat-timeout-rst: a firewall on the way sends the reset, with another TTL. rst-no-socket: it had closed
    before. fin-wait-2-orphan: the same a minute after a FIN. conntrack-invalid-rst: an address translator
    that lets a segment through as it is, seen from the other side of it.

Dropped by
    The host that forgot. That its FIN or RST was lost during the silence cannot be excluded.

Next
    The uptime of that host; keepalives shorter than the silence would have told sooner.

Authority
    RFC 9293 section 3.5.1 (half-open connections) and section 3.10.7.1.
"""

from __future__ import annotations

import numpy as np

from ..case import SECOND, Case, evidence, other, seconds
from ..evidence.closing import own_reset, stands
from ..measures import Step, best_first, capture_at
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "half-open-dead-peer"
PHASE = "close"
SUPERSEDES = ("rst-no-socket",)
SILENCE_NS = SECOND
"""Containers and virtual machines come back within a second or two; a process that was only restarted would
have sent a FIN."""
LONG_NS = 60 * SECOND
"""A machine needs about this long to come back; as long as that, a device on the way may have forgotten the
connection, too, but its RST comes from nearer by."""


def candidates(table: FlowTable) -> np.ndarray:
    """A RST without ACK and no FIN on either side."""
    return np.asarray((table.either("rst_form") == 2) & (table.either("fin_count") == 0) & stands(table))


def judge(case: Case) -> Finding | None:
    """The silence before the segment that met the reset."""
    for gone in ("client", "server"):
        half, speaker = case.half(gone), case.half(other(gone))
        if half.rst_form != 2 or speaker.rst_count or speaker.keepalive_count or not own_reset(case, gone):
            continue
        if half.unseen_bytes:  # its FIN may be among what the capture missed
            continue
        heard_ns = max(half.data_last_ns, half.advanced_ns, speaker.data_acked_ns, case.flow.established_ns)
        if half.ttl_first and half.rst_ns - heard_ns >= SILENCE_NS:
            return _told(case, gone, half.rst_ns - heard_ns)
    return None


def _told(case: Case, gone: str, idle_ns: int) -> Finding:
    half, speaker = case.half(gone), case.half(other(gone))
    end = case.end(gone)
    sides = {f"{gone}-host": 0.45, f"{gone}-network": 0.2, "path": 0.1}
    if case.vantage != gone:
        sides[f"{other(gone)}-network"] = 0.25  # it may have let a segment through without translating it
    suspicion = Suspicion(sides)
    return Finding(
        CODE,
        PHASE,
        "error",
        0.75 if idle_ns >= LONG_NS else 0.6,
        f"{end} has forgotten the connection after {seconds(idle_ns)} of silence: restarted or replaced",
        suspicion.suspects(),
        evidence(
            (
                speaker.data_last_frame,
                speaker.data_last_ns,
                f"the {other(gone)} speaks after {seconds(idle_ns)}",
            ),
            (
                half.rst_frame,
                half.rst_ns,
                f"RST without ACK, TTL {half.rst_ttl} as before (first {half.ttl_first})",
            ),
        ),
        errno=Errno(**{other(gone): None if speaker.fin_count else "ECONNRESET"}),
        next=best_first(
            suspicion.suspects(),
            Step(
                "uptime; journalctl --list-boots",
                f"on {end.ip}: restarted during the silence?",
                frozenset({f"{gone}-host"}),
            ),
            capture_at(case, gone, "does the RST leave there?"),
            Step(
                "sysctl net.ipv4.tcp_keepalive_time",
                f"on {case.end(other(gone)).ip}: shorter than {seconds(idle_ns)}?",
            ),
        ),
        authority="RFC 9293 section 3.5.1, 3.10.7.1",
    )
