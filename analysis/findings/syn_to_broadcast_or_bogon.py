"""The SYN goes to an address at which no host can answer.

Signature
    A SYN to a multicast or broadcast address, in a frame to every host of the link, to an address range
    that is nobody's (unspecified, documentation, reserved, discard), or to its own sender, address and port;
    nothing comes back from there. Left out where such an address speaks or is the client's own: then the
    capture's addresses were rewritten, or the range is used here.

Meaning
    TCP connects two hosts. Kernels discard SYNs to a group of hosts in silence, and routers have no way to
    the other ranges. The address comes from a wrong setting: a placeholder that was never filled in, the
    example of some documentation, an uninitialised variable, a wrong netmask.

Confused with
    syn-unanswered: the address could be a host's. icmp-host-unreach: the same mistake, when a router says so.

Dropped by
    The client: its program's configuration or, where the netmask makes a broadcast of a host's address, its
    host's.

Next
    Where the program has the address from.

Authority
    RFC 9293 section 3.9.2.3 and RFC 1122 section 4.2.3.10 (no connection to broadcast or multicast); RFC
    6890 and RFC 5737, RFC 3849 (addresses that are nobody's).
"""

from __future__ import annotations

import ipaddress

import numpy as np

from ...capture.segment import address_halves
from .. import errnos
from ..case import Case, evidence, seconds
from ..evidence.icmp import errno_name
from ..evidence.silence import COPY_NS, overdue, patient
from ..measures import RECALLED, Step, best_first, route
from ..records import Fact
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "syn-to-broadcast-or-bogon"
PHASE = "handshake"
SUPERSEDES = (
    "syn-unanswered",
    "accept-queue-syn-drop",
    "arp-no-reply",
    "icmp-host-unreach",
    "icmp-admin-prohib",
    "icmp-ttl-exceeded",
)

GROUPS = {
    "224.0.0.0/4": "a multicast address (RFC 5771)",
    "ff00::/8": "a multicast address (RFC 4291 section 2.7)",
    "255.255.255.255/32": "the broadcast address (RFC 919)",
}
"""Groups of hosts."""

NOBODY = {
    "0.0.0.0/8": "no address (RFC 6890)",
    "::/128": "no address (RFC 4291 section 2.5.2)",
    "192.0.2.0/24": "an address for documentation (RFC 5737)",
    "198.51.100.0/24": "an address for documentation (RFC 5737)",
    "203.0.113.0/24": "an address for documentation (RFC 5737)",
    "2001:db8::/32": "an address for documentation (RFC 3849)",
    "240.0.0.0/4": "a reserved address (RFC 1112 section 4)",
    "100::/64": "an address that routers discard (RFC 6666)",
}
"""Ranges without hosts. Private ones, shared ones (RFC 6598) and those for benchmarks are used somewhere."""

_RANGES = [
    (*address_halves(str(network[0])), *address_halves(str(network[-1])), what)
    for network, what in (
        (ipaddress.ip_network(text), what) for text, what in (*GROUPS.items(), *NOBODY.items())
    )
]


def candidates(table: FlowTable) -> np.ndarray:
    """SYNs to where nobody is, unanswered."""
    client = table.client
    silent = (client("syn_count") > 0) & (table.server("packets") == 0)
    mask: np.ndarray = silent & (_nobodys(table.server_key) | _to_itself(table) | table.has(Fact.BROADCAST))
    return mask


def judge(case: Case) -> Finding | None:
    """The address and what is wrong with it."""
    client, flow = case.client, case.flow
    what = _what(case)
    if case.answers_unseen or what is None or _in_use(case.scene.table):
        return None
    if not flow.icmp_count and not overdue(case, client.syn_ns, client.syn_last_ns):
        return None
    repeated = client.syn_last_ns - client.syn_ns >= COPY_NS
    failed = bool(flow.icmp_count) or (repeated and patient(case, client.syn_ns, client.syn_count))
    suspicion = Suspicion({"client-app": 0.7, "client-host": 0.3})
    for side in ("server-app", "server-host", "server-network"):
        suspicion.rule_out(side, "there is no such host")
    told = (
        f"last of {client.syn_count} SYNs; silence for {seconds(case.since_ns(client.syn_last_ns))} after it"
    )
    return Finding(
        CODE,
        PHASE,
        "error" if failed else "warning",
        0.9 if failed else 0.7 if repeated else 0.5,
        f"{case.client_end.ip} tries to connect to {case.server_end}, {what}: no host can answer there",
        suspicion.suspects(),
        evidence(
            (client.syn_frame, client.syn_ns, f"first SYN, to {case.server_end.ip}: {what}"),
            (client.syn_last_frame if client.syn_count > 1 else 0, client.syn_last_ns, told),
            (flow.icmp_frame, flow.icmp_ns, "a router says that it knows no way there"),
        ),
        suspicion.ruled_out(),
        Errno(client=_errno(case)),
        best_first(
            suspicion.suspects(),
            Step(
                f"grep -rnF '{case.server_end.ip}' /etc",
                f"on {case.client_end.ip}: which program is told to connect there?",
                frozenset({"client-app"}),
                RECALLED,
            ),
            route(case, "client", "is it a broadcast or unreachable for this host, too?"),
        ),
        "RFC 9293 section 3.9.2.3; RFC 6890",
    )


def _what(case: Case) -> str | None:
    """What is wrong with the address, in words."""
    key = case.scene.table.server_key[case.index : case.index + 1]
    for low_hi, low_lo, high_hi, high_lo, what in _RANGES:
        if _between(key, low_hi, low_lo, high_hi, high_lo)[0]:
            return what
    if case.client_end == case.server_end:
        return None if ipaddress.ip_address(case.server_end.ip).is_loopback else "its own address and port"
    return "in a frame to every host of the link" if case.has(Fact.BROADCAST) else None


def _errno(case: Case) -> str | None:
    flow = case.flow
    if not flow.icmp_count:
        return errnos.attempt(case).errno
    name = errno_name(flow.icmp_type, flow.icmp_code, ":" in case.server_end.ip)
    return errnos.refused(case, flow.icmp_ns, name)


def _in_use(table: FlowTable) -> bool:
    """Whether somebody speaks from such an address."""
    found = table.worked_out.get(CODE)
    if found is None:
        answers = _nobodys(table.server_key) & (table.server("packets") > 0)
        found = bool((answers | _nobodys(table.client_key)).any())
        table.worked_out[CODE] = found
    return bool(found)


def _nobodys(keys: np.ndarray) -> np.ndarray:
    """Which addresses are in one of the ranges."""
    found = np.zeros(len(keys), bool)
    for low_hi, low_lo, high_hi, high_lo, _ in _RANGES:
        found |= _between(keys, low_hi, low_lo, high_hi, high_lo)
    return found


def _between(keys: np.ndarray, low_hi: int, low_lo: int, high_hi: int, high_lo: int) -> np.ndarray:
    """Which addresses lie in a network, whose lowest and highest address are given."""
    if low_hi != high_hi:
        return np.asarray((keys["hi"] >= low_hi) & (keys["hi"] <= high_hi))
    return np.asarray((keys["hi"] == low_hi) & (keys["lo"] >= low_lo) & (keys["lo"] <= high_lo))


def _to_itself(table: FlowTable) -> np.ndarray:
    """SYNs from an address and port to the same (the "land" attack)."""
    return np.asarray(table.client_key == table.server_key)
