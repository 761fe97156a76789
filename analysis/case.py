"""One connection as a rule sees it: named numbers of both ends, the capture around it, other connections."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..capture.segment import address_text, within_one_host
from .records import FLOW, HALF, Fact
from .result import Endpoint, Evidence, Vantage
from .scene.clock import Clock
from .scene.neighbours import Neighbours
from .scene.peers import Peers
from .scene.traits import Traits, pair_of
from .states import State
from .table import FlowTable

if TYPE_CHECKING:
    FlowRow = Any
    HalfRow = Any
else:
    FlowRow = namedtuple("FlowRow", FLOW.names)
    HalfRow = namedtuple("HalfRow", HALF.names)

MS = 1_000_000
SECOND = 1_000_000_000

ROUNDS_UP = 0.9995
"""Three digits of this many units are 1000 of the unit below."""

TIME_WAIT_NS = 60 * SECOND
"""Linux TCP_TIMEWAIT_LEN: how long TIME-WAIT lasts before it ends without a packet."""

FRESH_NS = 100 * MS
"""A proven state of an end out of sight is taken to hold so long after the segment that proved it."""


@dataclass(frozen=True)
class Scene:
    """What surrounds every connection of one analysis."""

    table: FlowTable
    peers: Peers
    vantage: Vantage
    start_ns: int  # first packet of the capture
    end_ns: int  # last packet of the capture
    one_way: bool = False  # only one direction of the traffic was captured
    drop_ratio: float = 0.0  # acknowledged bytes that were never captured / acknowledged bytes
    neighbours: Neighbours = field(default_factory=Neighbours)  # who speaks ARP on the link of the capture
    sides: np.ndarray | None = None  # vantage point per connection, where it is not the same for all
    traits: Traits = field(default_factory=Traits)  # artefacts of the capture that can veto a finding
    clock: Clock = field(default_factory=Clock)  # whether the times of the capture can be believed
    vantages: tuple[Vantage, ...] = ()  # of each capture, where they were taken at different places


@dataclass(frozen=True)
class Case:
    """One connection. `flow` is a FLOW row, `client` and `server` are HALF rows, as named tuples."""

    index: int
    flow: FlowRow
    client: HalfRow
    server: HalfRow
    scene: Scene
    worked_out: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """What one rule has worked out and others ask for, too."""

    @staticmethod
    def of(scene: Scene, index: int) -> Case:
        """The case of connection number `index` of the scene's table."""
        table = scene.table
        flow = FlowRow._make(table.flows[index].item())
        client, server = 2 * index + flow.client_side, 2 * index + 1 - flow.client_side
        return Case(
            index,
            flow,
            HalfRow._make(table.halves[client].item()),
            HalfRow._make(table.halves[server].item()),
            scene,
        )

    def half(self, side: str) -> HalfRow:
        """The HALF row of `client` or `server`."""
        return self.client if side == "client" else self.server

    def has(self, fact: Fact) -> bool:
        """Whether a Fact holds."""
        return bool(self.flow.facts & int(fact))

    @cached_property
    def client_end(self) -> Endpoint:
        """Address and port of the client."""
        return self._end(self.flow.client_side)

    @cached_property
    def server_end(self) -> Endpoint:
        """Address and port of the server."""
        return self._end(1 - self.flow.client_side)

    def _end(self, side: int) -> Endpoint:
        flow = self.flow
        if side == 0:
            return Endpoint(address_text(flow.a_hi, flow.a_lo), flow.a_port)
        return Endpoint(address_text(flow.b_hi, flow.b_lo), flow.b_port)

    @cached_property
    def within_one_host(self) -> bool:
        """Whether both ends are the same machine."""
        flow = self.flow
        return bool(within_one_host(flow.a_hi, flow.a_lo, flow.b_hi, flow.b_lo))

    def end(self, side: str) -> Endpoint:
        """Endpoint of `client` or `server`."""
        return self.client_end if side == "client" else self.server_end

    def state(self, side: str) -> State:
        """The state believed at the end of the capture."""
        state = State(self.half(side).believed)
        if state is State.TIME_WAIT and self.silence_ns(side) > TIME_WAIT_NS:
            return State.CLOSED
        return state

    def certain(self, side: str) -> bool:
        """Whether that state is proven and still holds when the capture ends.

        What an end did after its last captured segment is only seen on its own host; and there, too, an end
        that keeps repeating may give up without a word (tcp_retries2, TCP_USER_TIMEOUT).
        """
        half, peer = self.half(side), self.half(other(side))
        if half.proven != half.believed or half.pending or half.proven == State.UNKNOWN:
            return False
        if not peer.packets and half.proven not in (State.SYN_SENT, State.CLOSED):
            return False  # what it was sent, and went on from there, was not captured
        if half.edge_count or half.fin_repeat_count or half.keepalive_pending:
            return False
        if half.stray_ack_count and half.proven == State.UNKNOWN:
            return False  # it holds an older connection on these ports
        return self.vantage in (side, "both") or self.silence_ns(side) < FRESH_NS

    @property
    def vantage(self) -> str:
        """client, server, middle, both or unknown, as this connection sees it: a host can have both roles."""
        sides = self.scene.sides
        return self.scene.vantage.side if sides is None else str(sides[self.index])

    @property
    def answers_unseen(self) -> bool:
        """Whether the capture cannot show answers of one of the two hosts: a missing one means nothing."""
        if self.scene.one_way or not self.scene.traits.one_way_pairs:
            return self.scene.one_way
        flow = self.flow
        return pair_of(flow.a_hi, flow.a_lo, flow.b_hi, flow.b_lo) in self.scene.traits.one_way_pairs

    @property
    def midstream(self) -> bool:
        """Whether the capture missed the opening."""
        return self.has(Fact.MIDSTREAM)

    @property
    def handshake_rtt_ns(self) -> int | None:
        """First SYN to third ACK minus nothing that was repeated; None when not all three were seen."""
        if not self.has(Fact.HANDSHAKE) or self.client.syn_repeat_count or self.server.synack_repeat_count:
            return None
        return int(self.flow.established_ns - self.client.syn_ns)

    @property
    def round_trip_ns(self) -> int | None:
        """Best estimate of the path's round trip: the smallest of both directions, tap to end to tap."""
        parts = [half.rtt_min_ns for half in (self.client, self.server) if half.rtt_min_ns]
        return sum(parts) if parts else None

    def silence_ns(self, side: str) -> int:
        """From the last segment of `side` to the end of the capture (from its start when it sent none)."""
        return self.since_ns(self.half(side).last_ns or self.flow.start_ns)

    def since_ns(self, at_ns: int) -> int:
        """From a moment of this connection to the end of the capture, steps of its clock not counted."""
        return self.scene.clock.waited_ns(self.flow.first_frame, int(at_ns), int(self.scene.end_ns))


def other(side: str) -> str:
    """The opposite end."""
    return "server" if side == "client" else "client"


def evidence(*parts: tuple[int, int, str]) -> tuple[Evidence, ...]:
    """(frame, time, text) triples as Evidence in capture order; parts without a frame are left out."""
    return tuple(Evidence(int(frame), int(at), text) for frame, at, text in sorted(parts) if frame)


def seconds(span_ns: float) -> str:
    """A duration for sentences: `3.1 s`, `12 ms`, `450 us`; a unit is left where it would round to 1000.

    >>> [seconds(span_ns) for span_ns in (450_000, 999_700, 12_000_000, 999_700_000, 999.7e9)]
    ['450 us', '1 ms', '12 ms', '1 s', '1000 s']
    """
    if span_ns >= SECOND * ROUNDS_UP:
        return (
            f"{span_ns / SECOND:.3g} s"
            if span_ns < 1000 * SECOND * ROUNDS_UP
            else f"{span_ns / SECOND:.0f} s"
        )
    if span_ns >= MS * ROUNDS_UP:
        return f"{span_ns / MS:.3g} ms"
    return f"{span_ns / 1000:.3g} us"


def initial_ttl(ttl: int) -> int:
    """The usual starting value that a TTL came down from: 64, 128 or 255."""
    return 64 if ttl <= 64 else 128 if ttl <= 128 else 255


def hops(ttl: int) -> int:
    """Routers between the sender and the tap, by the usual starting values."""
    return initial_ttl(ttl) - ttl
