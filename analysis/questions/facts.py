"""What can be asked of an analysis by name: in files of expectations, and in `--fail-on`.

A fact is about the capture as a whole, about one connection, or about one finding of one connection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..result import PHASES, SEVERITIES, SIDES, Analysis, Finding, Flow, Incident

OUTCOMES = ("completed", "refused", "unanswered", "reset", "stuck", "open", "partial")
NONE = "none"
"""The errno that an application did not get."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that can be asked; `of` gives None where there is no answer."""

    kind: str  # number | truth | word | level (words in an order) | words (a set of words) | address
    meaning: str
    of: Callable[[Any], Any]
    words: Callable[[], tuple[str, ...]] | None = None  # those it can be; None: any
    share: Callable[[Any], float | None] | None = None  # what a percentage is compared with


def codes() -> tuple[str, ...]:
    """Every finding's code, those that only many connections show included."""
    from .handbook import BY_CODE

    return tuple(BY_CODE)


def states() -> tuple[str, ...]:
    """Every state of an end."""
    from ..states import State

    return tuple(state.text for state in State)


def _ratio(count: int, of: int) -> float | None:
    return count / of if of else None


def _errno(flow: Flow, side: str) -> str:
    named = (getattr(finding.errno, side) for finding in flow.findings)
    return next((name for name in named if name is not None), NONE)


def _repeats(flow: Flow) -> int:
    return flow.retransmissions.client_count + flow.retransmissions.server_count


def _repeat_ratio(flow: Flow) -> float | None:
    return _ratio(_repeats(flow), flow.client_packets_count + flow.server_packets_count)


def _ms(us: float | None) -> float | None:
    return None if us is None else us / 1000


def _handshake_ms(flow: Flow) -> float | None:
    first, second = flow.handshake.syn_to_synack_us, flow.handshake.synack_to_ack_us
    return None if first is None or second is None else (first + second) / 1000


def _repeats_in_all(analysis: Analysis) -> float | None:
    return _ratio(analysis.totals.retransmissions_count, analysis.totals.tcp_segments_count)


def _kernel_dropped(analysis: Analysis) -> int | None:
    told = [facts.kernel_dropped_count for facts in analysis.captures]
    return sum(count for count in told if count is not None) if any(x is not None for x in told) else None


CAPTURE: Mapping[str, Fact] = MappingProxyType(
    {
        "packets": Fact("number", "packets captured", lambda a: a.totals.packets_count),
        "tcp_segments": Fact("number", "TCP segments among them", lambda a: a.totals.tcp_segments_count),
        "flows": Fact("number", "TCP connections", lambda a: a.totals.flows_count),
        "flows_with_findings": Fact(
            "number",
            "connections with findings; in percent: of all connections",
            lambda a: a.totals.flows_with_findings_count,
            share=lambda a: _ratio(a.totals.flows_with_findings_count, a.totals.flows_count),
        ),
        "retransmissions": Fact(
            "number",
            "segments sent again; in percent: of all TCP segments",
            lambda a: a.totals.retransmissions_count,
            share=_repeats_in_all,
        ),
        "retransmission_ratio": Fact("number", "retransmissions / TCP segments, 0 to 1", _repeats_in_all),
        "evicted_flows": Fact(
            "number", "connections forgotten to bound memory", lambda a: a.totals.evicted_flows_count
        ),
        "kernel_dropped": Fact("number", "packets that the capturing kernel lost", _kernel_dropped),
        "skipped": Fact(
            "number", "frames that are no TCP", lambda a: sum(sum(f.skipped.values()) for f in a.captures)
        ),
        "incidents": Fact("number", "incidents", lambda a: len(a.incidents)),
        "quality": Fact(
            "words",
            "what limits the capture (`capture-truncated`, ...)",
            lambda a: frozenset(each.code for facts in a.captures for each in facts.quality),
        ),
        "vantage": Fact(
            "word",
            "where the capture was taken, as inferred",
            lambda a: a.captures[0].vantage.side if a.captures else None,
            lambda: ("client", "server", "middle", "both", "unknown"),
        ),
    }
)
"""Of the capture as a whole."""

FLOW: Mapping[str, Fact] = MappingProxyType(
    {
        "outcome": Fact("word", "how the connection ended", lambda f: f.outcome, lambda: OUTCOMES),
        "client_state": Fact("word", "final state of the client's end", lambda f: f.client_state, states),
        "server_state": Fact("word", "final state of the server's end", lambda f: f.server_state, states),
        "client_certain": Fact("truth", "whether the client's state is proven", lambda f: f.client_certain),
        "server_certain": Fact("truth", "whether the server's state is proven", lambda f: f.server_certain),
        "conn_state": Fact("word", "Zeek's word for how it ended", lambda f: f.conn_state),
        "history": Fact("word", "Zeek's letters", lambda f: f.history),
        "handshake_complete": Fact(
            "truth", "whether SYN, SYN-ACK and ACK were seen", lambda f: f.handshake.complete
        ),
        "syn_count": Fact("number", "SYNs of the client", lambda f: f.handshake.syn_count),
        "synack_count": Fact("number", "SYN-ACKs of the server", lambda f: f.handshake.synack_count),
        "syn_to_synack_ms": Fact(
            "number", "first SYN to first SYN-ACK", lambda f: _ms(f.handshake.syn_to_synack_us)
        ),
        "synack_to_ack_ms": Fact(
            "number", "first SYN-ACK to the third ACK", lambda f: _ms(f.handshake.synack_to_ack_us)
        ),
        "handshake_ms": Fact("number", "first SYN to the third ACK", _handshake_ms),
        "duration_ms": Fact("number", "first to last segment", lambda f: (f.end_ns - f.start_ns) / 1e6),
        "client_packets": Fact("number", "segments of the client", lambda f: f.client_packets_count),
        "server_packets": Fact("number", "segments of the server", lambda f: f.server_packets_count),
        "client_payload_bytes": Fact(
            "number", "bytes that the client sent, each once", lambda f: f.client_payload_bytes
        ),
        "server_payload_bytes": Fact(
            "number", "bytes that the server sent, each once", lambda f: f.server_payload_bytes
        ),
        "retransmissions": Fact(
            "number",
            "segments sent again by either end; in percent: of the connection's segments",
            _repeats,
            share=_repeat_ratio,
        ),
        "client_retransmissions": Fact(
            "number",
            "segments that the client sent again",
            lambda f: f.retransmissions.client_count,
            share=lambda f: _ratio(f.retransmissions.client_count, f.client_packets_count),
        ),
        "server_retransmissions": Fact(
            "number",
            "segments that the server sent again",
            lambda f: f.retransmissions.server_count,
            share=lambda f: _ratio(f.retransmissions.server_count, f.server_packets_count),
        ),
        "client_errno": Fact(
            "word", "errno that the client's program saw, or `none`", lambda f: _errno(f, "client")
        ),
        "server_errno": Fact(
            "word", "errno that the server's program saw, or `none`", lambda f: _errno(f, "server")
        ),
        "findings": Fact(
            "words", "codes of its findings", lambda f: frozenset(x.code for x in f.findings), codes
        ),
    }
)
"""Of one connection."""

ENDS: Mapping[str, Fact] = MappingProxyType(
    {
        "client_ip": Fact("address", "the client's address; a network matches", lambda f: f.client.ip),
        "client_port": Fact("number", "the client's port", lambda f: f.client.port),
        "server_ip": Fact("address", "the server's address; a network matches", lambda f: f.server.ip),
        "server_port": Fact("number", "the server's port", lambda f: f.server.port),
    }
)
"""Of one connection: who it is."""


def _of_finding(name: str) -> Callable[[Finding | Incident], Any]:
    return lambda finding: getattr(finding, name, None)  # an incident has no phase


def piles_of(analysis: Analysis) -> tuple[Incident, ...]:
    """Incidents that only many connections show: no single one has that finding."""
    single = {finding.code for flow in analysis.flows for finding in flow.findings}
    return tuple(each for each in analysis.incidents if each.evidence and each.code not in single)


FINDING: Mapping[str, Fact] = MappingProxyType(
    {
        "code": Fact("word", "the finding's code", _of_finding("code"), codes),
        "severity": Fact("level", "info, warning or error", _of_finding("severity"), lambda: SEVERITIES),
        "phase": Fact("word", "phase of the connection", _of_finding("phase"), lambda: PHASES),
        "side": Fact("word", "the heaviest suspect", _of_finding("side"), lambda: SIDES),
        "confidence": Fact("number", "that it happened, 0 to 1", _of_finding("confidence")),
        "client_errno": Fact(
            "word", "errno that the client's program saw, or `none`", lambda x: x.errno.client or NONE
        ),
        "server_errno": Fact(
            "word", "errno that the server's program saw, or `none`", lambda x: x.errno.server or NONE
        ),
    }
)
"""Of one finding."""
