"""A segment met a host that no longer had a socket for it, and was answered with a reset.

Signature
    A RST without ACK, numbered as the segment before it acknowledged (window 0, no options), on a connection
    that was open. Either the server had sent its FIN and the client, which had not, sent another request; or
    there had been no FIN at all and something was owed.

Meaning
    After a FIN: the server's process exited or closed, its socket is gone, and the client wrote without
    looking; the usual race on an idle connection that the server's timeout ends first. Without a FIN: the
    socket vanished out of sight of this capture. Somebody reset that end, or its own FIN or RST was lost, or
    the host started anew.

Confused with
    rst-app-abort: a RST with ACK, from a live socket. data-after-close: the end that closed first is the
    client. fin-wait-2-orphan: more than a minute after the FIN. rst-injected: the forged RST behind it, seen
    from the other side of the forger. A RST with a number that its sender never reached is challenged (RFC
    5961 section 3.2), and nothing is said of it until it shows what became of the connection.

Dropped by
    After a FIN: the server's application, which closed; the client's shares it. Without one nobody is sure: a
    middlebox, the host, its network or its application, unless the capture is that host's own.

Next
    After a FIN: why did the server close (exit, restart, idle timeout shorter than the client's)? Without:
    capture at the host that sent the RST.

Authority
    RFC 9293 section 3.5.2 group 1; Linux tcp_reset: EPIPE in CLOSE-WAIT, else ECONNRESET; tcp_fin_timeout 60
    s.
"""

from __future__ import annotations

from .. import errnos
from ..case import MS, SECOND, Case, evidence, seconds
from ..evidence.resets import NO_SOCKET, Reset, candidates, first_reset
from ..measures import Step, best_first, capture_at, log
from ..result import Errno, Finding
from ..verdict import Suspicion

CODE = "rst-no-socket"
PHASE = "established"
ORPHAN_NS = 60 * SECOND
"""Linux forgets a half-closed socket after this (tcp_fin_timeout); later the other end is the one that is
late."""

FAREWELL_BYTES = 128
FAREWELL_NS = 50 * MS
"""What a client says so soon after the server's FIN, and so briefly, answers it: a TLS close_notify."""

__all__ = ["CODE", "PHASE", "candidates", "judge"]


def judge(case: Case) -> Finding | None:
    """The first RST, if it says that there is no socket and something got lost."""
    reset = first_reset(case)
    if reset is None or reset.half.rst_form != NO_SOCKET or reset.kernel_gave_up:
        return None
    if reset.after_fin:
        return _after_fin(case, reset) if _sent_too_late(reset) else None
    return _without_fin(case, reset) if reset.owed else None


def _sent_too_late(reset: Reset) -> bool:
    """The server had closed; a client that was not closing, too, sent something new soon after."""
    half, peer = reset.half, reset.peer
    gap_ns = peer.data_last_ns - half.fin_ns
    farewell = gap_ns < FAREWELL_NS + half.rtt_smoothed_ns + peer.rtt_smoothed_ns
    if reset.sender != "server" or (farewell and reset.untaken_bytes <= FAREWELL_BYTES):
        return False
    late = reset.untaken_bytes > 0 and not peer.fin_count and gap_ns > 0
    return bool(late and half.rst_ns - half.fin_ns < ORPHAN_NS)


def _after_fin(case: Case, reset: Reset) -> Finding:
    half, peer = reset.half, reset.peer
    suspicion = Suspicion({"server-app": 0.75, "client-app": 0.25})
    for side in ("path", "server-host", "client-host"):
        suspicion.rule_out(side, "the request arrived and was answered as a closed socket answers")
    gap = seconds(peer.data_last_ns - half.fin_ns)
    return Finding(
        CODE,
        PHASE,
        "error",
        0.85,
        f"the client sent {reset.untaken_bytes} bytes to {case.server_end}, which had closed {gap} before",
        suspicion.suspects(),
        evidence(
            (half.fin_frame, half.fin_ns, "FIN: the server's program closed or its process ended"),
            (peer.data_last_frame, peer.data_last_ns, f"the client sends again, {gap} later"),
            (half.rst_frame, half.rst_ns, f"RST without ACK, window {half.rst_window}: no socket any more"),
        ),
        suspicion.ruled_out(),
        Errno(client=errnos.of_reset(reset)),
        best_first(
            suspicion.suspects(),
            log(case, "server", half.fin_ns, "exit, restart or idle timeout?"),
            log(case, "client", peer.data_last_ns, "does it keep connections longer than the server does?"),
        ),
        "RFC 9293 section 3.5.2 group 1; RFC 9112 section 9.5",
    )


def _without_fin(case: Case, reset: Reset) -> Finding:
    half = reset.half
    sender = case.end(reset.sender)
    suspicion = _suspicion(case, reset)
    missed = f"; {half.unseen_bytes} earlier bytes of it were not captured, perhaps a FIN, too"
    return Finding(
        CODE,
        PHASE,
        "warning" if half.unseen_bytes else "error",
        0.4 if half.unseen_bytes else 0.6,
        f"the {reset.sender} ({sender}) had no socket any more for the open connection, {reset.owed}",
        suspicion.suspects(),
        evidence(
            (reset.peer.data_last_frame, reset.peer.data_last_ns, f"last payload of the {reset.to}"),
            (
                half.rst_frame,
                half.rst_ns,
                f"RST without ACK, TTL {half.rst_ttl}; no FIN and no other RST before it"
                f"{missed if half.unseen_bytes else ''}",
            ),
        ),
        suspicion.ruled_out(),
        Errno(**{reset.to: errnos.of_reset(reset)}),
        best_first(
            suspicion.suspects(),
            capture_at(case, reset.sender, "what reset or closed it there?"),
            Step(
                "uptime; journalctl -b -n 50",
                f"on {sender.ip}: did it start anew?",
                frozenset({f"{reset.sender}-host"}),
            ),
            log(case, reset.sender, half.rst_ns),
        ),
        "RFC 9293 section 3.5.1, 3.5.2 group 1",
    )


def _suspicion(case: Case, reset: Reset) -> Suspicion:
    """Who could have taken the socket away without a word that this capture shows."""
    side = reset.sender
    if reset.half.unseen_bytes:  # its FIN may be among what the capture missed
        suspicion = Suspicion({f"{side}-app": 0.5, f"{side}-host": 0.25, "middlebox": 0.25})
    elif case.vantage == side:
        suspicion = Suspicion({f"{side}-host": 0.7, f"{side}-app": 0.3})
        suspicion.rule_out("middlebox", f"no RST came in at the {side}, where this capture was taken")
    else:
        suspicion = Suspicion(
            {"middlebox": 0.4, f"{side}-host": 0.2, f"{side}-network": 0.2, f"{side}-app": 0.2}
        )
    suspicion.rule_out(f"{reset.to}-app", f"the {reset.to}'s segments are in order and were going on")
    return suspicion
