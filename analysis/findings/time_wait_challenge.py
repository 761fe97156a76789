"""The ports were used again while the server was in TIME-WAIT, and the new SYN looked old.

Signature
    The server had closed the earlier connection on these ports first, less than 60 s ago. It answers the new
    SYN with the last ACK of that connection, the client resets, repeats its SYN, and gets a SYN-ACK.

Meaning
    In TIME-WAIT a host takes a new SYN at once when its sequence number is higher than the last one received
    or its timestamp is newer. This SYN was neither: no timestamps and a lower number, or another host behind
    the same address (NAT). The challenge costs a round trip, or a second when the RST is lost.

Confused with
    half-open-challenge: the earlier connection was never closed. port-reused-ok: the SYN is accepted at once.

Dropped by
    Nobody: it completes. The client's host, or the address translation in front of it, uses ports again too
    soon.

Next
    How fast the client's ports go round, and how many hosts share its address.

Authority
    RFC 1122 section 4.2.2.13; RFC 6191; RFC 9293 section 3.10.7.4. Linux 6.18 ends TIME-WAIT on the RST
    (tcp_rfc1337 = 0), and its client repeats the SYN within 20 ms of the challenge.
"""

from __future__ import annotations

import numpy as np

from ..case import TIME_WAIT_NS, Case, seconds
from ..measures import Step, best_first
from ..result import Finding
from ..table import FlowTable
from ..verdict import Suspicion
from . import half_open_challenge
from .half_open_challenge import SLOW_NS, evidence_of, waiting_ns

CODE = "time-wait-challenge"
PHASE = "handshake"


def candidates(table: FlowTable) -> np.ndarray:
    """Challenged SYNs on ports that were used before."""
    return np.asarray(half_open_challenge.candidates(table) & (table.flows["previous"] > 0))


def judge(case: Case) -> Finding | None:
    """The detour, when the server was in TIME-WAIT."""
    closed_ns, client = waiting_ns(case), case.client
    if closed_ns is None or not case.flow.established_ns or not client.rst_count:
        return None
    age_ns, took_ns = client.syn_ns - closed_ns, case.flow.established_ns - client.syn_ns
    if age_ns > TIME_WAIT_NS:
        return None
    slow = took_ns >= SLOW_NS
    suspicion = Suspicion({"client-host": 0.6, "client-network": 0.4})
    suspicion.rule_out("server-app", "the server's kernel answers, as TIME-WAIT demands")
    return Finding(
        CODE,
        PHASE,
        "warning" if slow else "info",
        0.9,
        f"the client used its port {case.client_end.port} again {seconds(age_ns)} after {case.server_end} had"
        f" closed: the new connection opened after {seconds(took_ns)}, by way of a challenge",
        suspicion.suspects() if slow else (),
        evidence_of(case),
        suspicion.ruled_out() if slow else (),
        next=best_first(
            suspicion.suspects(),
            Step(
                "sysctl net.ipv4.ip_local_port_range net.ipv4.tcp_timestamps; ss -s",
                f"on {case.client_end.ip}: how soon do its ports come round?",
                frozenset({"client-host"}),
            ),
        ),
        authority="RFC 1122 section 4.2.2.13; RFC 6191",
    )
