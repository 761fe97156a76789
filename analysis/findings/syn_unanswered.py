"""Nothing came back for the client's SYN.

Signature
    The same SYN at least twice, no segment from the server and no ICMP error before the capture ended. Sent
    once, with three seconds of silence after it, it is a warning: a kernel repeats its SYN after a second, so
    the client gave up sooner, was no ordinary client (a scan), or the capture missed something.

Meaning
    Either the SYN did not reach the server's socket, or the answer did not come back to the place of the
    capture. Taken on the server, the capture decides: a SYN that is visible there and gets no answer was
    dropped by that host (firewall, reverse-path filter, full queue), because the tap sits before all of
    these.

Confused with
    handshake-truncated: one SYN right before the capture ends. accept-queue-syn-drop: the same bytes, but
    other connections to the port are open and get no data. synack-unacked: seen from the server the answer
    exists. Two more are the same bytes, and reasons inside this finding: rp-filter-drop, where the server's
    kernel would answer through another interface (TcpExtIPReversePathFilter grows); conntrack-full-drop,
    where old connections go on and nobody new is answered on any port (the kernel says "nf_conntrack: table
    full", and nf_conntrack_count is at nf_conntrack_max).

Dropped by
    From the client: anything from its network to the server's host; other connections move the weights.
    From the server: the server host.

Next
    Capture on the server at the same time; what it shows splits the suspects in two.

Authority
    RFC 9293 section 3.8.3; Linux tcp_syn_retries and tcp_syn_linear_timeouts: given up after
    131 s (127 s before kernel 6.5).
"""

from __future__ import annotations

import numpy as np

from .. import errnos
from ..case import Case, evidence, seconds
from ..evidence.silence import (
    COPY_NS,
    beside,
    dropping_syns,
    full_table,
    others,
    overdue,
    patient,
    stalled_others,
    unanswered,
)
from ..measures import (
    accept_queue,
    best_first,
    capture_at,
    connection_table,
    counters,
    firewall,
    trace,
)
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "syn-unanswered"
PHASE = "handshake"


def candidates(table: FlowTable) -> np.ndarray:
    """SYNs and nothing back."""
    return unanswered(table)


def judge(case: Case) -> Finding | None:
    """Silence after repeats, or after a long enough wait."""
    client = case.client
    if case.answers_unseen or not overdue(case, client.syn_ns, client.syn_last_ns):
        return None
    suspicion = dropping_syns(case)
    span = seconds(client.syn_last_ns - client.syn_ns)
    repeated = client.syn_last_ns - client.syn_ns >= COPY_NS
    failed = repeated and patient(case, client.syn_ns, client.syn_count)
    times = f"{client.syn_count} times in {span}" if client.syn_count > 1 else "once"
    times += "" if repeated else ", and not again after its first second"
    attempt = errnos.attempt(case)
    then = f"; {attempt.told}" if attempt.told and repeated else ""
    since = seconds(case.since_ns(client.syn_last_ns))
    return Finding(
        CODE,
        PHASE,
        "error" if failed else "warning",
        0.95 if failed else 0.7 if repeated else 0.5,
        f"{case.server_end} never answered{_seen(case)}: the client's SYN was sent {times}",
        suspicion.suspects(),
        evidence(
            (client.syn_frame, client.syn_ns, f"first SYN, TTL {client.syn_ttl}{others(case)}"),
            beside(case, suspicion),
            (
                client.syn_last_frame if client.syn_count > 1 else 0,
                client.syn_last_ns,
                f"last of {client.syn_count} SYNs; the capture goes on for {since}{then}{suspicion.because}",
            ),
        ),
        suspicion.ruled_out(),
        Errno(client=attempt.errno),
        _next(case, suspicion),
        "RFC 9293 section 3.8.3; ip-sysctl tcp_syn_retries",
    )


def _seen(case: Case) -> str:
    """Where the SYN was seen, when that narrows the search."""
    if case.vantage == "server":
        return " although the SYN reached its host"
    return ", the SYN was dropped beyond the tap towards the server" if case.vantage == "middle" else ""


def _next(case: Case, suspicion: Suspicion) -> tuple[str, ...]:
    """Is the host reached, then what on it counts the drop."""
    return best_first(
        suspicion.suspects(),
        capture_at(case, "server", "do the SYNs arrive, is one answered?"),
        firewall(case, "server"),
        counters(case, "server", "TcpExtListenDrops", "TcpExtListenOverflows", "TcpExtIPReversePathFilter"),
        connection_table(case) if full_table(case) else None,
        accept_queue(case) if stalled_others(case) else None,
        None if case.vantage in ("server", "both") else trace(case, "client", "how far do SYNs come?"),
    )


def missing(case: Case) -> tuple[str, str]:
    """The answer."""
    return ("server", "no SYN-ACK")
