"""The server's address did not answer on its own link, so nothing could be delivered to it.

Signature
    Three or more ARP requests (or neighbour solicitations) for the server's address, about a second apart,
    from one asker, with no answer, and a SYN to that address that stayed unanswered at the same time.

Meaning
    The last device before the server has packets for it and cannot find it: the host is down, has another
    address, or is cut off from its link (VLAN, cable, port). Most often no SYN is seen at all where the
    requests are, because it waits for the answer; then there is no connection to tell this about, and it is
    told of the capture itself, under the same name.

Confused with
    A capture filter `tcp` hides the requests. Requests a minute apart are refreshes, whose answers go
    elsewhere.

Dropped by
    The server's host, or the link in front of it.

Next
    `ip neigh` on the asker, the switch port and VLAN of the server, and whether it is up.

Authority
    RFC 826; RFC 4861 section 7.2.2; Linux mcast_solicit 3, connect() fails with EHOSTUNREACH after 3 s.
"""

from __future__ import annotations

import numpy as np

from ..case import SECOND, Case, evidence, seconds
from ..result import Errno, Finding
from ..scene.neighbours import Unanswered
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "arp-no-reply"
PHASE = "handshake"
SUPERSEDES = ("syn-unanswered", "icmp-host-unreach")
NEAR_NS = 5 * SECOND
"""The questions belong to the connection when they come within this time of it."""


def candidates(table: FlowTable) -> np.ndarray:
    """SYNs and nothing back from the server itself."""
    return np.asarray((table.client("syn_count") > 0) & (table.server("packets") == 0))


def judge(case: Case) -> Finding | None:
    """The questions for the server's address, if they came at the same time."""
    asked = case.scene.neighbours.silent(case.server_end.ip)
    if asked is None or case.answers_unseen or not _together(case, asked):
        return None
    suspicion = Suspicion({"server-host": 0.5, "server-network": 0.5})
    suspicion.rule_out("path", f"{asked.asker_ip}, on the server's own link, is trying to deliver")
    ip = case.server_end.ip
    return Finding(
        CODE,
        PHASE,
        "error",
        0.9,
        f"{ip} does not answer on its own link: {asked.asker_ip} asked for it {asked.count} times",
        suspicion.suspects(),
        evidence(
            (case.client.syn_frame, case.client.syn_ns, "SYN"),
            (asked.first_frame, asked.first_ns, f"{asked.asker_ip} asks who has {ip}"),
            (
                asked.last_frame,
                asked.last_ns,
                f"still no answer {seconds(asked.last_ns - asked.first_ns)} later",
            ),
        ),
        suspicion.ruled_out(),
        Errno(client="EHOSTUNREACH")
        if asked.asker_ip == case.client_end.ip or case.flow.icmp_count
        else Errno(),
        (
            f"ip neigh show {ip}    # on {asked.asker_ip}",
            f"is {ip} up, in the right VLAN, and is this its address?",
        ),
        "RFC 826; RFC 4861 section 7.2.2",
    )


def _together(case: Case, asked: Unanswered) -> bool:
    from_ns, to_ns = case.flow.start_ns - NEAR_NS, case.flow.end_ns + NEAR_NS
    return bool(asked.last_ns >= from_ns and asked.first_ns <= to_ns)
