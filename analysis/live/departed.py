"""What is kept of connections that have left the table, so that a capture can go on for days.

Sums for the totals, attempts per client and listener for what other connections say, counts for incidents,
the handshakes' delays. Everything here is bounded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..incidents import Clients, Failing, Key, Tally, counted
from ..outcome import conn_states, outcomes
from ..scene.peers import Attempts
from ..table import FlowTable
from ..telling import KINDS
from .handshakes import Delays, delays

REMEMBERED_PAIRS = 8_192
"""Clients with a listener that are remembered, the last active ones; of the others only their listeners."""

REMEMBERED_INCIDENTS = 2_000
"""Kinds of failure at listeners that are remembered; later ones are counted by code only."""

REMEMBERED_CLIENTS = 250
"""Different clients told apart in each of these."""

REMEMBERED_FLOWS = 100
"""Connections named in each of these."""


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
    unlisted_count: int = 0  # findings beyond REMEMBERED_INCIDENTS
    attempts: Attempts | None = None
    handshakes: Delays = field(default_factory=Delays)

    def take(self, table: FlowTable, failing: Sequence[Failing], evicted_count: int = 0) -> None:
        """Count all of `table`; `failing` are those of them that were told to have findings."""
        self.start_ns = table.start_ns if self.start_ns is None else min(self.start_ns, table.start_ns)
        self.flows_count += len(table)
        self.evicted_count += evicted_count
        self.by_conn_state.update(conn_states(table).counted())
        self.by_outcome.update(outcomes(table).counted())
        self.retransmissions_count += repeats(table)
        self.handshakes += delays(table)
        leaving = Attempts.of(table)
        known = leaving if self.attempts is None else Attempts.joined((self.attempts, leaving))
        self.attempts = known.folded(REMEMBERED_PAIRS)
        self.flows_with_findings_count += len(failing)
        self.by_code.update(finding.code for flow in failing for finding in flow.findings)
        for flow in failing:
            self._count(flow)

    def _count(self, flow: Failing) -> None:
        """One connection's findings, into the incidents that are remembered."""
        for key, finding in counted(flow):
            incident = self.incidents.get(key)
            if incident is None and len(self.incidents) >= REMEMBERED_INCIDENTS:
                self.unlisted_count += 1
                continue
            if incident is None:
                clients = Clients(REMEMBERED_CLIENTS)
                incident = Tally(finding, flow.server, clients=clients, listed=REMEMBERED_FLOWS)
                self.incidents[key] = incident
            incident.add(flow, finding)


def repeats(table: FlowTable) -> int:
    """Retransmissions of all connections of a table."""
    return sum(int(table.halves[name].sum()) for _, name in KINDS)
