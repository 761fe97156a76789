"""A device answered the SYN with ICMP port unreachable.

Signature
    ICMP type 3 code 3 (ICMPv6 type 1 code 4) that quotes the client's SYN, and no SYN-ACK.

Meaning
    A firewall refused the connection: this is what iptables' REJECT sends unless told otherwise. A TCP port
    without a listener answers with RST, never with this. Yet the application sees the same error as for a
    closed port.

Confused with
    port-closed: the same errno; only the capture tells them apart, when its filter lets ICMP through.

Dropped by
    Exactly the device that sent the error: the server's own firewall when the source is the server's
    address, else a router or firewall, placed by its TTL and address.

Next
    The rules of that device.

Authority
    RFC 1122 section 4.2.3.9; RFC 792; Linux icmp_err_convert: ECONNREFUSED.
"""

from __future__ import annotations

import numpy as np

from ..case import Case
from ..evidence import unreachable
from ..result import Finding
from ..table import FlowTable

CODE = "icmp-port-unreach"
PHASE = "handshake"
KINDS = frozenset({(3, 3)})
KINDS6 = frozenset({(1, 4)})


def candidates(table: FlowTable) -> np.ndarray:
    """A SYN answered by port unreachable."""
    return unreachable.answered_by_icmp(table, KINDS, KINDS6)


def judge(case: Case) -> Finding:
    """The refusal, and who sent it."""
    via, port = unreachable.sender(case), case.server_end.port
    summary = f"{via} refused the connection to {case.server_end} with ICMP port unreachable: a firewall rule"
    tables = "ip6tables" if unreachable.v6(case) else "iptables"
    steps = (f"{tables} -nvL | grep -i reject; nft list ruleset    # on {via}: a rule for port {port}?",)
    where = unreachable.place(case)
    return unreachable.finding(case, CODE, summary, where, steps, "RFC 1122 section 4.2.3.9")
