"""The reset was forged: a device between the two ends sent it in the name of one of them.

Signature
    A RST on an open connection that contradicts what its alleged sender otherwise sends, in two ways that do
    not depend on each other. Strong: a TTL two or more steps away, segments of the same sender after it, both
    ends reset in the same millisecond. Weak, because some honest stacks do it: no timestamps although the
    connection uses them, an IP identification off the sender's counter, the other end's window.

Meaning
    A firewall, an intrusion prevention system, a load balancer with an idle limit or a censor ended the
    connection. The end that is named as sender knows nothing of it, goes on, and is often answered with a RST
    for its pains.

Confused with
    rst-app-abort: one contradiction is not enough. rst-out-of-window-ignored: the forgery failed.

Dropped by
    A middlebox. Its TTL says how many routers away from the capture, if it began at 64, 128 or 255; the
    network of the end next to it is named too. The server's own capture shows that the server did not send
    it.

Next
    Capture at the alleged sender: the RST is not there. Then `traceroute` for the router at that distance.

Authority
    RFC 9293 section 3.10.7.4 and RFC 5961 section 3 (what a RST must match); RFC 3360 (inappropriate resets).
"""

from __future__ import annotations

from .. import errnos
from ..case import Case, evidence
from ..evidence.forgery import Contradictions, contradictions, routers_to
from ..evidence.resets import Reset, candidates, reset_of
from ..measures import best_first, capture_at, middlebox
from ..result import Errno, Finding
from ..verdict import Suspicion

CODE = "rst-injected"
PHASE = "established"
SUPERSEDES = (
    "rst-app-abort", "rst-no-socket", "close-with-unread", "rst-instead-of-fin", "rst-after-fin",
    "data-after-close", "server-silent-after-request",
)  # fmt: skip
"""What the RST would mean if its sender had sent it."""

NEAR_ROUTERS = 2
"""A device at most this many routers from an end belongs to that end's network, more likely than not."""

__all__ = ["CODE", "PHASE", "SUPERSEDES", "candidates", "judge"]


def judge(case: Case) -> Finding | None:
    """The first RST, of either end, that its alleged sender cannot have sent."""
    for side in ("client", "server"):
        reset = reset_of(case, side)
        if reset is None or reset.survived:
            continue
        against = contradictions(reset)
        if against.forged:
            return _finding(case, reset, against)
    return None


def _finding(case: Case, reset: Reset, against: Contradictions) -> Finding:
    reasons = against.strong + against.weak
    suspicion = _suspicion(case, reset)
    half = reset.half
    return Finding(
        CODE,
        PHASE,
        "error",
        0.95 if len(reasons) > 2 else 0.85,
        f"the connection to {case.server_end} was reset by a forged RST: the {reset.sender} did not send it",
        suspicion.suspects(),
        evidence(
            (
                half.last_frame if half.after_rst_count else 0,
                half.last_ns,
                f"the {reset.sender} is still there",
            ),
            (
                half.rst_frame,
                half.rst_ns,
                "RST in the name of the " + reset.sender + ": " + "; ".join(reasons),
            ),
        ),
        suspicion.ruled_out(),
        _errno(reset),
        _next(case, reset, suspicion),
        "RFC 3360; RFC 5961 section 3",
    )


def _suspicion(case: Case, reset: Reset) -> Suspicion:
    """A middlebox, and the network in which its TTL puts it."""
    sides = {"middlebox": 1.0}
    device, end = routers_to(reset.half)
    if device <= end:
        near_sender = end - device <= NEAR_ROUTERS
        near_tap = device <= NEAR_ROUTERS and case.vantage == reset.to
        place = reset.sender if near_sender else reset.to if near_tap else ""
        sides[f"{place}-network" if place else "path"] = 0.2
    suspicion = Suspicion(sides)
    for part in ("app", "host"):
        suspicion.rule_out(f"{reset.sender}-{part}", "its own segments look different from this RST")
    return suspicion


def _errno(reset: Reset) -> Errno:
    """The end that got it; and the other one when it was reset, too."""
    seen = {reset.to: errnos.of_reset(reset), reset.sender: "ECONNRESET" if reset.peer.rst_count else None}
    return Errno(seen["client"], seen["server"])


def _next(case: Case, reset: Reset, suspicion: Suspicion) -> tuple[str, ...]:
    sender, port = case.end(reset.sender), case.server_end.port
    device, _ = routers_to(reset.half)
    return best_first(
        suspicion.suspects(),
        capture_at(case, reset.sender, "did it send this RST?"),
        middlebox(
            f"traceroute -n -T -p {port} {sender.ip}",
            f"from the capture: which router is {device} hops away?",
        ),
    )
