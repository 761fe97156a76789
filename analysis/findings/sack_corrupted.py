"""The SACK blocks of one end name bytes that the other end never sent.

Signature
    Three or more SACK blocks far outside of what the peer has sent, by more than any window can hold.

Meaning
    A device on the way changes sequence numbers (initial sequence number randomization, a SYN proxy) in the
    header and forgets the SACK option. The sender discards the blocks, or worse believes them: losses are
    repaired by timeouts, transfers crawl.

Confused with
    D-SACK (RFC 2883): below the acknowledgment, but inside what was sent. A capture that misses data: the
    block lies just beyond it.

Dropped by
    The device that rewrites; where it stands, only two captures tell.

Next
    SACK blocks and sequence numbers on both sides of the firewall; or SACK switched off for a test.

Authority
    RFC 2018 section 3; RFC 5382 section 7 (a translator of sequence numbers must translate SACK, too).
"""

from __future__ import annotations

import numpy as np

from ..case import Case, evidence, other
from ..measures import Step, best_first, capture_at
from ..result import Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "sack-corrupted"
PHASE = "established"

BLOCKS = 3
"""One may be damaged; three are a habit."""


def candidates(table: FlowTable) -> np.ndarray:
    """Blocks outside of the connection's numbers."""
    return np.asarray(table.either("foreign_sack_count") >= BLOCKS)


def judge(case: Case) -> Finding:
    """The end whose blocks arrive wrong."""
    sender = max(("client", "server"), key=lambda side: case.half(side).foreign_sack_count)
    half, peer = case.half(sender), case.half(other(sender))
    sides = {"middlebox": 0.5, f"{sender}-network": 0.2, "path": 0.1}
    if case.vantage == sender:
        sides = {"middlebox": 0.5, f"{other(sender)}-network": 0.25, "path": 0.25}
    suspicion = Suspicion(sides)
    suspicion.rule_out(f"{other(sender)}-app", "no program sees SACK")
    return Finding(
        CODE,
        PHASE,
        "warning",
        0.85,
        f"{half.foreign_sack_count} SACK blocks of the {sender} ({case.end(sender)}) name bytes that the"
        f" {other(sender)} never sent: a device rewrites sequence numbers and not SACK",
        suspicion.suspects(),
        evidence(
            (half.last_frame, half.last_ns, f"last of them; acknowledges {half.ack_last}"),
            (
                peer.data_last_frame,
                peer.data_last_ns,
                f"the {other(sender)} has sent {peer.iss} to {peer.nxt}; {peer.rto_count} timeouts",
            ),
        ),
        suspicion.ruled_out(),
        next=best_first(
            suspicion.suspects(),
            capture_at(case, sender, "are the SACK blocks right there? (add -S)"),
            Step("sysctl -w net.ipv4.tcp_sack=0", f"on {case.end(sender).ip}, for a test: faster without?"),
        ),
        authority="RFC 2018 section 3; RFC 5382 section 7",
    )
