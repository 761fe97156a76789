"""One end's application aborted the connection in the middle of the exchange.

Signature
    A RST with ACK from a live socket (its next sequence number, its window, its timestamps) while something
    was still owed: a request not answered, data of either end not acknowledged, or data that keeps coming.

Meaning
    The program closed with SO_LINGER of zero, closed without reading what had arrived, or was torn down by
    its runtime. A crash does not look like this: the kernel of a killed process sends FIN.

Confused with
    rst-injected: the RST contradicts its sender. close-with-unread and rst-instead-of-fin: the same RST after
    an answer. keepalive-dead, rto-backoff-dead: the kernel gave up, not the program.

Dropped by
    The application whose socket sent it. One contradiction (a TTL that differs, segments after it) leaves
    room for a middlebox; a proxy or load balancer in the address of that end counts as its application.

Next
    The application's log at that second; on the sender `nstat -az TcpExtTCPAbortOnData
    TcpExtTCPAbortOnClose`.

Authority
    RFC 9293 section 3.10.5 (ABORT) and section 3.5.2; RFC 2525 section 2.17; Linux tcp_send_active_reset.
"""

from __future__ import annotations

from .. import errnos
from ..case import Case, evidence
from ..evidence.forgery import contradictions
from ..evidence.resets import LIVE_SOCKET, Reset, candidates, first_reset
from ..measures import best_first, capture_at, counters, log
from ..result import Errno, Finding
from ..verdict import Suspicion

CODE = "rst-app-abort"
PHASE = "established"

__all__ = ["CODE", "PHASE", "candidates", "judge"]


def judge(case: Case) -> Finding | None:
    """The first RST, if a live socket sent it while something was owed."""
    reset = first_reset(case)
    if reset is None or reset.half.rst_form != LIVE_SOCKET or reset.kernel_gave_up:
        return None
    if not reset.owed:
        return None
    doubts = contradictions(reset).strong
    suspicion = Suspicion({f"{reset.sender}-app": 0.9, f"{reset.sender}-host": 0.1})
    if doubts:
        suspicion = Suspicion({f"{reset.sender}-app": 0.5, "middlebox": 0.5})
    else:
        for side in ("path", f"{reset.to}-host", f"{reset.to}-app"):
            suspicion.rule_out(side, f"the RST is that of a live socket of the {reset.sender}")
    half = reset.half
    missed = 0 if reset.sure_of_debt else reset.unseen_answer_bytes
    return Finding(
        CODE,
        PHASE,
        "error" if reset.sure_of_debt else "warning",
        _confidence(reset, bool(doubts)),
        f"the {reset.sender}'s application ({case.end(reset.sender)}) aborted the connection {reset.owed}"
        + (f", unless the {missed} bytes of the server not captured were it" if missed else ""),
        suspicion.suspects(),
        evidence(
            (reset.peer.data_last_frame, reset.peer.data_last_ns, f"last payload of the {reset.to}"),
            (half.rst_frame, half.rst_ns, _described(reset) + "".join(f"; {doubt}" for doubt in doubts)),
        ),
        suspicion.ruled_out(),
        Errno(**{reset.to: errnos.of_reset(reset)}),
        best_first(
            suspicion.suspects(),
            log(case, reset.sender, half.rst_ns),
            capture_at(case, reset.sender, "does the RST leave there?"),
            counters(case, reset.sender, "TcpExtTCPAbortOnData", "TcpExtTCPAbortOnClose"),
        ),
        "RFC 9293 section 3.10.5; RFC 2525 section 2.17",
    )


def _confidence(reset: Reset, doubted: bool) -> float:
    """Lowest where the RST may be another's, or the debt may have been paid in bytes not captured."""
    if doubted or (reset.unseen_answer_bytes and not reset.sure_of_debt):
        return 0.5
    return 0.9 if reset.sure_of_debt else 0.6


def _described(reset: Reset) -> str:
    half = reset.half
    stamped = "timestamps, " if half.rst_options & 0x10 else ""
    return f"RST with ACK, {stamped}window {half.rst_window}, TTL {half.rst_ttl}: sent by a live socket"
