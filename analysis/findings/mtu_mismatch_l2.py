"""Large frames vanish between two hosts on one link: its parts disagree about the MTU.

Signature
    A segment of 1000 bytes or more repeated at least three times without progress, while smaller ones were
    acknowledged, and no ICMP; both ends arrive with a TTL that no router has lowered.

Meaning
    There is no router in between that could say "too big": the switch, the virtual network or the other
    host's interface takes smaller frames than the sender's interface sends, a jumbo host on a standard
    network for one, and drops what is larger in silence.

Confused with
    pmtu-blackhole: the same with routers in between, one of which keeps quiet. A tunnel or an overlay that
    joins two links into one looks like this, too: then its MTU is the small one.

Dropped by
    The link: a switch or an overlay (either network), or the receiving host, whose interface is smaller.

Next
    The MTU of both interfaces, and of the switch ports between them; a ping of full size.

Authority
    RFC 9293 section 3.7.1; RFC 894 and RFC 2464 (1500 bytes on Ethernet); jumbo frames are no standard.
"""

from __future__ import annotations

import numpy as np

from .. import errnos
from ..case import Case, evidence, other, seconds
from ..measures import COUNTED, PROBED, Step, best_first, capture_at
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion
from . import pmtu_blackhole
from .pmtu_blackhole import on_one_link, vanishes, whole_bytes

CODE = "mtu-mismatch-l2"
PHASE = "established"
SUPERSEDES = (pmtu_blackhole.CODE, *pmtu_blackhole.SUPERSEDES)

TOLD = 1.0
"""Both hosts speak ARP on their link, and neither TTL has been lowered: nothing but being told says at which
of them the capture was taken."""


def candidates(table: FlowTable) -> np.ndarray:
    """Some end keeps repeating a large segment without progress."""
    return pmtu_blackhole.candidates(table)


def judge(case: Case) -> Finding | None:
    """Large segments vanish, small ones pass, and no router is in between."""
    if case.answers_unseen or not on_one_link(case):
        return None
    for sender in ("client", "server"):
        certain = vanishes(case, sender)
        if certain is not None:
            return _finding(case, sender, certain)
    return None


def _finding(case: Case, sender: str, certain: bool) -> Finding:
    half, receiver = case.half(sender), other(sender)
    suspicion = _suspicion(case, sender)
    within = seconds(half.edge_last_ns - half.edge_ns)
    told = (
        f"{half.edge_count} repeats of {half.edge_bytes} bytes within {within}; the longest acknowledged had "
    )
    return Finding(
        CODE,
        PHASE,
        "error",
        0.85 if certain else 0.55,
        f"frames with {half.edge_bytes} bytes of the {sender} ({case.end(sender)}) vanish on the link it "
        f"shares with the {receiver}: no router is in between",
        suspicion.suspects(),
        evidence(
            (
                half.first_frame,
                half.first_ns,
                f"TTL {half.ttl_first}, the {receiver}'s {case.half(receiver).ttl_first}: no router passed",
            ),
            (half.data_last_frame, half.data_last_ns, f"{told}{int(half.max_acked_bytes)}"),
        ),
        suspicion.ruled_out(),
        Errno(**{sender: errnos.timed_out(case, half, half.edge_count)}),
        _next(case, sender, suspicion),
        "RFC 9293 section 3.7.1",
    )


def _suspicion(case: Case, sender: str) -> Suspicion:
    """The link between the tap and the receiver, or its interface."""
    receiver = other(sender)
    if case.vantage == receiver and case.scene.vantage.confidence >= TOLD:
        suspicion = Suspicion({f"{receiver}-host": 1.0})
        suspicion.rule_out("path", f"the frames arrive on the {receiver}, where the capture was taken")
        return suspicion
    suspicion = Suspicion({f"{receiver}-network": 1.0, f"{sender}-network": 1.0, f"{receiver}-host": 0.8})
    suspicion.rule_out("path", "no router is between the two hosts")
    suspicion.rule_out(f"{receiver}-app", "its kernel would acknowledge without the application")
    return suspicion


def _next(case: Case, sender: str, suspicion: Suspicion) -> tuple[str, ...]:
    receiver = other(sender)
    far, whole = case.end(receiver).ip, whole_bytes(case, sender)
    hosts = f"on {case.end(sender).ip} and on {far}: the same mtu?"
    return best_first(
        suspicion.suspects(),
        capture_at(case, receiver, "do the large frames arrive?"),
        Step("ip -d link show", hosts, frozenset({f"{receiver}-host"}), COUNTED),
        Step(
            f"ping -M do -s {whole} -c 3 {far}; ping -M do -s 1400 -c 3 {far}",
            f"from {case.end(sender).ip}: does only the small one come back?",
            frozenset({f"{sender}-network", f"{receiver}-network"}),
            PROBED,
        ),
    )


def missing(case: Case) -> tuple[str, str] | None:
    """The acknowledgment of the large segment."""
    return pmtu_blackhole.missing(case)
