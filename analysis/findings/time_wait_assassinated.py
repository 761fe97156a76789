"""A reset arrived for a connection that both ends had closed: it ends TIME-WAIT early.

Signature
    Both FINs acknowledged, then a RST without ACK from the end that closed second.

Meaning
    An old or repeated segment reached the end in TIME-WAIT, which acknowledged it; the other end had no
    socket for that acknowledgment and sent a reset. Nothing is lost; the ports may be used again sooner
    than planned.

Confused with
    rst-after-fin: the connection was not closed on both sides.

Dropped by
    Nobody.

Next
    Nothing, unless stale data shows up in later connections on the same ports.

Authority
    RFC 1337; Linux tcp_rfc1337.
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence, other
from ..evidence.closing import closer_of, own_reset
from ..result import Finding
from ..table import FlowTable

CODE = "time-wait-assassinated"
PHASE = "close"


def candidates(table: FlowTable) -> np.ndarray:
    """Both FINs acknowledged before a RST without ACK."""
    halves = table.halves
    done_ns = np.maximum(halves["fin_acked_ns"][0::2], halves["fin_acked_ns"][1::2])
    both = (halves["fin_acked_ns"][0::2] > 0) & (halves["fin_acked_ns"][1::2] > 0)
    late = ((halves["rst_form"] == 2) & (halves["rst_ns"] > np.repeat(done_ns, 2))).reshape(-1, 2).any(axis=1)
    return np.asarray(both & late)


def judge(case: Case) -> Finding | None:
    """The RST of the end that closed second."""
    closer = closer_of(case)
    if closer is None:
        return None
    sender = other(closer)
    half, first = case.half(sender), case.half(closer)
    closed_ns = max(half.fin_acked_ns, first.fin_acked_ns)
    if half.rst_form != 2 or half.rst_ns <= closed_ns or not own_reset(case, sender):
        return None
    return Finding(
        CODE,
        PHASE,
        "info",
        0.7,
        f"{case.end(sender)} reset a connection that was already closed: TIME-WAIT of "
        f"{case.end(closer)} ends early",
        (),
        evidence(
            (half.fin_acked_frame, half.fin_acked_ns, "the last FIN is acknowledged"),
            (half.rst_frame, half.rst_ns, "RST without ACK"),
        ),
        next=(f"sysctl net.ipv4.tcp_rfc1337    # on {case.end(closer).ip}",),
        authority="RFC 1337",
    )
