"""What a watch tells while the capture goes on: frozen, for live views, event streams and metrics.

Times are nanoseconds since the epoch, sides and severities those of `result`.
"""

from __future__ import annotations

from dataclasses import dataclass

from .result import Endpoint, Suspect, Vantage


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest evidence of an incident: one frame of one connection."""

    flow_id: str
    frame: int
    at_ns: int
    text: str


@dataclass(frozen=True, slots=True)
class LiveIncident:
    """Connections with the same finding at the same listener, as it stands; `id` is stable within the run."""

    id: int
    code: str
    severity: str  # the worst of its connections
    server: Endpoint
    clients_count: int
    flows_count: int  # connections that have the finding now
    withdrawn_count: int  # connections that were told to have it, and turned out otherwise
    first_ns: int  # first and last evidence
    last_ns: int
    suspects: tuple[Suspect, ...]  # of most of its connections, heaviest first
    confidence: float
    summary: str  # of the connection with the newest evidence
    newest: Newest | None
    next: tuple[str, ...]  # what to run
    clients_at_least: bool = False  # `clients_count` of them were told apart: there may be more


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """Something happened to an incident: one line of the event stream."""

    event: str  # opened | grew | revised | closed
    at_ns: int  # when it was noticed
    reason: str  # why closed: quiet, withdrawn, merged, ended; why revised: a sentence; else empty
    incident: LiveIncident


@dataclass(frozen=True, slots=True)
class Failure:
    """One connection that failed."""

    flow_id: str
    client: Endpoint
    server: Endpoint
    code: str
    suspects: tuple[Suspect, ...]
    summary: str
    at_ns: int  # newest evidence


@dataclass(frozen=True, slots=True)
class Counters:
    """Sums since the start, over every connection."""

    flows_count: int = 0
    by_outcome: tuple[tuple[str, int], ...] = ()
    retransmissions_count: int = 0
    findings: tuple[tuple[str, str, int], ...] = ()  # code, heaviest suspect, connections told to have it
    withdrawn_count: int = 0  # of these, told and taken back
    folded_flows_count: int = 0  # ended and told: only their sums are kept
    evicted_flows_count: int = 0  # forgotten before they had ended, to bound memory
    handshake_bounds_us: tuple[int, ...] = ()
    handshake_counts: tuple[int, ...] = ()  # handshakes that took at most so long; the last one: all
    handshake_sum_us: int = 0
    unlisted_findings_count: int = 0  # told in no incident: too many were open already


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One look at everything."""

    at_ns: int
    vantage: Vantage
    states: tuple[tuple[str, int, int], ...]  # RFC 9293 state, open connections whose client, server is in it
    tracked_count: int  # connections in the table
    unjudged_count: int  # of these, waiting for their turn
    counters: Counters
    incidents: tuple[LiveIncident, ...]  # open ones, worst first
    failures: tuple[Failure, ...]  # newest first
    events: tuple[IncidentEvent, ...]  # since the look before


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the capture itself says of a run so far."""

    source: str  # the interfaces
    started_ns: int
    elapsed_ns: int
    packets_count: int
    packets_per_s: float  # over the last moments
    kernel_dropped_count: int
    interface_dropped_count: int
    recorded: str = ""  # where to, or why no more
