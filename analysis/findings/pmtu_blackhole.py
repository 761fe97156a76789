"""Large segments vanish while small ones pass: a link takes less than the sender thinks, and nobody tells it.

Signature
    One end repeats a segment of 1000 bytes or more at least three times without progress, longer than any
    that was ever acknowledged; no ICMP "fragmentation needed" or "packet too big". Sure when small segments
    still pass afterwards; likely when everything outstanding is large, and only a warning until it has been
    repeated as often as rto-backoff-dead asks: a short interruption looks the same.

Meaning
    A tunnel, PPPoE or VPN link on the path has a smaller MTU, and a firewall (or the link itself) keeps back
    the ICMP error that path MTU discovery needs. Handshakes and small answers work, then the connection
    hangs.

Confused with
    rto-backoff-dead: small segments in flight vanish, too. pmtu-icmp-ignored: the ICMP error is there.
    mtu-mismatch-l2: no router is between the two hosts; where one is, the link between a host and its router
    can still be the one whose parts disagree. fragment-loss: a router cuts what is too large into fragments,
    and the fragments are dropped behind it.

Dropped by
    The path or a network at either end, beyond the capture; both what drops and what keeps the ICMP error
    back.

Next
    Ping with the DF bit and falling sizes; then clamp the MSS or let ICMP type 3 code 4 (ICMPv6 type 2)
    through.

Authority
    RFC 2923 section 2.1; RFC 4821; RFC 9293 section 3.7.2; Linux tcp_mtu_probing.
"""

from __future__ import annotations

import numpy as np

from .. import errnos
from ..case import Case, evidence, hops, other, seconds
from ..evidence.unheard import suspicion_of_silence
from ..measures import PROBED, Step, best_first
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion
from . import rto_backoff_dead

CODE = "pmtu-blackhole"
PHASE = "established"
SUPERSEDES = ("rto-backoff-dead", "segment-loss-up", "segment-loss-down", "spurious-rto")

LARGE_BYTES = 1000
"""No link worth the name takes less than 1280 bytes (RFC 8200 section 5), 1220 without the headers of
IPv6."""

SMALL_BYTES = 536
"""What every path takes (RFC 9293 section 3.7.1): a segment this small does not vanish for its size."""

REPEATS = 3
"""Repeats of the large segment; fewer are ordinary loss."""

TCP_BYTES, STAMP_BYTES, ICMP_BYTES = 20, 12, 8
"""Headers before the payload of a segment (with timestamps) and of a ping, after the same IP header."""

TOO_BIG = ((3, 4), (2, 0))
"""ICMP "fragmentation needed", ICMPv6 "packet too big"."""


def candidates(table: FlowTable) -> np.ndarray:
    """Some end keeps repeating a large segment without progress."""
    return (table.either("edge_count") >= REPEATS) & (table.either("edge_bytes") >= LARGE_BYTES)


def judge(case: Case) -> Finding | None:
    """A large segment repeated in vain, and no small one lost with it."""
    for sender in ("client", "server"):
        certain = vanishes(case, sender)
        if certain is not None and not case.answers_unseen and not on_one_link(case):
            return _finding(case, sender, certain)
    return None


def vanishes(case: Case, sender: str) -> bool | None:
    """Whether small segments are known to pass where large ones do not; None when size explains nothing."""
    half, peer = case.half(sender), case.half(other(sender))
    large = (
        half.edge_count >= REPEATS
        and half.edge_bytes >= LARGE_BYTES
        and half.edge_bytes > half.max_acked_bytes
    )
    told = case.flow.icmp_count and (case.flow.icmp_type, case.flow.icmp_code) in TOO_BIG
    if not large or told or peer.zero_since_ns or case.midstream or not half.max_acked_bytes:
        return None
    if peer.last_ns > half.edge_ns:
        return True
    outstanding = (half.nxt - half.una) & 0xFFFFFFFF
    remainder = outstanding % half.edge_bytes
    if 0 < remainder <= SMALL_BYTES:  # the last one is small, and known to have passed if it was SACKed
        return True if half.sack_high == half.nxt else None
    return False


def on_one_link(case: Case) -> bool:
    """Whether no router is between the two hosts: none has lowered a TTL, and they are two."""
    ends = (case.client.ttl_first, case.server.ttl_first)
    return all(ends) and not any(map(hops, ends)) and case.vantage != "both"


def whole_bytes(case: Case, sender: str) -> int:
    """Data of a ping as long as the segment that vanishes."""
    half = case.half(sender)
    return int(half.edge_bytes + TCP_BYTES + (STAMP_BYTES if half.tsval else 0) - ICMP_BYTES)


def _finding(case: Case, sender: str, certain: bool) -> Finding:
    half = case.half(sender)
    suspicion = _suspicion(case, sender, certain)
    largest = int(half.max_acked_bytes)
    return Finding(
        CODE,
        PHASE,
        "error" if certain or half.edge_count >= rto_backoff_dead.REPEATS else "warning",
        0.9 if certain else 0.6,
        f"segments of {half.edge_bytes} bytes from the {sender} ({case.end(sender)}) vanish"
        + (", small ones pass" if certain else f"; no more than {largest} bytes at once ever got through"),
        suspicion.suspects(),
        evidence(
            (
                half.data_last_frame,
                half.data_last_ns,
                f"{half.edge_count} repeats of {half.edge_bytes} bytes within"
                f" {seconds(half.edge_last_ns - half.edge_ns)}; the longest acknowledged had {largest}",
            )
        ),
        suspicion.ruled_out(),
        Errno(**{sender: errnos.timed_out(case, half, half.edge_count)}),
        _next(case, sender, suspicion),
        "RFC 2923 section 2.1; RFC 4821",
    )


def _suspicion(case: Case, sender: str, certain: bool) -> Suspicion:
    """Whoever has the small link. The other host is out when it is known to answer."""
    receiver = other(sender)
    if certain:
        sides = {"path": 1.0, f"{receiver}-network": 1.0, f"{sender}-network": 1.0}
        if case.vantage in ("middle", receiver):
            sides.pop(f"{sender}-network")
        suspicion = Suspicion(sides)
        suspicion.rule_out(f"{receiver}-host", "it answers small segments")
        return suspicion
    return suspicion_of_silence(case, sender, case.half(sender).edge_ns)


def _next(case: Case, sender: str, suspicion: Suspicion) -> tuple[str, ...]:
    near, far = case.end(sender).ip, case.end(other(sender)).ip
    whole = whole_bytes(case, sender)
    clamp = "nft add rule inet filter forward tcp flags syn tcp option maxseg size set rt mtu"
    return best_first(
        suspicion.suspects(),
        Step(
            f"ping -M do -s {whole} -c 3 {far}; ping -M do -s 1200 -c 3 {far}",
            f"from {near}: does only the small one come back?",
            frozenset({"path", "client-network", "server-network"}),
            PROBED,
        ),
        Step(
            f"tracepath -n {far}",
            f"from {near}: where does the MTU change?",
            frozenset({f"{sender}-network"}),
            PROBED,
        ),
        Step(clamp, "on the router before the small link"),
    )


def missing(case: Case) -> tuple[str, str] | None:
    """The acknowledgment of the large segment."""
    for sender in ("client", "server"):
        if vanishes(case, sender) is not None:
            return (other(sender), "no ACK of large segments")
    return None
