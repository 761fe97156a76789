"""Keepalives came too rarely: a device on the way had forgotten the connection before the first one.

Signature
    A connection idle for 30 s or more, then three or more keepalives in a row without an answer; but a new
    connection of the same client to the same port is answered after the last of them.

Meaning
    Keepalives exist to keep the connection in the memory of the devices on the way, and to notice that the
    other end is gone. Here the other end was reachable and the keepalives were not let through: the first of
    them came later than the shortest idle timeout on the way (350 s and 240 s at large clouds; Linux sends
    the first keepalive after 7200 s).

Confused with
    keepalive-dead: without a new connection that works, the other host may be gone. A host that had forgotten
    the connection answers a keepalive with RST.

Dropped by
    A device in one of the two networks or between them; whoever set the keepalives shares it.

Next
    Capture at the silent end: the keepalives do not arrive. Then the idle timeouts of the devices between.

Authority
    RFC 9293 section 3.8.4; RFC 5382 REQ-5 (2 h 4 min at least); Linux tcp_keepalive_time.
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence, other, seconds
from ..evidence.unheard import idle_limits, keepalives_sooner, swallowed
from ..measures import best_first, capture_at, sockets
from ..result import Errno, Finding
from ..table import FlowTable
from . import keepalive_dead

CODE = "keepalive-vs-nat-mismatch"
PHASE = "established"
SUPERSEDES = ("keepalive-dead", *keepalive_dead.SUPERSEDES)


def candidates(table: FlowTable) -> np.ndarray:
    """Keepalives without an answer."""
    return keepalive_dead.candidates(table)


def judge(case: Case) -> Finding | None:
    """Keepalives into silence after a pause, while a new connection is answered."""
    asker = keepalive_dead.asker_in_vain(case)
    if asker is None:
        return None
    half, silent = case.half(asker), other(asker)
    peer = case.half(silent)
    quiet_ns = half.last_ns - peer.last_ns
    suspicion = swallowed(case, asker, half.last_ns, quiet_ns)
    if suspicion is None:
        return None
    quiet = seconds(quiet_ns)
    gave_up = "; then it gave up with a RST" if half.rst_count else ""
    return Finding(
        CODE,
        PHASE,
        "error",
        0.75,
        f"the keepalives of the {asker} came too rarely: a device on the way had forgotten the connection to"
        f" {case.server_end}, and a new connection works",
        suspicion.suspects(),
        evidence(
            (peer.last_frame, peer.last_ns, f"last segment of the {silent}"),
            (
                half.last_frame,
                half.last_ns,
                f"{half.keepalive_pending} keepalives, the last {quiet} later, none answered{gave_up}"
                f"{suspicion.because}",
            ),
        ),
        suspicion.ruled_out(),
        Errno(**{asker: "ETIMEDOUT"}) if half.rst_count else Errno(),
        best_first(
            suspicion.suspects(),
            capture_at(case, silent, "do the keepalives arrive?"),
            idle_limits(quiet),
            sockets(case, silent, "does it still have the connection?"),
            keepalives_sooner(case, asker, quiet),
        ),
        "RFC 5382 REQ-5; RFC 9293 section 3.8.4",
    )


def missing(case: Case) -> tuple[str, str] | None:
    """The answer to the keepalive."""
    return keepalive_dead.missing(case)
