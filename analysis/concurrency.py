"""How many connection ends stand in each state at each moment: what netstat would have counted.

The records keep when an end opened, was established, closed, and when the other end acknowledged that. From
these follow the stretches of time in each state, as the tap saw them: whole columns at once, no packet is
looked at again. Where no packet ends a state, its kernel's timer does:

    SYN-SENT, SYN-RECEIVED    the wait after the last repeat (1 s after the first, doubling; RFC 6298)
    FIN-WAIT-1, LAST-ACK      two minutes after the last sign of life (TCP_RTO_MAX; orphans die sooner)
    FIN-WAIT-2                tcp_fin_timeout, 60 s on Linux (a program that only shut down its side may
    wait longer) TIME-WAIT                 60 s on Linux (TCP_TIMEWAIT_LEN; RFC 9293 asks for 4 minutes,
    Windows takes 2)

ESTABLISHED and CLOSE-WAIT have no timer: they last until a packet ends them, or the capture does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .case import SECOND, TIME_WAIT_NS
from .evidence.closing import FIN_TIMEOUT_NS
from .records import Fact
from .states import State
from .table import NEVER, FlowTable

LAST_WAIT_NS = {"client": 64 * SECOND, "server": 32 * SECOND}
"""The wait after the last of 7 SYNs (tcp_syn_retries 6) and of 6 SYN-ACKs (tcp_synack_retries 5)."""

GIVE_UP_NS = 120 * SECOND
"""TCP_RTO_MAX: no retransmission timer of Linux waits longer."""

Span = tuple[np.ndarray, np.ndarray]
"""When each end entered a state and left it, [from, to) in ns; to <= from where it never was in it."""


@dataclass(frozen=True, slots=True)
class Peak:
    """The most ends in one state at once, and when that was first reached."""

    count: int = 0
    at_ns: int = 0


class Level(NamedTuple):
    """How many ends stand in one state: it changes at `at_ns` (ascending) to `counts`."""

    at_ns: np.ndarray
    counts: np.ndarray

    @property
    def peak(self) -> Peak:
        """The highest point."""
        if len(self.counts) == 0:
            return Peak()
        place = int(self.counts.argmax())
        return Peak(int(self.counts[place]), int(self.at_ns[place]))

    def per_bin(self, start_ns: int, width_ns: int, bins: int) -> np.ndarray:
        """The highest count in each of `bins` equal stretches of time from `start_ns` on."""
        highest = np.zeros(bins, np.int64)
        if len(self.counts) == 0:
            return highest
        begins_ns = start_ns + width_ns * np.arange(bins)
        before = np.searchsorted(self.at_ns, begins_ns, "right")  # changes up to the beginning, included
        highest[before > 0] = self.counts[before[before > 0] - 1]
        places = (self.at_ns - start_ns) // width_ns
        inside = (places >= 0) & (places < bins)
        np.maximum.at(highest, places[inside], self.counts[inside])
        return highest


def level(span: Span) -> Level:
    """How many of the stretches hold at each moment."""
    entered, left = span
    real = left > entered
    # One number per change, entering odd: at equal times those who leave go first.
    changes = np.sort(np.concatenate((entered[real] * 2 + 1, left[real] * 2)))
    at_ns, counts = changes >> 1, np.cumsum((changes & 1) * 2 - 1)
    last = np.append(at_ns[1:] != at_ns[:-1], True)[: len(at_ns)]
    return Level(at_ns[last], counts[last])


def stays(table: FlowTable, rows: np.ndarray, side: str) -> dict[State, Span]:
    """When the `side` of each connection in `rows` stood in each state, within the capture."""
    return Stays(table, rows, side).spans()


class Stays:
    """The moments that part one end's states, as columns over some connections."""

    def __init__(self, table: FlowTable, rows: np.ndarray, side: str) -> None:
        mine, theirs = (table.client, table.server) if side == "client" else (table.server, table.client)
        flows = table.flows
        self.side, self.end_ns = side, table.end_ns
        self.opened_ns = _when(mine("syn_ns")[rows])
        facts = flows["facts"][rows]
        midstream = ((facts & np.uint16(Fact.MIDSTREAM)) != 0) & (mine("syn_ns")[rows] == 0)
        seen_ns = np.where(midstream, flows["start_ns"][rows], NEVER)
        self.established_ns = np.minimum(_when(flows["established_ns"][rows]), seen_ns)
        self.closed_ns = _when(mine("fin_ns")[rows])
        self.close_acked_ns = _when(mine("fin_acked_ns")[rows])
        self.heard_close_ns = _when(theirs("fin_acked_ns")[rows])
        self.last_ns = mine("last_ns")[rows]
        self.open_tries = np.maximum(mine("syn_count")[rows], mine("synack_count")[rows])
        self.open_last_ns = mine("syn_last_ns")[rows]
        self.gone_ns = _gone(table, rows, side)

    def spans(self) -> dict[State, Span]:
        """Every state that can be told from outside; LISTEN and CLOSED are none of a connection's."""
        own, acked, heard = self.closed_ns, self.close_acked_ns, self.heard_close_ns
        first = own < heard  # closed before it acknowledged the other end's FIN
        patience_ns = self.last_ns + GIVE_UP_NS
        both = np.maximum(acked, heard)
        opening = State.SYN_SENT if self.side == "client" else State.SYN_RECEIVED
        spans = {
            opening: (self.opened_ns, np.minimum(self.established_ns, self._open_until())),
            State.ESTABLISHED: (self.established_ns, np.minimum(own, heard)),
            State.FIN_WAIT_1: _where(first, own, np.minimum(np.minimum(acked, heard), patience_ns)),
            State.FIN_WAIT_2: _where(
                first, acked, np.minimum(heard, np.maximum(acked, self.last_ns) + FIN_TIMEOUT_NS)
            ),
            State.CLOSING: _where(first, heard, np.minimum(acked, patience_ns)),
            State.TIME_WAIT: _where(first, both, both + TIME_WAIT_NS),
            State.CLOSE_WAIT: _where(~first, heard, own),
            State.LAST_ACK: _where(~first, own, np.minimum(acked, patience_ns)),
        }
        return {state: self._within(span) for state, span in spans.items()}

    def _open_until(self) -> np.ndarray:
        """When an unanswered opening is given up: a repeat is due, and nothing of this end came."""
        doubled = SECOND << np.clip(self.open_tries.astype(np.int64) - 1, 0, 6)
        return np.asarray(self.open_last_ns + np.minimum(doubled, LAST_WAIT_NS[self.side]))

    def _within(self, span: Span) -> Span:
        """Cut at the end's death and at the capture's end; beyond it nothing is known."""
        entered, left = span
        return entered, np.minimum(np.minimum(left, self.gone_ns), self.end_ns + 1)


def _when(at_ns: np.ndarray) -> np.ndarray:
    return np.where(at_ns > 0, at_ns, NEVER)


def _where(mask: np.ndarray, entered: np.ndarray, left: np.ndarray) -> Span:
    return np.where(mask, entered, NEVER), left


def _gone(table: FlowTable, rows: np.ndarray, side: str) -> np.ndarray:
    """When each end ceased to exist: its own RST, one that it took, an ICMP error, another use of its ports.

    An end that goes on after its own RST never sent it: that one was forged.
    """
    mine, theirs = (table.client, table.server) if side == "client" else (table.server, table.client)
    sent_ns = np.where(mine("after_rst_count")[rows] == 0, _when(mine("rst_ns")[rows]), NEVER)
    took = mine("believed")[rows] == State.CLOSED
    taken_ns = np.where(took, _when(theirs("rst_ns")[rows]), NEVER)
    opening = took & (table.flows["established_ns"][rows] == 0)
    refused_ns = np.where(opening, _when(table.flows["icmp_ns"][rows]), NEVER)
    gone_ns = np.minimum(np.minimum(sent_ns, taken_ns), np.minimum(refused_ns, table.reused_ns[rows]))
    return np.asarray(gone_ns)
