"""A connection as one row of a table: the columns that CSV and Parquet share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from synsight.analysis.result import Flow
from synsight.reports.wording import visible


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name (with the unit), what it holds, and how it is read off a connection."""

    name: str
    kind: str  # text | texts (several) | integer | real | truth | instant (ns since the epoch)
    of: Callable[[Flow], Any]


def _errno(side: str) -> Callable[[Flow], str | None]:
    def read(flow: Flow) -> str | None:
        named = [getattr(finding.errno, side) for finding in flow.findings]
        return next((visible(name) for name in named if name is not None), None)

    return read


COLUMNS = (
    Column("id", "text", lambda flow: visible(flow.id)),
    Column("client_ip", "text", lambda flow: visible(flow.client.ip)),
    Column("client_port", "integer", lambda flow: flow.client.port),
    Column("server_ip", "text", lambda flow: visible(flow.server.ip)),
    Column("server_port", "integer", lambda flow: flow.server.port),
    Column("start_utc", "instant", lambda flow: flow.start_ns),
    Column("end_utc", "instant", lambda flow: flow.end_ns),
    Column("first_frame", "integer", lambda flow: flow.first_frame),
    Column("last_frame", "integer", lambda flow: flow.last_frame),
    Column("outcome", "text", lambda flow: visible(flow.outcome)),
    Column("client_state", "text", lambda flow: visible(flow.client_state)),
    Column("client_certain", "truth", lambda flow: flow.client_certain),
    Column("server_state", "text", lambda flow: visible(flow.server_state)),
    Column("server_certain", "truth", lambda flow: flow.server_certain),
    Column("conn_state", "text", lambda flow: visible(flow.conn_state)),
    Column("history", "text", lambda flow: visible(flow.history)),
    Column("roles_confidence", "real", lambda flow: flow.roles_confidence),
    Column("client_packets_count", "integer", lambda flow: flow.client_packets_count),
    Column("server_packets_count", "integer", lambda flow: flow.server_packets_count),
    Column("client_payload_bytes", "integer", lambda flow: flow.client_payload_bytes),
    Column("server_payload_bytes", "integer", lambda flow: flow.server_payload_bytes),
    Column("handshake_complete", "truth", lambda flow: flow.handshake.complete),
    Column("syn_count", "integer", lambda flow: flow.handshake.syn_count),
    Column("synack_count", "integer", lambda flow: flow.handshake.synack_count),
    Column("syn_to_synack_us", "real", lambda flow: flow.handshake.syn_to_synack_us),
    Column("synack_to_ack_us", "real", lambda flow: flow.handshake.synack_to_ack_us),
    Column("client_retransmissions_count", "integer", lambda flow: flow.retransmissions.client_count),
    Column("server_retransmissions_count", "integer", lambda flow: flow.retransmissions.server_count),
    Column("findings", "texts", lambda flow: [visible(finding.code) for finding in flow.findings]),
    Column("severity", "text", lambda flow: flow.findings[0].severity if flow.findings else None),
    Column("side", "text", lambda flow: visible(flow.findings[0].side) if flow.findings else None),
    Column("confidence", "real", lambda flow: flow.findings[0].confidence if flow.findings else None),
    Column("client_errno", "text", _errno("client")),
    Column("server_errno", "text", _errno("server")),
    Column("summary", "text", lambda flow: visible(flow.findings[0].summary) if flow.findings else None),
)
"""In order. `severity`, `side`, `confidence` and `summary` are those of the worst finding."""
