"""An application answered and closed while part of what it had been sent was still unread: its kernel reset.

Signature
    A server sends its answer and then, instead of FIN, a RST with ACK from its live socket. The client had
    sent its request in more segments than the answer took, and all of them were acknowledged.

Meaning
    The kernel had received everything, the program had not read it all (an early 413, 401 or 400; a rejected
    upload) and closed. Data that nobody will read makes close() send RST. It may overtake the answer: the
    client then loses the answer and sees only the error.

Confused with
    rst-instead-of-fin: the same RST, on purpose (SO_LINGER of zero), after a request that fits one segment
    and so was read in one go. rst-app-abort: no answer.

Dropped by
    The application that closed.

Next
    Does it answer before it has read the request? Let it read on before it closes (lingering close).

Authority
    RFC 2525 section 2.17; RFC 9293 section 3.6.1 (a TCP may send RST to say that data was lost); RFC 9112
    section 9.6 (how a server closes without losing its answer).
"""

from __future__ import annotations

from .. import errnos
from ..case import SECOND, Case, evidence, seconds
from ..evidence.forgery import contradictions
from ..evidence.resets import LIVE_SOCKET, Reset, candidates, first_reset
from ..measures import log
from ..result import Errno, Finding
from ..verdict import Suspicion

CODE = "close-with-unread"
PHASE = "established"
SUPERSEDES = ("rst-app-abort", "rst-instead-of-fin")

SOON_NS = SECOND
"""An answer that closes is followed by the close; a RST long after it is an idle timeout."""

__all__ = ["CODE", "PHASE", "SUPERSEDES", "candidates", "judge"]


def judge(case: Case) -> Finding | None:
    """The first RST, if it ends an answer to a request that was probably not read to its end."""
    reset = first_reset(case)
    if reset is None or not _left_unread(reset) or contradictions(reset).strong:
        return None
    half, peer = reset.half, reset.peer
    suspicion = Suspicion({f"{reset.sender}-app": 1.0})
    suspicion.rule_out("path", f"the {reset.sender}'s kernel acknowledged everything")
    return Finding(
        CODE,
        PHASE,
        "error",
        0.75,
        f"the {reset.sender}'s application ({case.end(reset.sender)}) closed without reading all it was sent",
        suspicion.suspects(),
        evidence(
            (peer.data_last_frame, peer.data_last_ns, f"last of {peer.unique_bytes} bytes, all acknowledged"),
            (half.data_last_frame, half.data_last_ns, f"last payload of the {reset.sender}"),
            (
                half.rst_frame,
                half.rst_ns,
                f"RST of a live socket, {seconds(half.rst_ns - half.data_last_ns)} after it, instead of FIN",
            ),
        ),
        suspicion.ruled_out(),
        Errno(**{reset.to: errnos.of_reset(reset)}),
        _next(case, reset),
        "RFC 2525 section 2.17; RFC 9112 section 9.6",
    )


def _left_unread(reset: Reset) -> bool:
    """A server's RST after its answer, all of the request acknowledged, more segments asked than answered."""
    half, peer = reset.half, reset.peer
    return bool(
        reset.sender == "server"
        and half.rst_form == LIVE_SOCKET
        and not reset.kernel_gave_up
        and not reset.after_fin
        and reset.said_last
        and reset.untaken_bytes == 0
        and half.rst_ns - half.data_last_ns <= SOON_NS
        and peer.data_packets > half.data_packets
    )


def _next(case: Case, reset: Reset) -> tuple[str, ...]:
    ip = case.end(reset.sender).ip
    early = "did it answer before it had read the request to its end? (a limit, an early error)"
    return (
        f"nstat -az TcpExtTCPAbortOnClose    # on {ip}: counts sockets closed with unread data",
        log(case, reset.sender, reset.half.rst_ns, early).text,
    )
