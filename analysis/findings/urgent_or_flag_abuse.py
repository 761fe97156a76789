"""A segment with flags that no TCP sends: somebody probes.

Signature
    The first segment of an end has neither SYN, RST nor ACK (no flags at all, FIN alone, FIN with PSH and
    URG), or SYN together with FIN or RST.

Meaning
    Scanners send such segments because closed ports answer them with RST and open ones do not, and because
    some filters look for SYN only. Now and then a broken device makes them.

Confused with
    Urgent data (URG with ACK) is rare but legal: telnet and ftp send it. ECE and CWR belong to ECN, and the
    reserved bits are ignored by whoever does not know them.

Dropped by
    Nobody's connection failed. The sender's program builds its own packets, or a device mangles them.

Next
    The other connections of that address: which ports does it try?

Authority
    RFC 9293 section 3.10.7.1, 3.10.7.2 and 3.10.7.4; RFC 3360 section 2.
"""

from __future__ import annotations

import numpy as np

from ...capture.segment import Flag
from ..case import Case, evidence, other
from ..measures import Step, best_first, capture_at
from ..records import Fact
from ..result import Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "urgent-or-flag-abuse"
PHASE = "handshake"
SUPERSEDES = ("port-closed", "reject-tcp-reset")

MOST = 6
"""A probe and its answers are a handful of segments."""


def candidates(table: FlowTable) -> np.ndarray:
    """Marked by the tracker."""
    return table.has(Fact.ODD_FLAGS)


def judge(case: Case) -> Finding | None:
    """Which flags, and what came back."""
    if case.flow.packets > MOST:
        return None  # a connection that works: some device has mangled one segment of it
    sender = min(
        (side for side in ("client", "server") if case.half(side).packets),
        key=lambda side: case.half(side).first_frame,
    )
    half, answer = case.half(sender), case.half(other(sender))
    flags = case.flow.odd_flags
    words = "-".join(flag.name or "" for flag in Flag if flag & flags) or "no flags"
    suspicion = Suspicion({f"{sender}-app": 0.8, "middlebox": 0.2})
    suspicion.rule_out(f"{sender}-host", "no kernel builds such a segment")
    back = "answered with RST: the port is closed" if answer.rst_count else "nothing came back"
    end = case.end(sender)
    return Finding(
        CODE,
        PHASE,
        "info",
        0.85,
        f"{end.ip} sent a segment with {words} to {case.end(other(sender))}: a probe, or a broken device",
        suspicion.suspects(),
        evidence((half.first_frame, half.first_ns, f"{words}, {half.packets} in all; {back}")),
        suspicion.ruled_out(),
        next=best_first(
            suspicion.suspects(),
            Step(
                f"tshark -r CAPTURE -Y 'ip.addr == {end.ip}' -q -z conv,tcp"
                if ":" not in end.ip
                else f"tshark -r CAPTURE -Y 'ipv6.addr == {end.ip}' -q -z conv,tcp",
                "which ports does it try?",
            ),
            capture_at(case, sender, "does it leave there like this?"),
        ),
        authority="RFC 9293 section 3.10.7",
    )
