"""ICMP errors in answer to a SYN: who sent them, what the application saw. For the four ICMP findings."""

from __future__ import annotations

import numpy as np

from ...capture.segment import address_text
from .. import errnos
from ..case import Case, evidence, seconds
from ..result import Errno, Finding
from ..scene.grouping import among
from ..table import FlowTable
from ..verdict import Suspicion
from .icmp import errno_name, error_name
from .position import Place, locate

Kinds = frozenset[tuple[int, int]]
MAPPED = 0xFFFF
"""IPv4 addresses are kept as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2)."""


def answered_by_icmp(table: FlowTable, kinds: Kinds, kinds6: Kinds) -> np.ndarray:
    """Connections whose SYN got one of these (type, code) pairs and no SYN-ACK."""
    flows = table.flows
    four = (flows["a_hi"] == 0) & (flows["a_lo"] >> np.uint64(32) == MAPPED)
    wanted = np.where(four, has_error(table, kinds), has_error(table, kinds6))
    quoted_client = flows["icmp_side"] == flows["client_side"]
    asked = (table.client("syn_count") > 0) & (table.server("synack_count") == 0)
    waiting = (flows["established_ns"] == 0) & (table.client("data_packets") == 0)
    mask: np.ndarray = asked & waiting & wanted & quoted_client
    return mask


def has_error(table: FlowTable, kinds: Kinds) -> np.ndarray:
    """Connections whose first ICMP error is one of these (type, code) pairs."""
    flows = table.flows
    pairs = flows["icmp_type"].astype(np.int64) * 256 + flows["icmp_code"]
    known = np.array([kind * 256 + code for kind, code in sorted(kinds)])
    return np.asarray((flows["icmp_count"] > 0) & among(pairs, known))


def sender(case: Case) -> str:
    """Address of the device that sent the (first) error."""
    return str(address_text(case.flow.icmp_via_hi, case.flow.icmp_via_lo))


def place(case: Case) -> Place:
    """Where that device stands."""
    return locate(case, case.flow.icmp_ttl, sender(case))


def finding(
    case: Case, code: str, summary: str, where: Place, next_steps: tuple[str, ...], authority: str
) -> Finding:
    """The finding of any ICMP rule: its source is the dropper, at `where`."""
    flow, client = case.flow, case.client
    name = error_name(flow.icmp_type, flow.icmp_code, v6(case))
    suspicion = Suspicion(where.weights)
    suspicion.rule_out("client-app", "its SYN left, and was refused on the way")
    if "server-app" not in where.weights:
        suspicion.rule_out("server-app", "the SYN was turned away before any socket")
    times = f"{flow.icmp_count} times, first " if flow.icmp_count > 1 else ""
    after = seconds(flow.icmp_ns - client.syn_ns)
    told = f"ICMP {name} from {sender(case)}, {times}{after} after the SYN; {where.why}"
    syn = (client.syn_frame, client.syn_ns, f"SYN to {case.server_end}")
    errno = errnos.refused(case, flow.icmp_ns, errno_name(flow.icmp_type, flow.icmp_code, v6(case)))
    return Finding(
        code, "handshake", "error", 0.95, summary, suspicion.suspects(),
        evidence(syn, (flow.icmp_frame, flow.icmp_ns, told)),
        suspicion.ruled_out(), Errno(client=errno), next_steps, authority,
    )  # fmt: skip


def v6(case: Case) -> bool:
    """Whether the connection is IPv6."""
    return ":" in case.server_end.ip
