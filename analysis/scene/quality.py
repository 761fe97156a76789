"""What the capture itself hides or distorts (catalogue section I), told to whoever reads the findings.

Each artefact that the records can show is one Quality: what it is, with its share of the whole, and what is
therefore not said, or said with less confidence. `traits` gives rules the same facts as values.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from ..case import seconds
from ..records import Fact, Known
from ..result import CaptureFacts, Quality
from ..table import FlowTable
from .clock import Clock
from .grouping import different
from .neighbours import Neighbours, Unanswered
from .traits import ENOUGH, FIRST_RETRY_NS, Traits, half_seen, rewritten

DROP_WORTH_SAYING = 0.001
"""Share of acknowledged bytes never captured: above this, losses are said with less confidence."""

FIRST_MOMENT_NS = 100_000_000
"""A capture needs this long to get going on every queue; what is missing then is missing because of it."""

TRANSLATED_NS = 1_000_000_000
"""A connection captured before and after an address translator has the same numbers within a moment."""

DAY_NS = 86_400_000_000_000

TOLD_COUNT = 3
"""Silent addresses of one asker that are told one by one; more are told together."""


class Look(NamedTuple):
    """What the inspections look at."""

    facts: CaptureFacts
    table: FlowTable
    traits: Traits
    neighbours: Neighbours
    clock: Clock
    vantage: str

    def total(self, column: str) -> int:
        """A HALF column summed over everything."""
        return int(self.table.halves[column].sum())


def inspect(look: Look) -> tuple[Quality, ...]:
    """Everything about one capture that a reader of its findings has to know, the gravest first."""
    return tuple(quality for inspection in INSPECTIONS for quality in inspection(look))


def _truncated(look: Look) -> Iterator[Quality]:
    why = rewritten(look.facts.tcp_segments_count, look.facts.skipped)
    if why:
        yield Quality("headers-rewritten", why, "nothing is said about any connection")
    elif look.facts.error:
        yield Quality("capture-truncated", look.facts.error, "what comes after is not analysed")


def _converted(look: Look) -> Iterator[Quality]:
    if look.facts.converted_from:
        yield Quality(
            "converted-capture",
            f"{look.facts.converted_from}, converted by tshark while it was read",
            "what such a file says beside packets and their times (drop counters, comments) is not told",
        )


def _one_way(look: Look) -> Iterator[Quality]:
    if look.traits.one_way:
        text = "only one direction of the traffic was captured"
        yield Quality("one-way-capture", text, "nothing is said about answers that are missing")
    elif look.traits.one_way_pairs:
        count = int(half_seen(look.table).sum())
        text = f"of {count} of {len(look.table)} connections only one direction was captured"
        yield Quality("one-way-capture", text, "nothing is said about missing answers between these hosts")


def _filtered(look: Look) -> Iterator[Quality]:
    if look.traits.filtered:
        text = "the capture holds only segments with SYN, FIN or RST: it was filtered by flags"
        yield Quality(
            "filtered-capture",
            text,
            "nothing is said about data and acknowledgments, nor that they are missing",
        )


def _dropped(look: Look) -> Iterator[Quality]:
    dropped, packets = look.facts.kernel_dropped_count, look.facts.packets_count
    if dropped:
        text = f"the capturing system dropped {dropped} packets and kept {packets}"
        yield Quality("capture-drop", text, "a segment that is missing here may have been on the wire")
    ratio = look.traits.drop_ratio
    if ratio > DROP_WORTH_SAYING and not look.traits.filtered:
        text = (
            f"{ratio:.1%} of the acknowledged bytes were never captured: the capture lost "
            "packets, not the network"
        )
        yield Quality(
            "capture-drop", text, "losses and missing answers are said with less confidence or not at all"
        )


def _clock(look: Look) -> Iterator[Quality]:
    clock = look.clock
    if clock.steps_count:
        frame, by_ns = clock.steps[0]
        more = f", and {clock.steps_count - 1} times more" if clock.steps_count > 1 else ""
        text = f"time goes back by {_span(by_ns)} at frame {frame}{more}"
        yield Quality("clock-step", text, "durations and delays around it are wrong")
    for jump in clock.jumps:
        text = (
            f"time jumps ahead by {_span(jump.by_ns)} at frame {jump.frame}, while the clocks of the hosts "
            f"go on by {seconds(jump.hosts_ns)} at most"
        )
        yield Quality("clock-step", text, "durations around it are wrong; waiting is counted without it")
    if clock.coarse:
        text = f"times are multiples of {seconds(clock.resolution_ns)}: the capture's clock is coarse"
        yield Quality("coarse-ts", text, "shorter delays are not known, and where it was taken is less sure")
    if clock.disordered:
        parts = []
        if clock.shuffled_count:
            some = "1 packet stands" if clock.shuffled_count == 1 else f"{clock.shuffled_count} packets stand"
            parts.append(f"{some} after later ones, by 5 ms at most")
        if clock.acausal:
            parts.append(f"{clock.acausal_count} of the first acknowledge what stands after them")
        text = f"{', and '.join(parts)} (several capture queues or cards): they were put in order"
        yield Quality("multiqueue-reorder", text, "the order of nearly simultaneous packets proves nothing")


def _span(span_ns: int) -> str:
    """How far a clock was set."""
    return f"{span_ns / DAY_NS:.0f} days" if span_ns >= 2 * DAY_NS else seconds(span_ns)


def _replayed(look: Look) -> Iterator[Quality]:
    """The same numbers of both ends again in another connection: stacks draw them anew (RFC 9293, 3.4.1)."""
    table = look.table
    opened = np.flatnonzero((table.client("syn_count") > 0) & (table.server("synack_count") > 0))
    if len(opened) < ENOUGH:
        return
    numbers = table.client("iss")[opened].astype(np.uint64) << np.uint64(32) | table.server("iss")[opened]
    if len(different(numbers)) == len(numbers):
        return
    order = np.lexsort((table.client("syn_ns")[opened], numbers))
    begun_ns, drawn = table.client("syn_ns")[opened][order], numbers[order]
    again = (drawn[1:] == drawn[:-1]) & (begun_ns[1:] - begun_ns[:-1] > TRANSLATED_NS)
    count = int(again.sum())
    if count + 1 >= ENOUGH:
        text = (
            f"{count} of {len(opened)} connections begin with both initial sequence numbers of an earlier "
            "one: they were replayed or made by a program"
        )
        yield Quality(
            "replayed-traffic", text, "times, TTLs and the place of the capture may be those of the replay"
        )


def _started(look: Look) -> Iterator[Quality]:
    table = look.table
    headless = (
        (table.server("synack_count") > 0) & (table.client("syn_count") == 0) & (table.client("packets") > 0)
    )
    late = headless & (table.flows["start_ns"] - table.start_ns <= FIRST_MOMENT_NS)
    if late.any():
        text = (
            f"the SYN of {_of(late, table)} that begin with the capture is missing: it started "
            "a moment too late"
        )
        yield Quality("late-first-packet", text, "a missing SYN in the first 0.1 s is no anomaly")
    midstream = table.has(Fact.MIDSTREAM) & ~late
    if midstream.any():
        text = f"{_of(midstream, table)} were open before the capture began"
        yield Quality(
            "mid-stream-start", text, "nothing is said about how they opened; window sizes are unknown"
        )


def _ended(look: Look) -> Iterator[Quality]:
    table = look.table
    recent = table.end_ns - table.both("last_ns") < FIRST_RETRY_NS
    if not recent.any():
        return
    halves = np.take(table.halves, np.flatnonzero(recent))
    waiting = (halves["known"] & Known.UNA != 0) & ((halves["nxt"] - halves["una"]).astype(np.int32) > 0)
    waiting |= (halves["syn_count"] > 0) & (halves["known"] & Known.UNA == 0)
    repeats = halves["edge_count"] + halves["fin_repeat_count"]
    repeats += halves["syn_repeat_count"] + halves["synack_repeat_count"]
    recent[recent] = waiting & (repeats == 0)
    gone = table.either("rst_count") > 0
    cut = recent.reshape(-1, 2).any(axis=1) & ~gone
    if cut.any():
        text = f"{_of(cut, table)} had waited less than a second for an answer when the capture ended"
        yield Quality("early-end", text, "no answer is missing there: it counts as unfinished, not as failed")


def _open(look: Look) -> Iterator[Quality]:
    table = look.table
    standing = (table.flows["established_ns"] > 0) & (table.either("fin_count") == 0)
    standing &= table.either("rst_count") == 0
    if standing.any():
        text = f"{_of(standing, table)} were open when the capture ended, without a FIN or RST"
        yield Quality("no-close-seen", text, "how they closed, or that they never did, is not known")


def _claimed(look: Look) -> Iterator[Quality]:
    """One address spoken for by two link addresses in turn (RFC 5227)."""
    for claim in look.neighbours.conflicts[:TOLD_COUNT]:
        text = (
            f"{claim.ip} is claimed in turn by {_mac(claim.macs[0])} and {_mac(claim.macs[1])} within"
            f" {seconds(claim.last_ns - claim.first_ns)} (frames {claim.first_frame} to {claim.last_frame})"
        )
        yield Quality("arp-conflict", text, "its packets go to one host or the other: resets and silence")


def _advised(look: Look) -> Iterator[Quality]:
    """What routers told hosts: another gateway (RFC 792 redirect), or to slow down (source quench)."""
    for told in look.neighbours.advice[:TOLD_COUNT]:
        often = f"{told.count} times, frames {told.first_frame} to {told.last_frame}"
        seen = often if told.count > 1 else f"frame {told.first_frame}"
        if told.kind == "quench":
            text = f"{told.router_ip} asked {told.host_ip} to send less to {told.destination_ip} ({seen})"
            effect = "hosts ignore it since RFC 6633: it tells of an old or a forging device"
            yield Quality("icmp-source-quench-legacy", text, effect)
            continue
        gateway = told.gateway_ip or "another router or the host itself"
        text = (
            f"{told.router_ip} redirected {told.host_ip}: {told.destination_ip} is reached better "
            f"through {gateway} ({seen})"
        )
        effect = (
            "packets may take two ways; a firewall that sees one of them only loses track of the connection"
        )
        yield Quality("icmp-redirect", text, effect)


def _mac(number: int) -> str:
    return ":".join(f"{byte:02x}" for byte in number.to_bytes(6, "big"))


def _cut(look: Look) -> Iterator[Quality]:
    short = look.table.has(Fact.SHORT)
    if short.any():
        text = f"packets of {_of(short, look.table)} were cut when they were captured (snap length)"
        yield Quality(
            "snaplen-cut", text, "application data is not described; lengths come from the IP header"
        )


def _duplicated(look: Look) -> Iterator[Quality]:
    twice, packets = look.total("duplicate_count"), look.total("packets")
    if twice > max(1, packets // 100):
        text = (
            f"{twice} of {packets} segments were captured twice (mirror port, several "
            "interfaces, both sides of a router)"
        )
        yield Quality(
            "capture-duplicate", text, "the second copies are left out; they are no retransmissions"
        )


def _offloaded(look: Look) -> Iterator[Quality]:
    packets, large, partial = (
        look.total(name) for name in ("packets", "oversize_count", "partial_sum_count")
    )
    if large >= ENOUGH:
        yield _oversize(look, large, packets)
    if partial >= ENOUGH:
        text = f"{partial} of {packets} checksums were left to the sender's network card (checksum offload)"
        yield Quality("csum-offload", text, "they are no damage; their sender is the capturing host")


def _oversize(look: Look, large: int, packets: int) -> Quality:
    """Sent where the capture was taken: cut later by the card. Received there: joined by the card."""
    sent = (
        int(getattr(look.table, look.vantage)("oversize_count").sum())
        if look.vantage in ("client", "server")
        else large
    )
    code = "tso-oversize" if 2 * sent >= large else "gro-oversize"
    what = "its card cuts them later" if code == "tso-oversize" else "its card joined them"
    where = f" at the {look.vantage}, where {what}" if look.vantage in ("client", "server") else ""
    text = (
        f"{large} of {packets} segments are longer than the MSS allows: captured{where} "
        "(segmentation offload)"
    )
    return Quality(
        code, text, "segments are counted as captured, not as sent on the wire; their size is no MTU fault"
    )


def _silent_neighbours(look: Look) -> Iterator[Quality]:
    """Questions for a link address that nobody answers: no TCP comes of it that could carry a finding."""
    by_asker: dict[str, list[Unanswered]] = defaultdict(list)
    for entry in look.neighbours.unanswered:
        by_asker[entry.asker_ip].append(entry)
    for asker, entries in by_asker.items():
        if len(entries) > TOLD_COUNT:
            some = ", ".join(entry.ip for entry in entries[:TOLD_COUNT])
            text = f"{asker} asked for {len(entries)} addresses of its link and none answered: {some}, ..."
            yield Quality(
                "arp-no-reply", text, "packets to them are never sent; a scan for hosts looks like this, too"
            )
            continue
        for entry in entries:
            yield _silent_neighbour(entry)


def _silent_neighbour(entry: Unanswered) -> Quality:
    span_s = (entry.last_ns - entry.first_ns) / 1e9
    kind = "neighbour solicitation" if ":" in entry.ip else "ARP"
    text = (
        f"{entry.asker_ip} asked for {entry.ip} {entry.count} times in {span_s:.1f} s "
        f"({kind}, frames {entry.first_frame}"
        f" to {entry.last_frame}) and got no answer: that host is down or not on this link"
    )
    effect = (
        f"packets from {entry.asker_ip} to {entry.ip} are never sent: connect() fails after 3 s "
        "with EHOSTUNREACH"
    )
    return Quality("arp-no-reply", text, effect)


def _of(mask: np.ndarray, table: FlowTable) -> str:
    return f"{int(mask.sum())} of {len(table)} connection{'s' if len(table) != 1 else ''}"


INSPECTIONS: tuple[Callable[[Look], Iterator[Quality]], ...] = (
    _truncated,
    _converted,
    _one_way,
    _filtered,
    _dropped,
    _clock,
    _replayed,
    _silent_neighbours,
    _claimed,
    _advised,
    _started,
    _ended,
    _open,
    _cut,
    _duplicated,
    _offloaded,
)
