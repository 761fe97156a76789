"""What is kept of connections that have left the table, so that a capture can go on for days.

Sums for the totals, attempts per client and listener for what other connections say, counts for incidents,
the handshakes' delays. Everything here is bounded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from .handshakes import Delays, delays
from .incidents import Failing, Key, Tally, tally
from .outcome import conn_states, outcomes
from .peers import Attempts
from .table import FlowTable
from .telling import KINDS

REMEMBERED_PAIRS = 20_000
"""Clients with a listener that are remembered, the last active ones."""

REMEMBERED_INCIDENTS = 5_000
"""Kinds of failure at listeners that are remembered; later ones are counted by code only."""


@dataclass
class Departed:
    """Sums over the connections that were taken out of the table."""

    start_ns: int | None = None  # of the earliest
    flows_count: int = 0
    evicted_count: int = 0  # of these, forgotten before they had ended
    flows_with_findings_count: int = 0
    retransmissions_count: int = 0
    by_conn_state: Counter[str] = field(default_factory=Counter)
    by_outcome: Counter[str] = field(default_factory=Counter)
    by_code: Counter[str] = field(default_factory=Counter)
    incidents: dict[Key, Tally] = field(default_factory=dict)
    attempts: Attempts | None = None
    handshakes: Delays = field(default_factory=Delays)

    def take(self, table: FlowTable, failing: Sequence[Failing], evicted_count: int = 0) -> None:
        """Count all of `table`; `failing` are those of them that were told to have findings."""
        self.start_ns = table.start_ns if self.start_ns is None else min(self.start_ns, table.start_ns)
        self.flows_count += len(table)
        self.evicted_count += evicted_count
        self.by_conn_state.update(conn_states(table).tolist())
        self.by_outcome.update(outcomes(table).tolist())
        self.retransmissions_count += repeats(table)
        self.handshakes += delays(table)
        leaving = Attempts.of(table)
        self.attempts = leaving if self.attempts is None else Attempts.joined((self.attempts, leaving))
        if len(self.attempts) > 2 * REMEMBERED_PAIRS:
            self.attempts = self.attempts.folded(REMEMBERED_PAIRS)
        self.flows_with_findings_count += len(failing)
        self.by_code.update(finding.code for flow in failing for finding in flow.findings)
        if len(self.incidents) < REMEMBERED_INCIDENTS:
            tally(failing, self.incidents)


def repeats(table: FlowTable) -> int:
    """Retransmissions of all connections of a table."""
    return sum(int(table.halves[name].sum()) for _, name in KINDS)
