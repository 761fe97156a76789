"""The receiver had closed its window, and then did not even answer the probes of it.

Signature
    The last window advertised was zero, three or more probes in a row, and nothing from that end since. Ten
    seconds of it are an error; less may pass.

Meaning
    A full receiver still answers probes: its kernel does, not its application. So the host is gone, or the
    path is.

Confused with
    zero-window-stall: each probe is answered with window zero (told beside this one for the time before the
    silence). keepalive-dead: the same bytes with the window
    open.

Dropped by
    The silent end's host or something on its side of the capture. In that host's own capture: that host.

Next
    Capture at the silent end: do the probes arrive?

Authority
    RFC 9293 section 3.8.6.1 (the receiver must answer); RFC 1122 section 4.2.2.17; Linux tcp_retries2 limits
    them.
"""

from __future__ import annotations

import numpy as np

from .. import errnos
from ..case import SECOND, Case, evidence, other, seconds
from ..evidence.unheard import suspicion_of_silence, where_to_look
from ..result import Errno, Finding
from ..table import FlowTable

CODE = "zero-window-unanswered"
PHASE = "established"
SUPERSEDES = ("rst-app-abort", "rto-backoff-dead")

UNANSWERED = 3
"""As many as keepalives in keepalive-dead: a live kernel answers each probe at once."""

LONG_NS = 10 * SECOND
"""As in rto-backoff-dead: a path that was interrupted for some seconds comes back, and probes go on."""


def candidates(table: FlowTable) -> np.ndarray:
    """Probes without an answer."""
    return table.either("probe_pending") >= UNANSWERED


def _asker(case: Case) -> str | None:
    for side in ("client", "server"):
        half, peer = case.half(side), case.half(other(side))
        if half.probe_pending >= UNANSWERED and peer.zero_since_ns and not case.answers_unseen:
            return side
    return None


def judge(case: Case) -> Finding | None:
    """Probes into silence."""
    asker = _asker(case)
    if asker is None:
        return None
    half, silent = case.half(asker), other(asker)
    peer = case.half(silent)
    suspicion = suspicion_of_silence(case, asker, peer.last_ns)
    lost = half.rst_count or case.since_ns(peer.last_ns) >= LONG_NS
    return Finding(
        CODE,
        PHASE,
        "error" if lost else "warning",
        0.9,
        f"the {silent} ({case.end(silent)}) closed its window, then fell silent: {half.probe_pending} probes"
        " without an answer",
        suspicion.suspects(),
        evidence(
            (peer.last_frame, peer.last_ns, f"last segment of the {silent}, window zero"),
            (
                half.last_frame,
                half.last_ns,
                f"{half.probe_pending} probes within {seconds(half.last_ns - peer.last_ns)}, not answered"
                f"{suspicion.because}",
            ),
        ),
        suspicion.ruled_out(),
        Errno(**{asker: errnos.timed_out(case, half, half.probe_pending)}),
        where_to_look(case, asker, suspicion),
        "RFC 9293 section 3.8.6.1; RFC 1122 section 4.2.2.17",
    )


def missing(case: Case) -> tuple[str, str] | None:
    """The answer to the probe."""
    asker = _asker(case)
    return (other(asker), "no answer to window probes") if asker else None
