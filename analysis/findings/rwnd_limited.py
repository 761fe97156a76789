"""The receiver's window held the transfer back: neither the path nor the sender did.

Signature
    Over ten round trips or more, one end sends just about as much per round trip as the other's largest
    window allows (at least 70 % of it), with nothing lost. At the sender's side of the path many segments end
    exactly at the edge of that window.

Meaning
    Throughput is window divided by round trip, whatever the path could carry. The receiver's buffer is small:
    set so by its program (SO_RCVBUF switches Linux's automatic growth off), by its kernel's limits, or the
    program reads in small bites.

Confused with
    zero-window-stall: the window closes altogether. A path that carries just as much as the window allows;
    then segments are lost sooner or later. Without window scaling the window ends at 64 kB: option-strip,
    wscale-stripped.

Dropped by
    Nobody dropped anything. The receiver's application or host decides on its buffer.

Next
    The receiver's buffer: `ss -tm` shows it (rb), and `ss -ti` at the sender `rwnd_limited`.

Authority
    RFC 9293 section 3.8.6; RFC 1122 section 4.2.3.3; RFC 7323 section 1.1; tcp(7) tcp_rmem and SO_RCVBUF.
"""

from __future__ import annotations

import numpy as np

from ..case import MS, Case, HalfRow, evidence, other, seconds
from ..measures import COUNTED, Step, best_first, sockets
from ..records import Fact
from ..result import Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "rwnd-limited"
PHASE = "established"
ASKS_CLEAN = True

ROUND_TRIPS = 10
"""A sender needs a few to open its own window (RFC 5681 section 3.1); later the other's is what counts."""

SHARE, MOST = 0.7, 1.3
"""Linux lets the receive buffer grow to twice what arrives per round trip (dynamic right-sizing), so who is
not held back by it stays near one half; above the window nothing can be but a wrong round trip."""

ROUND_TRIP_NS = 2 * MS
"""Across a shorter path even a small window is fast, and a host's own delays count as much as the path."""


def candidates(table: FlowTable) -> np.ndarray:
    """About a window's worth of payload per round trip in one direction, for many round trips."""
    client, server = table.client, table.server
    found = np.zeros(len(table), bool)
    for near, far in ((client, server), (server, client)):
        full = near("unique_bytes") >= ROUND_TRIPS * SHARE * far("window_max_bytes")
        rows = np.flatnonzero(full & (far("window_max_bytes") > 0) & table.has(Fact.HANDSHAKE))
        handshake_ns = table.flows["established_ns"][rows] - table.of("client", rows, "syn_ns")
        both_ns = table.of("client", rows, "rtt_min_ns") + table.of("server", rows, "rtt_min_ns")
        round_trip_ns = np.minimum(handshake_ns, both_ns)
        span_ns = near("data_last_ns")[rows] - near("data_ns")[rows]
        bytes_per_trip = near("unique_bytes")[rows] * round_trip_ns / np.maximum(span_ns, 1)
        share = bytes_per_trip / far("window_max_bytes")[rows]
        long = (round_trip_ns >= ROUND_TRIP_NS) & (span_ns >= ROUND_TRIPS * round_trip_ns)
        found[rows] |= long & (share >= SHARE) & (share <= MOST)
    return found & (client("syn_repeat_count") == 0)


def judge(case: Case) -> Finding | None:
    """Window per round trip, and no more."""
    round_trip_ns = min(case.handshake_rtt_ns or 0, case.round_trip_ns or 0)  # either may have had a delay
    if round_trip_ns < ROUND_TRIP_NS:
        return None
    for sender in ("client", "server"):
        half, peer = case.half(sender), case.half(other(sender))
        span_ns = half.data_last_ns - half.data_ns
        if not peer.window_max_bytes or span_ns < ROUND_TRIPS * round_trip_ns or _troubled(half, peer):
            continue
        share = half.unique_bytes * round_trip_ns / (span_ns * peer.window_max_bytes)
        if SHARE <= share <= MOST:
            return _finding(case, sender, share, round_trip_ns)
    return None


def _troubled(half: HalfRow, peer: HalfRow) -> bool:
    """Whether losses, or a program that does not read at all, explain more."""
    lost = half.rto_count + half.fast_count + half.unseen_bytes + half.fill_count
    return bool(lost or peer.zero_window_count)


def _finding(case: Case, sender: str, share: float, round_trip_ns: int) -> Finding:
    half, receiver = case.half(sender), other(sender)
    peer = case.half(receiver)
    suspicion = Suspicion({f"{receiver}-app": 0.5, f"{receiver}-host": 0.5})
    suspicion.rule_out("path", "nothing was lost, and each window's worth arrived")
    span = seconds(half.data_last_ns - half.data_ns)
    edge = (
        f"; {half.window_full_count} segments end at the edge of the window" if half.window_full_count else ""
    )
    end = case.end(receiver)
    return Finding(
        CODE,
        PHASE,
        "info",
        0.75 if half.window_full_count else 0.6,
        f"the window of {end} held the {sender}'s {half.unique_bytes} bytes back: at most"
        f" {peer.window_max_bytes} bytes per round trip of {seconds(round_trip_ns)}",
        suspicion.suspects(),
        evidence(
            (half.data_frame, half.data_ns, f"first payload of the {sender}"),
            (
                half.data_last_frame,
                half.data_last_ns,
                f"{half.unique_bytes} bytes in {span}: {share:.0%} of a full window per round trip, nothing"
                f" lost{edge}",
            ),
        ),
        suspicion.ruled_out(),
        next=best_first(
            suspicion.suspects(),
            sockets(case, sender, "rwnd_limited: for how long?"),
            Step(
                f"ss -tmn 'dst {case.end(sender).ip}'",
                f"on {end.ip}: rb, the receive buffer; does it stay as it is (SO_RCVBUF)?",
                frozenset({f"{receiver}-app"}),
                COUNTED,
            ),
            Step(
                "sysctl net.ipv4.tcp_rmem",
                f"on {end.ip}: how far may it grow?",
                frozenset({f"{receiver}-host"}),
            ),
        ),
        authority="RFC 9293 section 3.8.6; tcp(7) tcp_rmem",
    )
