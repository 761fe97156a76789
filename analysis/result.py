"""What an analysis says: one frozen tree of facts, finished, for reports and for callers.

Quantities carry their unit in the name. Times are integer nanoseconds since the epoch. Frame numbers count
from 1 as Wireshark does. `side` in a Suspect is one of `SIDES`; `side` of an endpoint is `client` or
`server`. The JSON of a report is this tree, field for field (`format_version` 1).

A text that quotes what a packet carried (a name, a request line) puts it between “ and ”, with no ” in it:
redaction drops what stands between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

if TYPE_CHECKING:
    from .questions.selection import Wanted

SIDES = (
    "client-app",
    "client-host",
    "client-network",
    "path",
    "server-network",
    "server-host",
    "server-app",
    "resolver",
    "middlebox",
    "nobody",
)
"""Who can drop an exchange, ordered from the client to the server, then those off the line."""

SEVERITIES = ("info", "warning", "error")
"""`error`: the exchange failed; `warning`: it suffered; `info`: worth knowing."""

PHASES = ("dns", "handshake", "established", "close", "application", "capture")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of a connection."""

    ip: str  # textual address
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


@dataclass(frozen=True, slots=True)
class Suspect:
    """A side that may have dropped the exchange; the weights of one finding sum to 1."""

    side: str  # one of SIDES
    weight: float  # 0 < weight <= 1


@dataclass(frozen=True, slots=True)
class RuledOut:
    """A side that cannot have done it, and the observation that says so."""

    side: str
    why: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """One frame that supports a finding, in words that quote its values."""

    frame: int
    at_ns: int
    text: str
    dissector_text: str = ""  # what tshark says of the frame, when asked; hostile text: escape it


@dataclass(frozen=True, slots=True)
class Errno:
    """The errno each application saw, by name (`ECONNREFUSED`); None where none or unknown."""

    client: str | None = None
    server: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that went wrong (or is worth knowing) about one connection."""

    code: str  # a name of the catalogue, `syn-unanswered`
    phase: str  # one of PHASES
    severity: str  # one of SEVERITIES
    confidence: float  # 0..1, that the finding is what happened
    summary: str  # one plain sentence
    suspects: tuple[Suspect, ...]  # heaviest first; empty for info that blames nobody
    evidence: tuple[Evidence, ...]  # in capture order
    ruled_out: tuple[RuledOut, ...] = ()
    errno: Errno = Errno()
    next: tuple[str, ...] = ()  # commands or measurements that would decide, best first
    authority: str = ""  # RFC clause, kernel behaviour

    @property
    def side(self) -> str:
        """The heaviest suspect, one of SIDES; `nobody` where the finding blames nobody."""
        return self.suspects[0].side if self.suspects else "nobody"


@dataclass(frozen=True, slots=True)
class StateChange:
    """One end entered one RFC 9293 state."""

    side: str  # client | server
    state: str  # `ESTABLISHED`, `FIN-WAIT-1`, ...; `UNKNOWN` before anything is known
    certain: bool  # False: believed, because the packet that causes it may have been lost after the tap
    at_ns: int
    frame: int  # the frame that proves (or suggests) it


@dataclass(frozen=True, slots=True)
class Handshake:
    """How the connection opened."""

    syn_count: int
    synack_count: int
    syn_to_synack_us: float | None  # first SYN to first SYN-ACK
    synack_to_ack_us: float | None  # first SYN-ACK to the third ACK
    complete: bool  # all three were seen


@dataclass(frozen=True, slots=True)
class Retransmissions:
    """Repeated segments, by sender and by kind. Keepalives and window probes are not among them."""

    client_count: int
    server_count: int
    by_kind: dict[str, int]  # syn, synack, rto, fast, tail-loss-probe, spurious, fin


@dataclass(frozen=True, slots=True)
class LadderRow:
    """One shown segment (or one that never came) of a connection's ladder diagram."""

    frame: int | None  # None for a row that stands for something that never came
    at_ns: int
    sender: str  # client | server; for ICMP rows the side it travels from
    label: str  # `SYN`, `SYN-ACK`, `ACK`, `PSH-ACK 120 B`, `RST`, `ICMP port unreachable`
    seq: int  # relative to the sender's initial sequence number (or first seen)
    ack: int | None  # relative to the receiver's
    payload_bytes: int
    window_bytes: int | None  # scaled; None when the scale is unknown
    note: str = ""  # `retransmission (RTO, 2nd)`, `zero window`, `no answer within 3.1 s`
    payload_text: str = ""  # what the payload begins with, in words; hostile text: escape it
    stops_at: str | None = (
        None  # the suspect side at which it was dropped; None: arrived or not known to be lost
    )
    repeat: bool = False  # a retransmission
    client_state: str = ""  # state of each end after this row
    server_state: str = ""
    client_certain: bool = True
    server_certain: bool = True
    origin: str | None = None  # the side it comes from if not its sender: a forged RST, an ICMP error
    ttl: int | None = None  # TTL or hop limit at the tap; for an ICMP error that of the error
    options: str = ""  # TCP options in words, `MSS 1460, SACK permitted, window scale 7`
    dissector_text: str = ""  # what tshark says of the frame, when asked; hostile text: escape it


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a shown flow's segments lie in both sequence spaces: columns of equal length, in capture order.

    Numbers are relative as in LadderRow. Of a long flow every n-th segment is here, and every retransmission
    up to a limit.
    """

    frames: tuple[int, ...]
    at_ns: tuple[int, ...]
    from_client: tuple[bool, ...]
    seq: tuple[int, ...]
    payload_bytes: tuple[int, ...]
    ack: tuple[int | None, ...]
    window_bytes: tuple[int | None, ...]  # scaled; None when the scale is unknown
    repeat: tuple[bool, ...]  # a retransmission
    left_out_count: int = 0  # segments of the flow that are not here


@dataclass(frozen=True, slots=True)
class Dissected:
    """One thing that tshark's dissectors say of a frame of the connection, in their words: escape them."""

    frame: int
    at_ns: int
    protocol: str  # the dissector's name, `tls`
    kind: str  # expert (information), error (of the application), certificate
    severity: str  # of expert information: Note, Warning, Error; empty for others
    dissector_text: str


@dataclass(frozen=True, slots=True)
class Dissection:
    """The asking of tshark (`--dissect`)."""

    program: str  # with its version; empty when it could not be asked
    frames_count: int  # frames that were shown to it
    problem: str | None  # why it said nothing, or not all, and what to do


@dataclass(frozen=True, slots=True)
class Flow:
    """One TCP connection (one initial sequence number: port reuse makes a new one)."""

    id: str  # stable within the capture: `10.0.0.1:40000-10.0.0.2:80` plus `#2` for a reused tuple
    client: Endpoint
    server: Endpoint
    roles_confidence: float  # 0..1 that client and server are not swapped
    start_ns: int
    end_ns: int
    first_frame: int
    last_frame: int
    client_packets_count: int
    server_packets_count: int
    client_payload_bytes: int  # unique bytes by sequence number, retransmissions not counted
    server_payload_bytes: int
    conn_state: str  # Zeek's word
    history: str  # Zeek's letters
    client_state: str  # final RFC 9293 state
    server_state: str
    client_certain: bool  # whether the final state is proven
    server_certain: bool
    outcome: str  # `completed`, `refused`, `unanswered`, `reset`, `stuck`, `open`, `partial`
    states: tuple[StateChange, ...]
    handshake: Handshake
    retransmissions: Retransmissions
    findings: tuple[Finding, ...] = ()  # worst first
    ladder: tuple[LadderRow, ...] = ()  # empty unless the flow is shown in full
    ladder_left_out_count: int = 0  # segments of the flow that the ladder leaves out
    trace: Trace | None = None  # None unless the flow is shown in full and carried data
    dissection: tuple[Dissected, ...] = ()  # in capture order; empty unless tshark was asked


@dataclass(frozen=True, slots=True)
class StatePeak:
    """The most sockets of one end that stood in one state at once, as far as the packets tell."""

    side: str  # client | server: whose sockets
    state: str  # an RFC 9293 state
    count: int
    at_ns: int  # when so many were first reached


@dataclass(frozen=True, slots=True)
class Incident:
    """Connections with the same finding, target and suspects, told once; or what only many show together.

    The second kind (`analysis/piles/`) has evidence of its own: no single connection has that finding.
    """

    code: str
    severity: str
    server: Endpoint  # port 0: several ports of that host
    clients_count: int
    flows_count: int
    first_ns: int
    last_ns: int
    suspects: tuple[Suspect, ...]
    summary: str
    flow_ids: tuple[str, ...]  # worst first
    confidence: float = 0.0
    next: tuple[str, ...] = ()  # what to run, best first; of a folded finding, its worst connection's
    evidence: tuple[Evidence, ...] = ()  # of a pile, in capture order
    ruled_out: tuple[RuledOut, ...] = ()
    errno: Errno = Errno()
    authority: str = ""
    peak: StatePeak | None = None
    clients_at_least: bool = False  # `clients_count` of them were told apart: there may be more

    @property
    def side(self) -> str:
        """The heaviest suspect, one of SIDES; `nobody` where the incident blames nobody."""
        return self.suspects[0].side if self.suspects else "nobody"


@dataclass(frozen=True, slots=True)
class Quality:
    """Something about the capture itself that limits what can be said."""

    code: str  # `capture-truncated`, `capture-drop`, `one-way-capture`, ...
    text: str
    effect: str  # what is not said, or said with less confidence, because of it


@dataclass(frozen=True, slots=True)
class Vantage:
    """Where the capture was taken, as inferred or as given."""

    side: str  # client | server | middle | both | unknown
    confidence: float
    votes: tuple[str, ...]  # each one sentence, with its weight


@dataclass(frozen=True, slots=True)
class CaptureFacts:
    """One capture file (or stream, or interface) as read."""

    path: str
    link_types: tuple[str, ...]
    packets_count: int
    tcp_segments_count: int
    skipped: dict[str, int]  # reason -> frames; packets_count = tcp_segments_count + sum(skipped)
    kernel_dropped_count: int | None  # None when the capture does not say
    start_ns: int | None
    end_ns: int | None
    vantage: Vantage
    quality: tuple[Quality, ...] = ()
    error: str | None = None  # why reading stopped early, with the offset; None when read to the end
    converted_from: str | None = None  # the format that tshark converted while it was read


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over every connection, the healthy ones included."""

    flows_count: int
    flows_with_findings_count: int
    evicted_flows_count: int  # half-open connections forgotten under memory pressure
    by_conn_state: dict[str, int]
    by_outcome: dict[str, int]
    by_code: dict[str, int]  # findings
    retransmissions_count: int
    packets_count: int
    tcp_segments_count: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """How many handshakes took how long; the counts belong to the bounds of HandshakeTimes."""

    count: int  # the sum of `counts`
    counts: tuple[int, ...]  # i: from bounds_us[i] up to, not including, bounds_us[i + 1]
    p50_us: float | None = None  # half took at most so long; None without any
    p95_us: float | None = None
    max_us: float | None = None


@dataclass(frozen=True, slots=True)
class HandshakeTimes:
    """The two legs of every handshake that was seen; the outermost bins hold what lies beyond, too."""

    bounds_us: tuple[int, ...]
    syn_to_synack: Distribution  # first SYN to first SYN-ACK: waiting for the server, repeats included
    synack_to_ack: Distribution  # first SYN-ACK to the third ACK: waiting for the client


@dataclass(frozen=True, slots=True)
class StatesOverTime:
    """How many connections of one listener stood in each state: what its netstat would have counted.

    Filled in from `analysis/concurrency.py`, worst server first and a bounded number of them.
    """

    server: Endpoint
    side: str  # client | server: whose states
    peak_counts: dict[str, tuple[int, ...]]  # RFC 9293 state -> most connections at once, per bin of Series


@dataclass(frozen=True, slots=True)
class Series:
    """What happened when: counts over every connection that is still kept, in equal bins of time."""

    start_ns: int  # of the first bin
    bin_ns: int  # width of a bin
    bins_count: int  # at most 120
    opened: dict[str, tuple[int, ...]]  # outcome -> connections with that outcome that begin in each bin
    handshakes: HandshakeTimes
    states_over_time: tuple[StatesOverTime, ...] = ()
    left_out_count: int = 0  # connections that a long capture has let go: in the totals, not in these counts


@dataclass(frozen=True, slots=True)
class Analysis:
    """The whole answer."""

    tool_version: str
    headline: str  # what happened, in one sentence
    captures: tuple[CaptureFacts, ...]
    flows: tuple[Flow, ...]  # with findings, worst first; with `all_flows` every one
    incidents: tuple[Incident, ...]  # worst first
    totals: Totals
    flows_left_out_count: int = 0  # connections with findings beyond the detail limit
    series: Series | None = None  # None without connections
    redacted: bool = False  # addresses replaced, payload text dropped (redaction.py)
    dissection: Dissection | None = None  # None unless tshark was to be asked
    known_findings_count: int = 0  # findings left out because an earlier report has them (baseline.py)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding of the flows told here, those of the worst connection first."""
        return tuple(finding for flow in self.flows for finding in flow.findings)

    def select(self, **wanted: Unpack[Wanted]) -> tuple[Flow, ...]:
        """The flows told here that meet every condition, in their order: see `selection.Wanted`.

        Raises ValueError for what is no address or port. Connections in good order are told only when the
        analysis was asked for them (`all_flows=True`).
        """
        from .questions.selection import Selector

        chosen = Selector.of(**wanted)
        return tuple(flow for flow in self.flows if chosen.picks(flow))

    def flow(self, **wanted: Unpack[Wanted]) -> Flow:
        """The one flow that `select` gives. Raises LookupError, with what there is, for none or several."""
        chosen = self.select(**wanted)
        if len(chosen) == 1:
            return chosen[0]
        listed = ", ".join(each.id for each in (chosen or self.flows)[:5]) or "none"
        untold = self.totals.flows_count - len(self.flows)
        more = f"; {untold} more in the capture are not told: all_flows=True tells them" if untold > 0 else ""
        raise LookupError(f"{len(chosen) or 'no'} connections meet this; there are: {listed}{more}")
