"""Segments travel as IP fragments, and not all fragments arrive.

Signature
    An ICMP error "reassembly time exceeded" (type 11 code 1, ICMPv6 type 3 code 1) that quotes a segment of
    this connection; or, without it, segments captured as first fragments and repeated at least three times in
    vain while smaller ones were acknowledged.

Meaning
    The segments are larger than some link takes, and a router cuts them up because the sender allows it (no
    DF: path MTU discovery is off, or a tunnel hides it). Firewalls and address translators often drop
    fragments, since only the first one has the ports. The receiver waits half a minute for the rest and
    throws everything away.

Confused with
    pmtu-blackhole: the segments vanish whole, and nobody has waited for the rest of one. At the sender,
    before they are cut, only the ICMP error tells the two apart.

Dropped by
    A network between the place of the cut and whoever waits for the rest; where the error's sender is the
    receiving host itself, that host is cleared.

Next
    Which of the fragments arrive; then no fragments at all: path MTU discovery, or a smaller MSS.

Authority
    RFC 8900 (fragmentation is fragile); RFC 791 section 3.2 and RFC 8200 section 4.5 (reassembly).
"""

from __future__ import annotations

import numpy as np

from ...capture.segment import address_text
from .. import errnos
from ..case import Case, evidence, other, seconds
from ..evidence.unreachable import has_error, v6
from ..measures import RECALLED, Step, best_first, counters
from ..records import Fact
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "fragment-loss"
PHASE = "established"
SUPERSEDES = (
    "pmtu-blackhole",
    "mtu-mismatch-l2",
    "rto-backoff-dead",
    "segment-loss-up",
    "segment-loss-down",
    "spurious-rto",
    "icmp-soft-established",
)

REPEATS = 3
"""Repeats of a segment in fragments; fewer are ordinary loss."""

REASSEMBLY = ((11, 1), (3, 1))
"""ICMP and ICMPv6 "reassembly time exceeded"; ICMP 3/1 is another error."""


def candidates(table: FlowTable) -> np.ndarray:
    """Errors about reassembly, or fragments and repeats."""
    told = has_error(table, frozenset(REASSEMBLY))
    repeated = table.has(Fact.FRAGMENT) & (table.either("edge_count") >= REPEATS)
    mask: np.ndarray = told | repeated
    return mask


def judge(case: Case) -> Finding | None:
    """Fragments whose rest never came."""
    flow = case.flow
    if (flow.icmp_type, flow.icmp_code) == REASSEMBLY[v6(case)] and flow.icmp_count:
        return _finding(case, "client" if flow.icmp_side == flow.client_side else "server", told=True)
    for sender in ("client", "server"):
        half = case.half(sender)
        stuck = case.has(Fact.FRAGMENT) and half.edge_count >= REPEATS and half.max_acked_bytes
        if stuck and half.edge_bytes > half.max_acked_bytes and not case.answers_unseen:
            return _finding(case, sender, told=False)
    return None


def _finding(case: Case, sender: str, told: bool) -> Finding:
    flow, half = case.flow, case.half(sender)
    stuck = half.edge_count >= REPEATS
    waiter = str(address_text(flow.icmp_via_hi, flow.icmp_via_lo)) if told else ""
    suspicion = _suspicion(case, sender, waiter)
    summary = f"segments of the {sender} ({case.end(sender)}) are cut into IP fragments, and "
    summary += f"not all of them reach {waiter}" if told else "those are never acknowledged"
    lasted = f"{half.edge_count} repeats of one segment within {seconds(half.edge_last_ns - half.edge_ns)}"
    times = f", {flow.icmp_count} in all" if flow.icmp_count > 1 else ""
    return Finding(
        CODE,
        PHASE,
        "error" if stuck else "warning",
        0.9 if told else 0.6,
        summary,
        suspicion.suspects(),
        evidence(
            (
                half.data_last_frame if half.edge_count else 0,
                half.data_last_ns,
                f"{lasted}; the longest acknowledged at once had {int(half.max_acked_bytes)} bytes",
            ),
            (
                flow.icmp_frame if told else 0,
                flow.icmp_ns,
                f"ICMP reassembly time exceeded from {waiter}{times}",
            ),
        ),
        suspicion.ruled_out(),
        Errno(**{sender: errnos.timed_out(case, half, half.edge_count)}),
        _next(case, sender, suspicion),
        "RFC 8900; RFC 791 section 3.2",
    )


def _suspicion(case: Case, sender: str, waiter: str) -> Suspicion:
    """The networks on the way to whoever waited."""
    receiver = other(sender)
    sides = {f"{receiver}-network": 1.0, "path": 1.0, f"{sender}-network": 0.8}
    if waiter != case.end(receiver).ip:
        sides[f"{receiver}-host"] = 0.5
    suspicion = Suspicion(sides)
    suspicion.rule_out(f"{receiver}-app", "its kernel never had a whole segment for it")
    suspicion.rule_out(f"{sender}-app", "programs do not fragment")
    if waiter == case.end(receiver).ip:
        suspicion.rule_out(f"{receiver}-host", "it waited for the fragments that are missing, and says so")
    return suspicion


def _next(case: Case, sender: str, suspicion: Suspicion) -> tuple[str, ...]:
    receiver = other(sender)
    near, far = case.end(sender).ip, case.end(receiver).ip
    clamp = "nft add rule inet filter forward tcp flags syn tcp option maxseg size set rt mtu"
    return best_first(
        suspicion.suspects(),
        Step(
            f"tcpdump -ni any 'host {near} and (ip[6:2] & 0x3fff != 0 or ip6[6] = 44)'",
            f"on {far}: the first fragments alone, or none?",
            frozenset({f"{receiver}-host", f"{receiver}-network"}),
        ),
        counters(case, receiver, "IpReasmFails", "Ip6ReasmFails", question="do they grow with every repeat?"),
        Step(
            "sysctl net.ipv4.ip_no_pmtu_disc",
            f"on {near}: 1 means that it lets routers fragment",
            frozenset({f"{sender}-host"}),
            RECALLED,
        ),
        Step(clamp, "on the router before the small link"),
    )
