"""What is told about one connection, and about the whole, once the rules have judged."""

from __future__ import annotations

from operator import attrgetter
from typing import NamedTuple

from . import findings
from .case import Case
from .flow_ids import flow_id
from .pictures.illustrate import ladder, state_changes, trace
from .pictures.recorder import Recording
from .result import (
    CaptureFacts,
    Finding,
    Flow,
    Handshake,
    Incident,
    Retransmissions,
    StateChange,
    Totals,
)
from .scene.traits import rewritten
from .tracker import history_text

KINDS = (
    ("syn", "syn_repeat_count"),
    ("synack", "synack_repeat_count"),
    ("rto", "rto_count"),
    ("fast", "fast_count"),
    ("tail-loss-probe", "tlp_count"),
    ("spurious", "spurious_count"),
    ("fin", "fin_repeat_count"),
)

REPEATS_OF = attrgetter(*(field for _, field in KINDS))


def tell(case: Case, found: list[Finding], recording: Recording | None, word: str, end: str) -> Flow:
    """Everything that is told about one connection."""
    flow, client, server = case.flow, case.client, case.server
    missing = findings.missing(case, found)
    shown = ladder(case, recording, found[0] if found else None, missing) if recording else ()
    stand = Stand.of(case)
    states = state_changes(case, recording) if recording else stand.changes(flow.end_ns, flow.last_frame)
    return Flow(
        flow_id(case),
        case.client_end,
        case.server_end,
        flow.roles_percent / 100,
        flow.start_ns,
        flow.end_ns,
        flow.first_frame,
        flow.last_frame,
        client.packets,
        server.packets,
        client.unique_bytes,
        server.unique_bytes,
        word,
        history_text(case.scene.table.flows[case.index]),
        stand.client,
        stand.server,
        stand.client_certain,
        stand.server_certain,
        end,
        states,
        _handshake(case),
        _retransmissions(case),
        tuple(found),
        shown,
        recording.left_out_count if recording else 0,
        trace(case, recording) if recording else None,
    )


class Stand(NamedTuple):
    """Where both ends stand when the capture ends, in words, and whether that is certain."""

    client: str
    server: str
    client_certain: bool
    server_certain: bool

    @staticmethod
    def of(case: Case) -> Stand:
        """As the case believes."""
        return Stand(
            case.state("client").text,
            case.state("server").text,
            case.certain("client"),
            case.certain("server"),
        )

    def changes(self, at_ns: int, frame: int) -> tuple[StateChange, ...]:
        """What is known without a second pass."""
        return (
            StateChange("client", self.client, self.client_certain, at_ns, frame),
            StateChange("server", self.server, self.server_certain, at_ns, frame),
        )


def _handshake(case: Case) -> Handshake:
    client, server = case.client, case.server
    answered = client.syn_count > 0 and server.synack_count > 0
    established = case.flow.established_ns
    return Handshake(
        client.syn_count,
        server.synack_count,
        (server.syn_ns - client.syn_ns) / 1000 if answered else None,
        (established - server.syn_ns) / 1000 if answered and established else None,
        bool(answered and established),
    )


def _retransmissions(case: Case) -> Retransmissions:
    client, server = REPEATS_OF(case.client), REPEATS_OF(case.server)
    by_kind = {
        name: mine + its for (name, _), mine, its in zip(KINDS, client, server, strict=True) if mine + its
    }
    return Retransmissions(sum(client), sum(server), by_kind)


def headline(folded: tuple[Incident, ...], totals: Totals, captures: tuple[CaptureFacts, ...]) -> str:
    """What happened, in one sentence or two."""
    if folded:
        first, others = folded[0], len(folded) - 1
        kinds = "failure" if first.severity == "error" else "trouble"
        more = f"; {others} more kind{'s' if others > 1 else ''} of {kinds}" if others else ""
        return f"{first.summary[:1].upper()}{first.summary[1:]}{more}."
    unread = [facts for facts in captures if facts.error and facts.packets_count == 0]
    if totals.flows_count == 0 and unread:
        return f"Nothing could be read: {unread[0].error}."
    if totals.flows_count == 0:
        return "No TCP connection was captured."
    reasons = [why for facts in captures if (why := rewritten(facts.tcp_segments_count, facts.skipped))]
    if reasons:
        return f"Nothing can be said about these connections: {reasons[0]}."
    plural = "s" if totals.flows_count != 1 else ""
    remarkable = totals.flows_with_findings_count
    rest = f"{remarkable} with something worth knowing" if remarkable else "nothing to report"
    return f"No connection failed: {totals.flows_count} connection{plural} seen, {rest}."
