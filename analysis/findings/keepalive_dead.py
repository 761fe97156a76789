"""Keepalives stayed without an answer: the other end of an idle connection is gone or cannot be reached.

Signature
    Three or more keepalives in a row (no payload or one old byte, one byte before the next number, the window
    open) and nothing from the other end since.

Meaning
    A live host's kernel answers a keepalive without its application. The host is down, or a device on the
    path forgot the idle connection. The sender ends with ETIMEDOUT, Linux also with a RST that nobody hears.

Confused with
    zero-window-unanswered: the same bytes, but the other end's window was closed. rto-backoff-dead: new data.

Dropped by
    The silent end's host or something on its side of the capture. In that host's own capture, where the
    keepalives are visible: that host.

Next
    Capture at the silent end: do the keepalives arrive? If they do not: which device forgets idle
    connections?

Authority
    RFC 9293 section 3.8.4; Linux tcp_keepalive_time, _intvl and _probes (7200 s, 75 s, 9); RFC 5382 REQ-5.
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence, other, seconds
from ..evidence.unheard import suspicion_of_silence, where_to_look
from ..result import Errno, Finding
from ..table import FlowTable

CODE = "keepalive-dead"
PHASE = "established"
SUPERSEDES = ("rst-app-abort", "rst-instead-of-fin", "rst-no-socket")

UNANSWERED = 3
"""RFC 9293 section 3.8.4: one unanswered keepalive proves nothing; nobody configures fewer than three to give
up."""


def candidates(table: FlowTable) -> np.ndarray:
    """Keepalives without an answer."""
    return table.either("keepalive_pending") >= UNANSWERED


def asker_in_vain(case: Case) -> str | None:
    """The end whose keepalives are not answered; None when there is none."""
    for side in ("client", "server"):
        half, peer = case.half(side), case.half(other(side))
        if half.keepalive_pending >= UNANSWERED and peer.packets and not case.answers_unseen:
            return side
    return None


def judge(case: Case) -> Finding | None:
    """Keepalives into silence."""
    asker = asker_in_vain(case)
    if asker is None:
        return None
    half, silent = case.half(asker), other(asker)
    peer = case.half(silent)
    suspicion = suspicion_of_silence(case, asker, peer.last_ns, half.last_ns - peer.last_ns)
    gave_up = "; then it gave up with a RST" if half.rst_count else ""
    return Finding(
        CODE,
        PHASE,
        "error",
        0.95 if half.rst_count else 0.85,
        f"the {silent} ({case.end(silent)}) answered none of {half.keepalive_pending} keepalives",
        suspicion.suspects(),
        evidence(
            (peer.last_frame, peer.last_ns, f"last segment of the {silent}"),
            (
                half.last_frame,
                half.last_ns,
                f"{half.keepalive_pending} keepalives within {seconds(half.last_ns - peer.last_ns)}{gave_up}"
                f"{suspicion.because}",
            ),
        ),
        suspicion.ruled_out(),
        Errno(**{asker: "ETIMEDOUT"}) if half.rst_count else Errno(),
        where_to_look(case, asker, suspicion),
        "RFC 9293 section 3.8.4; ip-sysctl tcp_keepalive_probes",
    )


def missing(case: Case) -> tuple[str, str] | None:
    """The answer to the keepalive."""
    asker = asker_in_vain(case)
    return (other(asker), "no answer to keepalives") if asker else None
