"""Options that both hosts use elsewhere are missing from this connection's SYN-ACK.

Signature
    SACK, timestamps or window scaling in the client's SYN and not in the SYN-ACK, while another SYN-ACK of
    the same server address, from as far away, carries it.

Meaning
    A device on the way ("TCP normalization", an old firewall, a WAN optimizer) removes options, perhaps for
    one port only. Without SACK every loss costs more, without window scaling long paths are slow.

Confused with
    syn-cookie-degraded: only while a crowd of SYNs is half open. Two hosts behind one address (a balancer,
    published ports) may be set up differently. wscale-stripped: removed in one direction only.

Dropped by
    Nobody dropped anything. A device between the capture and the server, or another host or setting behind
    that port.

Next
    Capture at the server: which options arrive with the SYN, and which leave with the SYN-ACK?

Authority
    RFC 7323 section 1.3; RFC 2018 section 2; RFC 8684 section 1.4 (what middleboxes do to options).
"""

from __future__ import annotations

import numpy as np

from ...capture.segment import Option
from ..case import Case, evidence
from ..evidence.silence import listener
from ..measures import Step, best_first, capture_at, middlebox
from ..records import Fact
from ..result import Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "option-strip"
PHASE = "handshake"
ASKS_CLEAN = True

NAMES = {Option.SACK_PERMITTED: "SACK", Option.TIMESTAMP: "timestamps", Option.WSCALE: "window scaling"}

CROWD_COUNT = 20
"""With so many half-open connections at the port the SYN-ACK may come from a cookie."""


def candidates(table: FlowTable) -> np.ndarray:
    """Offered, not answered here, and answered by the same address elsewhere."""
    offered, answered = table.client("syn_options"), table.server("syn_options")
    opened = table.has(Fact.HANDSHAKE)
    mask = np.zeros(len(table), bool)
    if not len(table):
        return mask
    for option in NAMES:
        bit = np.uint16(option)
        both = opened & ((offered & bit) != 0)
        has = both & ((answered & bit) != 0)
        lacks = both & ~has
        if lacks.any():
            mask |= lacks & (table.ends.servers.sums(has)[table.ends.servers.ids] > 0)
    return mask


def judge(case: Case) -> Finding | None:
    """What is missing, and where the same server has it."""
    client, server = case.client, case.server
    if listener(case).half_open_count >= CROWD_COUNT or case.vantage in ("server", "both"):
        return None
    missing, elsewhere = _missing(case)
    if not missing:
        return None
    names = " and ".join(NAMES[option] for option in missing)
    suspicion = _suspicion(case)
    return Finding(
        CODE,
        PHASE,
        "info",
        0.5,
        f"the SYN-ACK of {case.server_end} has no {names}, though the same address uses it on port"
        f" {elsewhere}: removed on the way, or another host?",
        suspicion.suspects(),
        evidence(
            (client.syn_frame, client.syn_ns, f"SYN that offers {names}"),
            (
                server.syn_frame,
                server.syn_ns,
                f"SYN-ACK without, TTL {server.syn_ttl} as that of port {elsewhere}",
            ),
        ),
        suspicion.ruled_out(),
        next=best_first(
            suspicion.suspects(),
            capture_at(case, "server", "which options come with the SYN and leave with the SYN-ACK?"),
            Step(
                "sysctl net.ipv4.tcp_sack net.ipv4.tcp_timestamps net.ipv4.tcp_window_scaling",
                f"on {case.server_end.ip} and whatever answers on its port {case.server_end.port}",
                frozenset({"server-host"}),
            ),
            middlebox(
                "nft list ruleset | grep 'reset tcp option'",
                "on each firewall between; elsewhere TCP normalization",
            ),
        ),
        authority="RFC 7323 section 1.3; RFC 8684 section 1.4",
    )


def _missing(case: Case) -> tuple[list[Option], int]:
    """Options that this SYN-ACK lacks and another one from as far away has, and the port of that one."""
    table = case.scene.table
    rows = table.ends.servers.members(int(table.ends.servers.ids[case.index]))
    rows = rows[table.server("syn_ttl")[rows] == case.server.syn_ttl]
    offered, answered = table.client("syn_options")[rows], table.server("syn_options")[rows]
    found, port = [], 0
    for option in NAMES:
        has = (offered & answered & np.uint16(option)) != 0
        if case.client.syn_options & ~case.server.syn_options & option and has.any():
            found.append(option)
            port = int(table.ends.server_port[rows[np.flatnonzero(has)[0]]])
    return found, port


def _suspicion(case: Case) -> Suspicion:
    sides = {"server-network": 0.35, "server-host": 0.3, "path": 0.15}
    if case.vantage != "middle":
        sides["client-network"] = 0.2
    suspicion = Suspicion(sides)
    if case.vantage == "middle":
        suspicion.rule_out(
            "client-network", "the SYN passed this capture with the option, the SYN-ACK came without"
        )
    return suspicion
