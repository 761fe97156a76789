"""From one moment on a host's packets arrive with another TTL: their way has changed.

Signature
    Of one host's connections, in the order of their SYNs or SYN-ACKs, the first three or more all have one
    TTL and all later ones, three or more again, have another one with the same starting value.

Meaning
    Routers agreed on another way, so many routers longer or shorter; or another host took over the address. A
    blip of loss or delay around that moment has its reason there. The round trips before and after say
    whether the new way is worse.

Confused with
    A load balancer or an anycast address with several hosts, and equal paths: there the TTLs alternate.
    rst-injected: single segments with another TTL in the middle of a connection.

Dropped by
    Nobody: it is an event on the path, told because other findings may have their reason in it.

Next
    A trace of the way, to compare with an earlier one; the routers' logs at that moment.

Authority
    RFC 791 section 3.2 (each router lowers the time to live); RFC 8200 section 3 (hop limit).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..case import Case, hops, initial_ttl, other, seconds
from ..result import Evidence, Incident
from .gathering import Gathering

CODE = "route-change"
PHASE = "established"
ABSORBS = ()

LEAST = 3
"""So many connections on each side of the moment: fewer may be one host of several behind an address."""

MOST = 100
"""Hosts told; more that change at once have the same reason."""


def judge(gathering: Gathering) -> Iterator[tuple[Incident, np.ndarray]]:
    """Each host, server or client, whose TTL takes one step and stays."""
    table = gathering.table
    told = 0
    for side, column in (("server", table.server), ("client", table.client)):
        ttls, at_ns = column("syn_ttl"), column("syn_ns")
        for rows in _hosts(gathering, side, (ttls > 0) & (at_ns > 0)):
            rows = rows[np.argsort(at_ns[rows], kind="stable")]
            place = _step(ttls[rows])
            if place and told < MOST:
                told += 1
                yield _incident(gathering, side, rows, place), rows[place:]


def _hosts(gathering: Gathering, side: str, seen: np.ndarray) -> Iterator[np.ndarray]:
    """Connections of each host that has enough of them (`seen`), and more than one TTL."""
    server = side == "server"
    groups = gathering.ends.servers if server else gathering.ends.clients
    ttls = (gathering.table.server if server else gathering.table.client)("syn_ttl")
    least = np.minimum.reduceat(np.where(seen, ttls, 255)[groups.order], groups.starts)
    most = np.maximum.reduceat(np.where(seen, ttls, 0)[groups.order], groups.starts)
    for number in np.flatnonzero((least < most) & (groups.sums(seen) >= 2 * LEAST)).tolist():
        rows = groups.members(number)
        yield rows[seen[rows]]


def _step(ttls: np.ndarray) -> int:
    """Where the only change is; 0 when there is none, several, or too few on one side of it."""
    changes = np.flatnonzero(ttls[1:] != ttls[:-1]) + 1
    if len(changes) != 1 or not LEAST <= changes[0] <= len(ttls) - LEAST:
        return 0
    same = initial_ttl(int(ttls[0])) == initial_ttl(int(ttls[-1]))
    return int(changes[0]) if same else 0


def _incident(gathering: Gathering, side: str, rows: np.ndarray, place: int) -> Incident:
    before, after = gathering.case(rows[place - 1]), gathering.case(rows[place])
    old, new = int(before.half(side).syn_ttl), int(after.half(side).syn_ttl)
    longer = hops(new) - hops(old)
    way = f"{abs(longer)} router{'s' if abs(longer) != 1 else ''} {'longer' if longer > 0 else 'shorter'}"
    ip, at_ns = after.end(side).ip, int(after.half(side).syn_ns)
    far = after.end(other(side)).ip
    return gathering.incident(
        CODE,
        "info",
        0.7,
        rows[place:],
        f"from {gathering.into(at_ns)} on, packets of {ip} arrive with TTL {new} instead of {old}: their way "
        f"is {way}{_delays(gathering, rows, place)}, or another host has the address",
        evidence=(_evidence(before, side, "last"), _evidence(after, side, "first")),
        next=(f"mtr -n -c 10 -r {far}    # on {ip}: which way do its packets take now?",),
        authority="RFC 791 section 3.2",
    )


def _evidence(case: Case, side: str, which: str) -> Evidence:
    half = case.half(side)
    text = f"{which} with TTL {half.syn_ttl}, connection of {case.client_end} to {case.server_end}"
    return Evidence(int(half.syn_frame), int(half.syn_ns), text)


def _delays(gathering: Gathering, rows: np.ndarray, place: int) -> str:
    """Handshakes' median round trips before and after, where both are known."""
    halves = []
    for part in (rows[:place], rows[place:]):
        spans = [case.handshake_rtt_ns for case in map(gathering.case, part[:MOST].tolist())]
        known = sorted(span for span in spans if span)
        if not known:
            return ""
        halves.append(seconds(known[len(known) // 2]))
    return f" (a handshake took {halves[0]}, now {halves[1]})"
