"""IPv6 did not work, and the client went on with IPv4.

Signature
    An attempt over IPv6 without success (silence, RST or ICMP error), and within two seconds of it a
    connection over IPv4 to the same port that opened; the IPv6 attempt is not repeated after that. Both are
    of one machine: loopback addresses, a capture taken on the client, or the only client of either family.
    Where IPv4 was tried within 10 ms, sooner than any client gives up waiting, the refusal was not captured.

Meaning
    The program has both addresses of one name and takes the one that works (Happy Eyeballs, or one address
    after the other). It works, and each new connection pays the delay: 250 ms by RFC 8305, a whole connect
    timeout in older programs. `localhost` refused on ::1 and answered on 127.0.0.1 is a program that listens
    on one family only.

Confused with
    syn-unanswered, port-closed: nothing follows over IPv4. Two addresses of different names: then more than
    one IPv4 server is asked at that time, and nothing is said.

Dropped by
    For IPv6 alone what the same silence or refusal would mean; the client's program copes.

Next
    The same port over IPv6, by hand; the address that the program listens on.

Authority
    RFC 8305 section 5 (connection attempt delay 250 ms, at most 2 s); RFC 6724.
"""

from __future__ import annotations

import numpy as np

from ...capture.segment import address_text
from .. import errnos
from ..case import MS, SECOND, Case, evidence, seconds
from ..evidence.silence import dropping_syns
from ..measures import Step, accept_queue, best_first
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "he-fallback"
PHASE = "handshake"
SUPERSEDES = (
    "syn-unanswered",
    "handshake-truncated",
    "port-closed",
    "reject-tcp-reset",
    "icmp-port-unreach",
    "icmp-admin-prohib",
    "icmp-host-unreach",
)

WITHIN_NS = 2 * SECOND
"""RFC 8305 section 5: the longest delay between two attempts."""

ANSWERED_NS = 10 * MS
"""RFC 8305 section 5: no client waits less than this for an answer before it tries the next address. One that
does was answered, and the capture missed it."""

V4_MARK = np.uint64(0xFFFF)


def candidates(table: FlowTable) -> np.ndarray:
    """SYNs over IPv6 that no SYN-ACK answered."""
    six = ~_is_v4(table.flows)
    return np.asarray(six & (table.client("syn_count") > 0) & (table.server("synack_count") == 0))


def _is_v4(flows: np.ndarray) -> np.ndarray:
    return np.asarray((flows["a_hi"] == 0) & (flows["a_lo"] >> np.uint64(32) == V4_MARK))


def judge(case: Case) -> Finding | None:
    """The attempt that failed, beside the one that opened."""
    found = _instead(case)
    if found is None:
        return None
    table, client, server = case.scene.table, case.client, case.server
    refused_ns = server.rst_ns or case.flow.icmp_ns
    key = table.server_key[found]
    server4 = f"{address_text(int(key['hi']), int(key['lo']))}:{int(key['port'])}"
    syn_ns, opened_ns = int(table.client("syn_ns")[found]), int(table.flows["established_ns"][found])
    after = seconds(syn_ns - client.syn_ns)
    missed = not refused_ns and client.syn_count == 1 and syn_ns - client.syn_ns < ANSWERED_NS
    answer = "was refused" if refused_ns else "stayed without an answer"
    answer += " that was captured" if missed else ""
    refused = bool(refused_ns or missed)
    suspicion = Suspicion({"server-app": 0.5, "server-host": 0.5}) if refused else dropping_syns(case)
    return Finding(
        CODE,
        PHASE,
        "info" if refused else "warning",
        0.95 if case.vantage == "both" else 0.8,
        f"IPv6 to {case.server_end} {answer}; {after} later the client tried {server4}, and that opened",
        () if refused else suspicion.suspects(),
        evidence(
            (client.syn_frame, client.syn_ns, "SYN over IPv6"),
            (server.rst_frame, server.rst_ns, "RST"),
            (case.flow.icmp_frame, case.flow.icmp_ns, "ICMP error"),
            (int(table.client("syn_frame")[found]), syn_ns, f"SYN over IPv4 to {server4}, {after} later"),
            (int(table.flows["established_frame"][found]), opened_ns, "that connection opens"),
        ),
        suspicion.ruled_out(),
        Errno(client=errnos.refused(case, server.rst_ns, "ECONNREFUSED") if server.rst_form == 1 else None),
        best_first(
            suspicion.suspects(),
            accept_queue(case),
            Step(
                f"curl -6 -v --connect-timeout 5 telnet://{case.server_end}",
                f"from {case.client_end.ip}: does IPv6 work at all?",
            ),
        ),
        "RFC 8305 section 5; RFC 6724",
    )


def _instead(case: Case) -> int | None:
    """Number of the connection over IPv4 that took its place; None when there is none, or no telling."""
    table, client = case.scene.table, case.client
    failed_ns = max(client.syn_ns, case.server.rst_ns, case.flow.icmp_ns)
    opened4, syn4 = _opened_v4(table)
    low, high = np.searchsorted(syn4, (client.syn_ns, failed_ns + WITHIN_NS))
    near = opened4[low:high]
    near = near[table.server_key["port"][near] == case.server_end.port]
    if case.vantage == "both":
        near = near[_is_loopback(table.server_key[near])] if case.server_end.ip == "::1" else near[:0]
    if not len(near):
        return None
    servers, clients = table.server_key["lo"][near], table.client_key["lo"][near]
    if (servers != servers[0]).any() or (clients != clients[0]).any():
        return None
    opened_ns = int(table.flows["established_ns"][near[0]])
    return None if client.syn_last_ns > opened_ns else int(near[0])


def _opened_v4(table: FlowTable) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of all connections over IPv4 that opened, by the time of their SYN; and these times."""
    if CODE not in table.worked_out:
        opened = np.flatnonzero(_is_v4(table.flows) & (table.flows["established_ns"] > 0))
        times = table.client("syn_ns")[opened]
        order = np.argsort(times, kind="stable")
        table.worked_out[CODE] = (opened[order], times[order])
    found: tuple[np.ndarray, np.ndarray] = table.worked_out[CODE]
    return found


def _is_loopback(keys: np.ndarray) -> np.ndarray:
    return np.asarray(keys["lo"] >> np.uint64(24) == np.uint64(0xFFFF7F))
