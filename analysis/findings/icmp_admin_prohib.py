"""A device answered the SYN with ICMP administratively prohibited.

Signature
    ICMP type 3 code 9, 10 or 13 (ICMPv6 type 1 code 1, 5 or 6) that quotes the client's SYN, and no
    SYN-ACK.

Meaning
    An access list or firewall rule forbids the connection and says so.

Confused with
    icmp-host-unreach: the same errno on IPv4, but a missing host or route instead of a rule.

Dropped by
    Exactly the device that sent the error, placed by its address and TTL.

Next
    The access list of that device.

Authority
    RFC 1812 section 5.2.7.1, RFC 4443 section 3.1; Linux: EHOSTUNREACH or ENETUNREACH, on IPv6 EACCES.
"""

from __future__ import annotations

import numpy as np

from ..case import Case
from ..evidence import unreachable
from ..result import Finding
from ..table import FlowTable

CODE = "icmp-admin-prohib"
PHASE = "handshake"
KINDS = frozenset({(3, 9), (3, 10), (3, 13)})
KINDS6 = frozenset({(1, 1), (1, 5), (1, 6)})


def candidates(table: FlowTable) -> np.ndarray:
    """A SYN answered by a prohibition."""
    return unreachable.answered_by_icmp(table, KINDS, KINDS6)


def judge(case: Case) -> Finding:
    """The prohibition, and who sent it."""
    via = unreachable.sender(case)
    summary = f"{via} forbids the connection to {case.server_end}: ICMP administratively prohibited"
    tables = "ip6tables" if unreachable.v6(case) else "iptables"
    rule = f"which rule counts TCP from {case.client_end.ip} to {case.server_end}?"
    steps = (f"nft list ruleset; {tables} -nvL    # on {via}: {rule}",)
    where = unreachable.place(case)
    authority = "RFC 1812 section 5.2.7.1; RFC 4443 section 3.1"
    return unreachable.finding(case, CODE, summary, where, steps, authority)
