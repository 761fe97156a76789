"""One end repeated the same data again and again, and the other end never answered any more.

Signature
    The same left edge sent again at least four times over at least a second, and no segment at all from the
    other end since the first repeat; or several segments in turn, ten seconds after its last sign of life. Or
    each repeat is answered at once, always with the same old acknowledgment and no SACK.

Meaning
    The other host is gone, or the path to it or back from it broke while the connection was open. Nothing
    tells the two ends: the sender goes on for about fifteen minutes, the receiver sees an idle connection.
    Where every repeat is answered, it arrives but does not fit: a device on the way changed its sequence
    numbers or its timestamps (RFC 7323 section 5.3, verified on Linux 6.18).

Confused with
    zero-window-stall: the other end answers each probe. pmtu-blackhole: small segments still pass.
    icmp-soft-established: a router says why. Bytes that had been acknowledged at the capture: their sender
    did not get the acknowledgment, or the capture misses some. After both ends had closed, what is repeated
    is a farewell that nobody waits for: a warning.

Dropped by
    The silent end's host or something on its side of the capture. In that host's own capture, where the
    segments are visible: that host.

Next
    Capture at the silent end: do the segments arrive?

Authority
    RFC 9293 section 3.8.3 (R2, at least 100 s); RFC 6298; Linux tcp_retries2 = 15: ETIMEDOUT after 924 s or
    more. Linux begins with a tail loss probe and a timeout of nearly equal length, then doubles.
"""

from __future__ import annotations

import numpy as np

from .. import errnos
from ..case import SECOND, Case, HalfRow, evidence, other, seconds
from ..evidence.closing import untaken_bytes
from ..evidence.resets import CLOSING_WORDS_BYTES
from ..evidence.unheard import suspicion_of_silence, where_to_look
from ..measures import best_first, capture_at, counters
from ..records import Known
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "rto-backoff-dead"
PHASE = "established"
SUPERSEDES = ("segment-loss-up", "segment-loss-down", "spurious-rto", "rst-app-abort")

REPEATS = 4
"""Three losses in a row happen on bad paths; four of the same segment, with no other sign of life, are no
chance."""

SPAN_NS = SECOND
"""Four repeats take Linux 1.6 s at its smallest timeout (200 ms)."""


LARGE_BYTES = 1000
"""Longer segments may be refused for their size alone: pmtu-blackhole asks about those."""

LONG_NS = 10 * SECOND
"""Some stacks repeat several segments in turn: then their count says less than how long nothing came back."""


def candidates(table: FlowTable) -> np.ndarray:
    """Some end keeps repeating payload: the same segment without progress, or several for a long time."""
    same = (table.either("edge_count") >= REPEATS) & (table.either("edge_bytes") > 0)
    several = np.zeros(len(table), bool)
    for near, far in ((table.client, table.server), (table.server, table.client)):
        several |= (near("rto_count") >= REPEATS) & (near("edge_last_ns") - far("last_ns") >= LONG_NS)
    return np.asarray(same | several)


def stuck_sender(case: Case) -> str | None:
    """The end that repeats in vain while the other one is silent; None when there is none."""
    if case.answers_unseen:
        return None
    for side in ("client", "server"):
        half, peer = case.half(side), case.half(other(side))
        if not half.edge_bytes or not half.edge_count or not peer.packets or peer.zero_since_ns:
            continue
        if _acknowledged(half):
            continue
        same = half.edge_count >= REPEATS and half.edge_last_ns - half.edge_ns >= SPAN_NS
        several = half.rto_count >= REPEATS and half.edge_last_ns - peer.last_ns >= LONG_NS
        if (same and peer.last_ns <= half.edge_ns) or several:
            return side
    return None


def refused_sender(case: Case) -> str | None:
    """The end whose repeats are all answered with the old acknowledgment: they arrive, and are not taken."""
    if case.answers_unseen:
        return None
    for side in ("client", "server"):
        half, peer = case.half(side), case.half(other(side))
        if half.edge_count < REPEATS or half.edge_last_ns - half.edge_ns < SPAN_NS or peer.zero_since_ns:
            continue
        answers = peer.dup_ack_count >= half.edge_count and peer.last_ns > half.edge_last_ns
        plain = half.edge_bytes < LARGE_BYTES and not half.sack_high and half.una == half.edge_seq
        if answers and plain and not _acknowledged(half):
            return side
    return None


def _refused(case: Case, sender: str) -> Finding:
    """Repeats that are answered and not taken: their numbers or timestamps do not fit."""
    half, peer, receiver = case.half(sender), case.half(other(sender)), other(sender)
    newer = (half.tsval - peer.tsecr_max) & 0xFFFFFFFF < 1 << 31
    sides = {f"{receiver}-network": 0.4, "path": 0.3, f"{sender}-network": 0.3}
    if case.vantage == receiver and newer:
        sides[f"{receiver}-host"] = 0.5  # nothing wrong is seen in what arrives
    suspicion = Suspicion(sides)
    suspicion.rule_out(f"{receiver}-app", "its kernel answers every repeat and hands on none")
    stale = " and echoes an old timestamp" if newer else "; the timestamps that arrive are older than before"
    return Finding(
        CODE,
        PHASE,
        "error",
        0.7,
        f"the {receiver} ({case.end(receiver)}) answers every repeat of {half.edge_bytes} bytes, takes none:"
        " their numbers or timestamps were changed on the way",
        suspicion.suspects(),
        evidence(
            (
                half.data_last_frame,
                half.data_last_ns,
                f"last of {half.edge_count} repeats within {seconds(half.edge_last_ns - half.edge_ns)}",
            ),
            (peer.last_frame, peer.last_ns, f"the {receiver} acknowledges the bytes before it{stale}"),
        ),
        suspicion.ruled_out(),
        Errno(**{sender: errnos.timed_out(case, half, half.edge_count)}),
        best_first(
            suspicion.suspects(),
            capture_at(case, receiver, "do sequence numbers and timestamps arrive as they were sent?"),
            counters(case, receiver, "TcpExtPAWSEstab", "TcpExtTCPACKSkippedPAWS", "TcpExtTCPChallengeACK"),
        ),
        "RFC 7323 section 5.3; RFC 9293 section 3.10.7.4",
    )


def _acknowledged(half: HalfRow) -> bool:
    """Whether the repeated bytes had been acknowledged at the tap: then the other end had them."""
    end = (half.edge_seq + half.edge_bytes) & 0xFFFFFFFF
    return bool(half.known & Known.UNA and (half.una - end) & 0xFFFFFFFF < 1 << 31)


def _farewell(case: Case, sender: str) -> bool:
    """Whether both ends had closed, and what is repeated is no answer that the other end waits for."""
    half, peer = case.half(sender), case.half(other(sender))
    if not half.fin_count or not peer.fin_count:
        return False
    return sender == "client" or half.edge_bytes <= CLOSING_WORDS_BYTES


def judge(case: Case) -> Finding | None:
    """Repeats into silence."""
    sender = stuck_sender(case)
    if sender is None:
        refused = refused_sender(case)
        return _refused(case, refused) if refused else None
    half, peer = case.half(sender), case.half(other(sender))
    farewell = _farewell(case, sender)
    suspicion = suspicion_of_silence(case, sender, half.edge_ns, half.advanced_ns - peer.last_ns)
    same = half.edge_count >= REPEATS
    span = seconds(half.edge_last_ns - peer.last_ns)
    which = f"last of {half.edge_count} repeats" if same else "last repeat, several segments in turn"
    after = " after both had closed" if farewell else ""
    tried = errnos.patience(half.edge_last_ns - half.edge_ns)
    in_vain = f"{half.edge_bytes} bytes in vain for {span}"
    if not same:
        in_vain = f"in vain for {span}, with {untaken_bytes(case, sender)} bytes not acknowledged"
    return Finding(
        CODE,
        PHASE,
        "warning" if farewell else "error",
        0.9,
        f"the {other(sender)} ({case.end(other(sender))}) fell silent{after}: the {sender} repeated"
        f" {in_vain}",
        suspicion.suspects(),
        evidence(
            (peer.last_frame, peer.last_ns, f"last segment of the {other(sender)}"),
            (
                half.data_last_frame,
                half.data_last_ns,
                f"{which}, {span} later, not answered; repeated {tried}{suspicion.because}",
            ),
        ),
        suspicion.ruled_out(),
        Errno(**{sender: errnos.timed_out(case, half, half.edge_count)}),
        where_to_look(case, sender, suspicion),
        "RFC 9293 section 3.8.3; ip-sysctl tcp_retries2",
    )


def missing(case: Case) -> tuple[str, str] | None:
    """The acknowledgment."""
    sender = stuck_sender(case)
    return (other(sender), "no ACK") if sender else None
