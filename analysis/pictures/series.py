"""What happened when: every connection counted into bins of time, and handshakes by how long they took.

Columns in, counts out: no cost per packet, and none per connection in Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...capture.segment import address_text
from ..concurrency import level, stays
from ..outcome import OUTCOMES, Words
from ..records import Fact
from ..result import Distribution, Endpoint, HandshakeTimes, Series, StatesOverTime
from ..states import State
from ..table import FlowTable

MOST_BINS = 120

MOST_LISTENERS = 6
"""Listeners whose states over time are told."""

LEAST_CONNECTIONS = 3

WAITING = tuple(
    int(state)
    for state in (
        State.SYN_SENT,
        State.SYN_RECEIVED,
        State.FIN_WAIT_1,
        State.FIN_WAIT_2,
        State.CLOSE_WAIT,
        State.CLOSING,
        State.LAST_ACK,
    )
)

WIDTHS_NS = tuple(
    step * scale
    for scale, steps in (
        (1_000, (1, 2, 5, 10, 20, 50, 100, 200, 500)),
        (1_000_000, (1, 2, 5, 10, 20, 50, 100, 200, 500)),
        (1_000_000_000, (1, 2, 5, 10, 15, 30)),
        (60_000_000_000, (1, 2, 5, 10, 15, 30)),
        (3_600_000_000_000, (1, 2, 3, 6, 12, 24)),
    )
    for step in steps
)
"""Widths that begin at round times of day; beyond the last, whole days."""

BOUNDS_US = tuple(round(step * 10**decade) for decade in range(1, 8) for step in (1, 1.5, 2, 3, 5, 7))
"""Bounds of handshake times: 10 us to 70 s, six a decade and about evenly apart on a logarithmic scale."""


@dataclass(frozen=True, slots=True)
class Bins:
    """Equal stretches of time that cover a capture."""

    start_ns: int  # of the first; a whole multiple of the width
    width_ns: int
    count: int  # at most MOST_BINS

    @staticmethod
    def over(start_ns: int, end_ns: int) -> Bins:
        """The narrowest round bins that cover the closed interval."""
        for width_ns in (*WIDTHS_NS, *(WIDTHS_NS[-1] * days for days in (2, 7, 30, 365))):
            first, last = start_ns // width_ns, end_ns // width_ns
            if last - first < MOST_BINS:
                break
        return Bins(first * width_ns, width_ns, min(last - first + 1, MOST_BINS))

    def of(self, at_ns: np.ndarray) -> np.ndarray:
        """The bin of each moment; the first or last one for moments outside."""
        return np.clip((at_ns - self.start_ns) // self.width_ns, 0, self.count - 1)


def series(table: FlowTable, ends: Words, left_out_count: int = 0) -> Series | None:
    """The counts over time; None without connections. `ends` is each connection's outcome.

    `left_out_count` connections have been in the table and are no more.
    """
    if len(table) == 0:
        return None
    bins = Bins.over(table.start_ns, table.end_ns)
    return Series(
        bins.start_ns,
        bins.width_ns,
        bins.count,
        _opened(table, ends, bins),
        handshakes(table),
        tuple(states_over_time(table, bins)),
        left_out_count,
    )


def states_over_time(table: FlowTable, bins: Bins) -> Iterator[StatesOverTime]:
    """How many sockets stood in each state, for the listeners with the most connections left unfinished.

    Of equals those with more connections; a listener of few tells nothing that its ladders do not.
    """
    listeners = table.ends.listeners
    sizes = np.bincount(listeners.ids, minlength=len(listeners))
    ranked = np.lexsort((-sizes, -listeners.sums(_unfinished(table))))
    for number in ranked[sizes[ranked] >= LEAST_CONNECTIONS][:MOST_LISTENERS].tolist():
        rows = listeners.members(number)
        key = table.server_key[rows[0]]
        server = Endpoint(address_text(key["hi"], key["lo"]), int(key["port"]))
        for side in ("server", "client"):
            levels = {state: level(span) for state, span in stays(table, rows, side).items()}
            counts = {
                state.text: tuple(each.per_bin(bins.start_ns, bins.width_ns, bins.count).tolist())
                for state, each in levels.items()
                if each.peak.count
            }
            if counts:
                yield StatesOverTime(server, side, counts)


def _unfinished(table: FlowTable) -> np.ndarray:
    """Connections one end of which waits for something when the capture ends."""
    waiting = np.isin(table.both("believed"), WAITING)
    return np.asarray(waiting[0::2] | waiting[1::2])


def _opened(table: FlowTable, ends: Words, bins: Bins) -> dict[str, tuple[int, ...]]:
    """Connections by the bin in which they begin, outcome by outcome."""
    places = bins.of(table.flows["start_ns"])
    counted = {name: np.bincount(places[ends.are(name)], minlength=bins.count) for name in OUTCOMES}
    return {name: tuple(counts.tolist()) for name, counts in counted.items() if counts.any()}


def handshakes(table: FlowTable) -> HandshakeTimes:
    """How long the two legs of the handshakes took, over every connection that shows them."""
    asked_ns, answered_ns = table.client("syn_ns"), table.server("syn_ns")
    answered = (table.client("syn_count") > 0) & (table.server("synack_count") > 0)
    answered &= ~table.has(Fact.SIMULTANEOUS_OPEN)
    finished = answered & (table.flows["established_ns"] > 0)
    return HandshakeTimes(
        BOUNDS_US,
        _distribution((answered_ns - asked_ns)[answered]),
        _distribution((table.flows["established_ns"] - answered_ns)[finished]),
    )


def _distribution(spans_ns: np.ndarray) -> Distribution:
    if len(spans_ns) == 0:
        return Distribution(0, (0,) * (len(BOUNDS_US) - 1))
    bounds_ns = np.array(BOUNDS_US) * 1_000
    places = np.clip(np.searchsorted(bounds_ns, spans_ns, "right") - 1, 0, len(BOUNDS_US) - 2)
    counts = np.bincount(places, minlength=len(BOUNDS_US) - 1)
    middle, high, highest = np.percentile(spans_ns, (50, 95, 100), method="inverted_cdf") / 1_000
    return Distribution(len(spans_ns), tuple(counts.tolist()), float(middle), float(high), float(highest))
