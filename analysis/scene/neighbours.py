"""Who is there without TCP: on the link of the capture by ARP (RFC 826) and IPv6 neighbour discovery (RFC
4861), anywhere by an answer to ping (RFC 792); and what routers tell hosts beside their traffic.

A host answers and asks for its own address only on its own link, so an address heard here says where the
tap is. Questions repeated about once a second are retries: the asker got no answer, whether or not the tap
would have seen one (answers are unicast and a switch hides them from third parties).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ...capture.segment import V4_PREFIX, Kind, address_text

Address = tuple[int, int]
"""Both halves of an address, as in SEGMENT."""

RETRY_GAP_NS = 3_000_000_000
"""Longest gap between two retries of one question. Linux asks every second, mcast_solicit 3 times (RFC 4861
section 7.2.2: RETRANS_TIMER 1 s); what comes later is a new question."""

UNANSWERED_COUNT = 3
"""Questions in a row that make a silence: MAX_MULTICAST_SOLICIT of RFC 4861 section 10, mcast_solicit."""

LIMIT = 4096
"""Questions, and addresses, remembered at most; a scan of a large subnet asks for more than anybody reads."""

ASKERS = 16
"""Askers of one address, and link addresses that speak for one, at most; forged ones have no end."""

CONFLICT_NS = 60_000_000_000
"""Two hosts with one address answer within seconds of each other; a failover changes once and stays."""

VIRTUAL_MACS = frozenset({0x00005E0001, 0x00005E0002, 0x00000C07AC, 0x00000C9FF0, 0x0007B40001})
"""First five bytes of link addresses that routers share on purpose: VRRP (RFC 9568), HSRP, GLBP."""

SOURCE_QUENCH = 4
"""ICMP type (RFC 792), which no router should send any more (RFC 6633)."""

SAMPLED_ROWS = 2048
"""TCP rows whose link addresses are looked at; later ones would tell the same: MACs hardly change."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """One address that did not answer, and who asked for it."""

    address: Address
    ip: str
    asker: Address
    asker_ip: str
    count: int  # questions in the longest row of retries
    first_frame: int  # of that row
    first_ns: int
    last_frame: int
    last_ns: int


class Claim(NamedTuple):
    """One address that two link addresses speak for, one after the other and back (RFC 5227)."""

    ip: str
    macs: tuple[int, int]
    first_frame: int  # the first MAC speaks
    first_ns: int
    last_frame: int  # it speaks again, after the other one has
    last_ns: int


class Echo(NamedTuple):
    """A host that answers ping: when first and last, and the frame of the last answer."""

    first_ns: int
    last_ns: int
    frame: int


@dataclass(frozen=True, slots=True)
class Advice:
    """What a router told a host about its packets to one destination: ICMP redirect, or source quench."""

    kind: str  # `redirect` | `quench`
    router_ip: str
    host_ip: str
    destination_ip: str
    gateway_ip: str  # the better one; empty for a quench, and for IPv6
    count: int  # how often
    first_frame: int
    last_frame: int


@dataclass(frozen=True)
class Neighbours:
    """What the link says about addresses. MAC addresses are 48-bit numbers."""

    speakers: dict[Address, frozenset[int]] = field(
        default_factory=dict
    )  # asked or answered here, with which MACs
    carriers: dict[Address, frozenset[int]] = field(
        default_factory=dict
    )  # MACs of the frames that carry its TCP
    unanswered: tuple[Unanswered, ...] = ()  # in capture order
    left_out_count: int = 0  # messages about addresses beyond LIMIT
    conflicts: tuple[Claim, ...] = ()  # addresses that two link addresses claim in turn
    echoes: dict[Address, Echo] = field(default_factory=dict)  # hosts that answer ping, on any link
    advice: tuple[Advice, ...] = ()  # of routers, in the order in which it was first given

    def present(self, address: Address) -> bool:
        """Whether that address itself is on this link: it speaks, with a MAC that speaks for no other one."""
        macs = self.speakers.get(address, frozenset())
        return any(self._owners.get((mac, is_v4(address))) == {address} for mac in macs)

    def routed(self, address: Address) -> Address | None:
        """The neighbour whose MAC carries the TCP of an address that is silent itself; None if unknown."""
        if address in self.speakers:
            return None
        for mac in self.carriers.get(address, ()):
            for owner in self._owners.get((mac, is_v4(address)), ()):
                return owner
        return None

    def silent(self, ip: str) -> Unanswered | None:
        """The unanswered questions for an address; the longest row of them."""
        found = [entry for entry in self.unanswered if entry.ip == ip]
        return max(found, key=lambda entry: entry.count, default=None)

    @cached_property
    def _owners(self) -> dict[tuple[int, bool], set[Address]]:
        """(MAC, is IPv4) -> addresses that speak with it. Link-local ones are left out: routers have some."""
        owners: dict[tuple[int, bool], set[Address]] = {}
        for address, macs in self.speakers.items():
            if not is_link_local(address):
                for mac in macs:
                    owners.setdefault((mac, is_v4(address)), set()).add(address)
        return owners


@dataclass(slots=True)
class _Question:
    """One asker's questions for one address."""

    count: int
    first_frame: int
    first_ns: int
    last_frame: int
    last_ns: int


class Collector:
    """Neighbours in the making; bounded by LIMIT, not by packets."""

    def __init__(self) -> None:
        self._speakers: dict[Address, set[int]] = {}
        self._carriers: dict[Address, set[int]] = {}
        self._open: dict[Address, dict[Address, _Question]] = {}  # target -> asker -> newest row of retries
        self._silent: dict[Address, dict[Address, _Question]] = {}  # the longest of the earlier ones
        self._claims: dict[Address, list[tuple[int, int, int]]] = {}  # (MAC, frame, time) at each change
        self._conflicts: dict[Address, Claim] = {}
        self._echoes: dict[Address, Echo] = {}
        self._advice: dict[tuple[str, ...], Advice] = {}  # by what is said to whom
        self._left_out_count = 0
        self._sampled_count = 0

    @property
    def wants_more(self) -> bool:
        """Whether rows of nothing but TCP still tell it something."""
        return self._sampled_count < SAMPLED_ROWS

    def feed(self, segments: np.ndarray) -> None:
        """SEGMENT rows in capture order; TCP rows cost one array pass, and the first ones a closer look."""
        kind = segments["kind"]
        for row in segments[np.flatnonzero((kind == Kind.ARP_REQUEST) | (kind == Kind.ARP_REPLY))]:
            self._hear(row)
        self._echo(segments[kind == Kind.ECHO_REPLY])
        for row in segments[np.flatnonzero(kind == Kind.ADVICE)]:
            self._advise(row)
        if self.wants_more:
            self._sample(segments[: SAMPLED_ROWS - self._sampled_count])

    def _sample(self, segments: np.ndarray) -> None:
        """Which MACs carry which addresses."""
        self._sampled_count += len(segments)
        carried = segments[
            (segments["kind"] == Kind.TCP) & (segments["tunnel_depth"] == 0) & (segments["src_mac"] > 0)
        ]
        for end in ("src", "dst"):
            columns = (carried[f"{end}_{part}"].tolist() for part in ("hi", "lo", "mac"))
            for high, low, mac in set(zip(*columns, strict=True)):
                self._note(self._carriers, (high, low), mac)

    def finish(self) -> Neighbours:
        """What was collected; more rows may follow."""
        closed = {target: dict(askers) for target, askers in self._silent.items()}
        for target, askers in self._open.items():
            for asker, question in askers.items():
                _keep_longest(closed, target, asker, question)
        told = [
            _told(target, asker, entry)
            for target, askers in closed.items()
            for asker, entry in askers.items()
        ]
        return Neighbours(
            {address: frozenset(macs) for address, macs in self._speakers.items()},
            {address: frozenset(macs) for address, macs in self._carriers.items()},
            tuple(sorted(told, key=lambda entry: entry.first_frame)),
            self._left_out_count,
            tuple(self._conflicts.values()),
            dict(self._echoes),
            tuple(self._advice.values()),
        )

    def _echo(self, replies: np.ndarray) -> None:
        """Answers to ping: the last one of each host, however many there are."""
        first: dict[Address, int] = {}
        last: dict[Address, int] = {}
        for place, address in enumerate(
            zip(replies["src_hi"].tolist(), replies["src_lo"].tolist(), strict=True)
        ):
            first.setdefault(address, place)
            last[address] = place
        for address, place in last.items():
            before = self._echoes.get(address)
            if before is not None or len(self._echoes) < LIMIT:
                first_ns = before.first_ns if before else int(replies["time_ns"][first[address]])
                now, frame = int(replies["time_ns"][place]), int(replies["frame"][place])
                self._echoes[address] = Echo(first_ns, now, frame)

    def _advise(self, row: np.void) -> None:
        """One redirect or source quench; the same again only counts."""
        quench = row["icmp_type"] == SOURCE_QUENCH
        gateway = "" if quench or not row["seq"] else address_text(0, V4_PREFIX | int(row["seq"]))
        router, host, destination = (address_text(*_address(row, which)) for which in ("via", "src", "dst"))
        frame, kind = int(row["frame"]), "quench" if quench else "redirect"
        key = (kind, router, host, destination, gateway)
        known = self._advice.get(key)
        if known is not None:
            self._advice[key] = replace(known, count=known.count + 1, last_frame=frame)
        elif len(self._advice) < LIMIT:
            self._advice[key] = Advice(kind, router, host, destination, gateway, 1, frame, frame)

    def _hear(self, row: np.void) -> None:
        """One ARP or neighbour-discovery message."""
        sender, target = _address(row, "src"), _address(row, "dst")
        if not is_unspecified(sender):
            self._note(self._speakers, sender, int(row["src_mac"]))
            self._answer(sender, int(row["time_ns"]))
            self._claim(sender, int(row["src_mac"]), int(row["frame"]), int(row["time_ns"]))
        # A question from nobody, or for the asker's own address, looks for conflicts: silence is good news.
        if row["kind"] == Kind.ARP_REQUEST and sender != target and not is_unspecified(sender):
            self._ask(target, sender, row)

    def _ask(self, target: Address, asker: Address, row: np.void) -> None:
        """A question, or one more retry of it."""
        now, frame = int(row["time_ns"]), int(row["frame"])
        question = self._open.get(target, {}).get(asker)
        if question is not None and now - question.last_ns <= RETRY_GAP_NS:
            question.count += 1
            question.last_frame, question.last_ns = frame, now
            return
        if question is not None:
            _keep_longest(self._silent, target, asker, question)
        elif len(self._open) >= LIMIT or len(self._open.get(target, ())) >= ASKERS:
            self._left_out_count += 1
            return
        self._open.setdefault(target, {})[asker] = _Question(1, frame, now, frame, now)

    def _answer(self, speaker: Address, now: int) -> None:
        """Whoever speaks is there: its newest questions are answered, unless given up before."""
        for asker, question in self._open.pop(speaker, {}).items():
            if now - question.last_ns > RETRY_GAP_NS:
                _keep_longest(self._silent, speaker, asker, question)

    def _claim(self, address: Address, mac: int, frame: int, now: int) -> None:
        """Who speaks for an address; back to an earlier one within CONFLICT_NS is a conflict."""
        if mac >> 8 in VIRTUAL_MACS or (address not in self._claims and len(self._claims) >= LIMIT):
            return
        changes = self._claims.setdefault(address, [])
        if changes and changes[-1][0] == mac:
            changes[-1] = (mac, frame, now)
            return
        changes.append((mac, frame, now))
        del changes[:-3]
        first = changes[0]
        if len(changes) == 3 and first[0] == mac and now - first[2] <= CONFLICT_NS:
            macs = (mac, changes[1][0])
            self._conflicts.setdefault(
                address, Claim(address_text(*address), macs, first[1], first[2], frame, now)
            )

    def _note(self, known: dict[Address, set[int]], address: Address, mac: int) -> None:
        if address not in known and len(known) >= LIMIT:
            self._left_out_count += known is self._speakers
            return
        macs = known.setdefault(address, set())
        if len(macs) < ASKERS:
            macs.add(mac)


def _keep_longest(
    kept: dict[Address, dict[Address, _Question]], target: Address, asker: Address, question: _Question
) -> None:
    """Keep the row of retries if it is long enough and the longest so far, and there is room."""
    askers = kept.get(target, {})
    before = askers.get(asker)
    if before is None and (len(kept) >= LIMIT or len(askers) >= ASKERS):
        return
    if question.count >= UNANSWERED_COUNT and (before is None or question.count > before.count):
        kept.setdefault(target, {})[asker] = question


def _told(target: Address, asker: Address, question: _Question) -> Unanswered:
    return Unanswered(
        target,
        address_text(*target),
        asker,
        address_text(*asker),
        question.count,
        question.first_frame,
        question.first_ns,
        question.last_frame,
        question.last_ns,
    )


def _address(row: np.void, which: str) -> Address:
    return (int(row[f"{which}_hi"]), int(row[f"{which}_lo"]))


def is_v4(address: Address) -> bool:
    """Whether it is an IPv4 address (mapped, ::ffff:a.b.c.d)."""
    return address[0] == 0 and address[1] >> 32 == 0xFFFF


def is_link_local(address: Address) -> bool:
    """fe80::/10."""
    return address[0] >> 54 == 0xFE80 >> 6


def is_unspecified(address: Address) -> bool:
    """0.0.0.0 or ::, the sender of a question before it has an address."""
    return address[0] == 0 and address[1] in (0, 0xFFFF << 32)
