"""The SYN got through only after the client had left something out of it.

Signature
    A first SYN with Fast Open data, a cookie, ECN, MD5 or MPTCP and no answer; a later one without that, and
    the SYN-ACK follows it.

Meaning
    A device on the way, or the server's host, drops SYNs that carry what it does not know. The client's
    kernel falls back, so every connection opens a second late, until the client remembers the address.

Confused with
    syn-lost-recovered: the answered SYN is the same as the lost one.

Dropped by
    Something that looks into the SYN: firewalls and balancers of either network, the path; the server's host
    only where the capture was taken there. Ordinary loss of the first SYN looks the same once; several
    connections with the same fallback rule it out.

Next
    The same connection with the option switched off on the client.

Authority
    RFC 3168 section 6.1.1.1 (ECN fallback), RFC 7413 section 4.1.3 (Fast Open fallback); Linux 6.18 repeats
    the SYN without data, cookie and ECN after its first timeout.
"""

from __future__ import annotations

import numpy as np

from ...capture.segment import Option
from ..case import Case, evidence, seconds
from ..measures import Step, best_first, capture_at
from ..records import Offer
from ..result import Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "syn-option-blackhole"
PHASE = "handshake"
SUPERSEDES = ("syn-lost-recovered",)

NAMES = {
    int(Offer.DATA): "data",
    int(Option.TFO): "a Fast Open cookie",
    int(Offer.ECN): "ECN",
    int(Option.MPTCP): "MPTCP",
    int(Option.MD5): "an MD5 signature",
    int(Option.AO): "TCP-AO",
}
SWITCHES = {
    int(Offer.DATA): "net.ipv4.tcp_fastopen",
    int(Option.TFO): "net.ipv4.tcp_fastopen",
    int(Offer.ECN): "net.ipv4.tcp_ecn",
    int(Option.MPTCP): "net.mptcp.enabled",
}
FRAGILE = np.uint16(sum(NAMES))
"""What devices are known to stumble over; every device knows the other options."""


def _given_up(table: FlowTable) -> np.ndarray:
    """Which of these the first SYN had and the last one has not, per connection."""
    first, last = table.client("syn_options"), table.client("syn_last_options")
    return np.asarray(first & ~last & FRAGILE)


def candidates(table: FlowTable) -> np.ndarray:
    """A SYN that was repeated with less, and then answered."""
    repeated = (table.client("syn_repeat_count") > 0) & (table.server("synack_count") > 0)
    later = table.server("syn_ns") > table.client("syn_last_ns")
    return np.asarray(repeated & later & (_given_up(table) > 0))


def judge(case: Case) -> Finding | None:
    """The option that was left out."""
    client, server, table = case.client, case.server, case.scene.table
    lost = client.syn_options & ~client.syn_last_options & int(FRAGILE)
    what = " and ".join(name for bit, name in NAMES.items() if lost & bit)
    alike = int(((_given_up(table) & lost) > 0).sum()) - 1
    suspicion = _suspicion(case, alike)
    late = seconds(client.syn_last_ns - client.syn_ns)
    others = f"; {alike} other connections had to do the same" if alike else ""
    switches = sorted({switch for bit, switch in SWITCHES.items() if lost & bit})
    return Finding(
        CODE,
        PHASE,
        "warning",
        0.85 if alike else 0.6,
        f"{case.server_end} answered only a SYN without {what}: the connection opened {late} late",
        suspicion.suspects(),
        evidence(
            (client.syn_frame, client.syn_ns, f"first SYN, with {what}: no answer{others}"),
            (client.syn_last_frame, client.syn_last_ns, f"SYN without {what}, {late} later"),
            (server.syn_frame, server.syn_ns, "SYN-ACK"),
        ),
        suspicion.ruled_out(),
        next=best_first(
            suspicion.suspects(),
            capture_at(case, "server", f"does the SYN with {what} arrive?"),
            Step(
                f"sysctl -w {' '.join(f'{switch}=0' for switch in switches)}",
                f"on {case.client_end.ip}: does the first SYN get through now?",
            )
            if switches
            else None,
        ),
        authority="RFC 3168 section 6.1.1.1; RFC 7413 section 4.1.3",
    )


def _suspicion(case: Case, alike: int) -> Suspicion:
    if case.vantage in ("server", "both"):
        suspicion = Suspicion({"server-host": 1.0})
        suspicion.rule_out("path", "the SYN is visible in this capture, taken on the server")
        return suspicion
    sides = {"server-network": 0.5, "path": 0.25, "server-host": 0.25}
    if case.vantage != "middle":
        sides["client-network"] = 0.25
    suspicion = Suspicion(sides)
    if alike:
        suspicion.scale("path", 0.8, f"{alike} other connections lost exactly such a SYN: no chance loss")
    suspicion.rule_out("server-app", "no program sees a SYN")
    return suspicion
