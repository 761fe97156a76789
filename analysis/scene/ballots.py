"""The kinds of evidence about where a capture was taken (catalogue section K, V1-V11); each votes once.

A ballot looks at one `Sight` and returns its votes. It votes only on fields that the capture carries, and a
vote of weight 0 is a remark: it is printed and moves nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..records import Fact, Mark
from .grouping import different
from .neighbours import Address
from .sight import PRESENT_SHARE, Sight, Vote, other

SPLIT_FLOOR_NS = 1_000_000
"""A handshake quicker than this says nothing about distances (V3)."""

HOST_NS = 200_000
"""A host answers a handshake segment within 0.2 ms; quicker than that, no link of any length lies between."""

REACTION_NS = 100_000
"""V7: a peer that reacts this quickly is at the tap."""

FORWARDED = 8
"""V9: a router alone leaves such copies, and next to one end all weaker votes name that end."""

SPREAD = 3
"""V10: a host that is an end of every connection tells something once it has this many different peers."""

DEAF_NS = 1_000_000_000
"""V11: what was on its way when the RST passed is in by then."""

COARSE_NS = 1_000_000
"""V3: times that are all multiples of this come from a clock too coarse to divide a round trip."""


def by_loopback(sight: Sight) -> list[Vote]:
    """Both ends of every connection are one machine."""
    if not sight.table.within_one_host.all():
        return []
    return [Vote("both", 5, "both ends of every connection are the same machine (loopback)")]


def by_direction(sight: Sight) -> list[Vote]:
    """V1: the capture says which packets its own host sent; one that lowered their TTL only forwards them."""
    sent = {side: sight.count(side, "out_count") for side in ("client", "server")}
    most = max(sent.values())
    senders = [side for side in sent if most and sent[side] > 0.2 * most]
    if any(sight.lowered(side) for side in senders):
        side = next(side for side in senders if sight.lowered(side))
        return [
            Vote(
                "middle",
                5,
                f"the capturing host sent on packets of {sight.name(side)} whose TTL routers had lowered",
            )
        ]
    if len(senders) == 2:
        return [Vote("both", 5, "the capturing host sent packets of both ends, their TTLs not lowered")]
    return [
        Vote(
            side,
            5,
            f"the capture marks {sent[side]} packets of {sight.name(side)} as sent by the capturing host",
        )
        for side in senders
    ]


def by_partial_checksum(sight: Sight) -> list[Vote]:
    """V4: checksums left for the network card to finish exist only on the sending host."""
    counts = {side: sight.count(side, "partial_sum_count") for side in ("client", "server")}
    whole = {side: sight.count(side, "packets") for side in ("client", "server")}
    left = [side for side in counts if counts[side] >= max(2, whole[side] // 10)]
    if len(left) == 2:
        return [Vote("both", 4, "both ends' checksums were left to the network card")]
    return [
        Vote(
            side,
            4,
            f"{counts[side]} of {whole[side]} checksums of {sight.name(side)} were left to the network card",
        )
        for side in left
    ]


def by_ttl(sight: Sight) -> list[Vote]:
    """V2: packets whose TTL nobody has lowered yet come from the tap's own host or link."""
    near = [side for side in sight.ttls if sight.fresh(side)]
    away = [side for side in sight.ttls if sight.lowered(side)]
    if len(near) == 2:
        return [
            Vote(
                "both",
                0,
                "neither end's TTL has been lowered: no router lies between them, so TTLs tell no side",
            )
        ]
    if len(away) == 2:
        ttls = " and ".join(str(sight.ttls[side][1]) for side in ("client", "server"))
        return [
            Vote("middle", 2, f"both ends' TTLs have been lowered ({ttls}): routers on both sides of the tap")
        ]
    return [
        Vote(side, 2, f"the TTL of {sight.name(side)}, {sight.ttls[side][1]}, has not been lowered")
        for side in near
    ]


def by_handshake_split(sight: Sight) -> list[Vote]:
    """V3: which part of the handshake's round trip lies on which side of the tap."""
    table = sight.table
    established, client_syn, server_syn = (
        table.flows["established_ns"],
        table.client("syn_ns"),
        table.server("syn_ns"),
    )
    usable = (
        table.has(Fact.HANDSHAKE)
        & ~table.has(Fact.SIMULTANEOUS_OPEN)
        & (table.client("syn_count") == 1)
        & (table.server("synack_count") == 1)
        & (established - client_syn >= SPLIT_FLOOR_NS)
    )
    count = int(usable.sum())
    if not count:
        return []
    behind = float(np.median((server_syn - client_syn)[usable]))
    before = float(np.median((established - server_syn)[usable]))
    whole = ((server_syn - client_syn)[usable] % COARSE_NS == 0) & (
        (established - server_syn)[usable] % COARSE_NS == 0
    )
    if whole.all() and min(behind, before) < COARSE_NS:
        return []
    split = behind / (behind + before) if behind + before > 0 else 0.5
    plural = "s" if count > 1 else ""
    why = (
        f"{split:.0%} of the handshake's round trip lies beyond the tap, towards "
        f"{sight.names[1]} ({count} handshake{plural})"
    )
    weight = 2 if count >= 5 else 1
    if split > 0.5 and (split > 0.95 or before < HOST_NS):
        return [Vote("client", weight, why)]
    if split < 0.5 and (split < 0.05 or behind < HOST_NS):
        return [Vote("server", weight, why)]
    return [Vote("middle", weight, why)]


def by_reaction(sight: Sight) -> list[Vote]:
    """V7: an end that reacts at once is here, when the other one takes a round trip."""
    reaction = {}
    for side in ("client", "server"):
        times = getattr(sight.table, other(side))("rtt_min_ns")
        times = times[times > 0]
        if len(times) == 0:
            return []
        reaction[side] = float(np.median(times))
    for side in ("client", "server"):
        if reaction[side] < REACTION_NS and reaction[other(side)] >= SPLIT_FLOOR_NS:
            times_us = (
                f"{reaction[side] / 1000:.0f} us, the other end after {reaction[other(side)] / 1000:.0f} us"
            )
            return [Vote(side, 2, f"{sight.name(side)} reacts after {times_us}")]
    return []


def by_size(sight: Sight) -> list[Vote]:
    """V5: segments above the MSS: not yet cut by the sender's card, or joined by the receiver's."""
    votes = []
    for side in ("client", "server"):
        large = sight.count(side, "oversize_count")
        if large < 2 or (sight.fresh(side) and sight.fresh(other(side))):
            continue
        if sight.fresh(side):
            votes.append(
                Vote(
                    side,
                    3,
                    f"{large} segments of {sight.name(side)} exceed the MSS: its card had yet to cut them",
                )
            )
        elif sight.lowered(side) and not sight.lowered(other(side)):
            why = (
                f"{large} segments of {sight.name(side)} exceed the MSS: the card of "
                f"{sight.name(other(side))} joined them"
            )
            votes.append(Vote(other(side), 3, why))
    return votes


def by_padding(sight: Sight) -> list[Vote]:
    """V6: the sending card pads frames below 60 bytes, so unpadded ones have not left the capturing host.

    That host is the sender, or a router that sends them on.
    """
    padded = {side: sight.count(side, "padded_count") for side in ("client", "server")}
    bare = {side: sight.count(side, "unpadded_count") for side in ("client", "server")}
    for side in ("client", "server"):
        if bare[side] >= 3 and padded[side] == 0 and padded[other(side)] >= 3 and bare[other(side)] == 0:
            why = (
                f"{bare[side]} short frames of {sight.name(side)} are unpadded, those of the "
                "other end are padded"
            )
            if sight.lowered(side):
                return [Vote("middle", 3, f"{why}: the capturing host forwards them")]
            return [Vote(side, 3, why)]
    return []


def by_routed_copies(sight: Sight) -> list[Vote]:
    """V9: a packet captured twice with another TTL was captured before and after it was forwarded."""
    copies, routed = (
        sum(sight.count(side, column) for side in ("client", "server"))
        for column in ("duplicate_count", "routed_count")
    )
    if routed < 2 or routed <= copies // 2:
        return []
    why = f"{routed} segments were captured twice, before and after they were forwarded"
    return [Vote("middle", FORWARDED, why)]


def by_errors(sight: Sight) -> list[Vote]:
    """V11: an ICMP error travels back from where segments went astray: the end they never reached is away."""
    flows, votes = sight.table.flows, []
    for side in ("client", "server"):
        keys = sight.keys(other(side))
        strangers = (flows["icmp_via_hi"] != keys["hi"]) | (flows["icmp_via_lo"] != keys["lo"])
        about = flows["icmp_side"] == (flows["client_side"] if side == "client" else 1 - flows["client_side"])
        seen = int(((flows["icmp_count"] > 0) & about & strangers).sum())
        if seen:
            plural = "s" if seen > 1 else ""
            why = f"{seen} ICMP error{plural} for {sight.name(side)} came by from the path beyond"
            votes.append(Vote(other(side), -3, f"{why}: {sight.name(other(side))} is not here"))
    return votes


def by_neighbours(sight: Sight) -> list[Vote]:
    """V8: an end that speaks ARP (or neighbour discovery) for its own address is on this link."""
    near = [side for side in ("client", "server") if _on_link(sight, side)]
    if len(near) == 2:
        return [Vote("both", 0, "both ends speak ARP on this link: it tells no side")]
    if near:
        return [_speaker(sight, near[0])]
    behind = [_router_of(sight, side) for side in ("client", "server")]
    if all(behind):
        return [
            Vote(
                "middle",
                2,
                "frames of both ends are carried by neighbours with other addresses: routers on both sides",
            )
        ]
    return []


def _speaker(sight: Sight, side: str) -> Vote:
    """The vote for the only end that speaks ARP: worth what is known of where the other one is.

    Where that one's TTL alone is known, and not lowered, the two contradict each other, as they should: both
    are here.
    """
    far = other(side)
    speaks = f"{sight.name(side)} speaks ARP on this link and the other end does not"
    if sight.fresh(side) and sight.fresh(far):
        return Vote(side, 0, f"{speaks}, but no router lies between them: it tells no side")
    told = sight.ttls.get(far) or _router_of(sight, far)
    return Vote(side, 2 if told else 1, speaks)


def _on_link(sight: Sight, side: str) -> bool:
    keys, heard = sight.keys(side), sight.neighbours
    there = [address for address in heard.speakers if heard.present(address)]
    high, low = (np.array([address[half] for address in there], np.uint64) for half in (0, 1))
    return bool((np.isin(keys["hi"], high) & np.isin(keys["lo"], low)).mean() > PRESENT_SHARE)


def _router_of(sight: Sight, side: str) -> Address | None:
    key = sight.keys(side)[0]
    return sight.neighbours.routed((int(key["hi"]), int(key["lo"])))


def by_common_end(sight: Sight) -> list[Vote]:
    """V10: one host is an end of all connections: it captured, or it is filtered for. Never decides alone."""
    for side in ("client", "server"):
        mine, theirs = sight.keys(side), sight.keys(other(side))
        single = bool((mine["hi"] == mine["hi"][0]).all() and (mine["lo"] == mine["lo"][0]).all())
        if single and len(different(theirs["lo"][:10_000])) >= SPREAD:
            return [Vote(side, 0.5, f"{sight.name(side)} is the same host in all {len(mine)} connections")]
    return []


def by_obedience(sight: Sight) -> list[Vote]:
    """V11: an end that goes on long after a RST towards it never got it, so the tap is not on its host."""
    votes = []
    for side in ("client", "server"):
        mine, theirs = getattr(sight.table, side), getattr(sight.table, other(side))
        binding = (theirs("rst_count") > 0) & ~sight.table.marked(Mark.RST_IGNORED)
        deaf = binding & (mine("data_last_ns") - theirs("rst_ns") > DEAF_NS) & (mine("rst_count") == 0)
        if deaf.any():
            why = f"{sight.name(side)} goes on after a RST that was seen on its way to it: not taken there"
            votes.append(Vote(side, -2, why))
    return votes


BALLOTS: tuple[Callable[[Sight], list[Vote]], ...] = (
    by_loopback,
    by_direction,
    by_partial_checksum,
    by_ttl,
    by_neighbours,
    by_handshake_split,
    by_reaction,
    by_size,
    by_padding,
    by_routed_copies,
    by_errors,
    by_common_end,
    by_obedience,
)
