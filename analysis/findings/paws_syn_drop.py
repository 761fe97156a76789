"""The server answers only SYNs with newer timestamps than it has seen from that address.

Signature
    Connections of one client address to one listener, some answered and some not, all with timestamps: every
    SYN without an answer carries a lower value than every SYN with one, in numbers that chance would produce
    less than once in 20 times.

Meaning
    A host that keeps the last timestamp per address (tcp_tw_recycle of Linux before 4.12, some balancers)
    takes a lower one for an old duplicate and drops the SYN. Clients behind address translation have clocks
    of their own, so only the one with the highest clock gets through.

Confused with
    syn-unanswered: losses do not follow the timestamps. accept-queue-syn-drop: the program is mute.

Dropped by
    The server's host, or a balancer or firewall in front of it that compares timestamps.

Next
    Which kernel, and whether a connection without timestamps always works.

Authority
    RFC 7323 section 5; Linux tcp_tw_recycle, removed in 4.12; nstat PAWSPassive.
"""

from __future__ import annotations

from math import comb

import numpy as np

from ...capture.segment import Option
from .. import errnos
from ..case import Case, evidence
from ..evidence.silence import overdue, unanswered
from ..measures import Step, best_first, capture_at, counters
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "paws-syn-drop"
PHASE = "handshake"
SUPERSEDES = ("syn-unanswered", "accept-queue-syn-drop")

CHANCE = 1 / 20
"""The usual bound for calling something no chance."""


def candidates(table: FlowTable) -> np.ndarray:
    """SYNs with timestamps and nothing back."""
    return np.asarray(unanswered(table) & _stamped(table))


def _stamped(table: FlowTable) -> np.ndarray:
    return np.asarray((table.client("syn_options") & np.uint16(Option.TIMESTAMP)) > 0)


def judge(case: Case) -> Finding | None:
    """The rejected timestamp, if the others say so."""
    client = case.client
    if case.answers_unseen or not overdue(case, client.syn_ns, client.syn_last_ns):
        return None
    split = _split(case)
    if split is None:
        return None
    silent_count, answered_count, lowest = split
    suspicion = Suspicion({"server-host": 0.5, "server-network": 0.3, "path": 0.2})
    if case.vantage in ("server", "both"):
        suspicion = Suspicion({"server-host": 1.0})
        suspicion.rule_out("path", "the SYN is visible in this capture, taken on the server")
    suspicion.rule_out("server-app", "other SYNs from the same address are answered meanwhile")
    return Finding(
        CODE,
        PHASE,
        "error",
        0.8,
        f"{case.server_end} answers {case.client_end.ip} only when the SYN's timestamp is higher: all"
        f" {silent_count} without an answer lie below all {answered_count} with one",
        suspicion.suspects(),
        evidence(
            (
                client.syn_frame,
                client.syn_ns,
                f"SYN, timestamp {client.tsval}; the lowest that was answered has {lowest}",
            ),
        ),
        suspicion.ruled_out(),
        Errno(client=errnos.attempt(case).errno),
        best_first(
            suspicion.suspects(),
            capture_at(case, "server", "do the unanswered SYNs arrive?"),
            counters(case, "server", "TcpExtPAWSPassive", "TcpExtPAWSEstab"),
            Step("uname -r; sysctl net.ipv4.tcp_tw_recycle", f"on {case.server_end.ip}: switched on?"),
        ),
        "RFC 7323 section 5; Linux tcp_tw_recycle before 4.12",
    )


def _split(case: Case) -> tuple[int, int, int] | None:
    """(unanswered, answered, lowest answered timestamp) of the pair, when timestamps part them; else None."""
    table = case.scene.table
    if CODE not in table.worked_out:
        table.worked_out[CODE] = _attempts(table)
    pairs, stamps, is_silent = table.worked_out[CODE]
    pair = int(table.ends.pairs.ids[case.index])
    mine = slice(*np.searchsorted(pairs, (pair, pair + 1)))
    silent, answered = stamps[mine][is_silent[mine]], stamps[mine][~is_silent[mine]]
    counts = len(silent), len(answered)
    sure = min(counts) >= 2 and 1 / comb(sum(counts), counts[0]) < CHANCE
    parted = sure and silent.max() < answered.min()
    return (*counts, int(answered.min())) if parted else None


def _attempts(table: FlowTable) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pair, timestamp and whether it went unanswered of every attempt with a timestamp, sorted by pair."""
    silent, stamped = unanswered(table), _stamped(table)
    chosen = np.flatnonzero(stamped & (silent | (table.server("synack_count") > 0)))
    pairs = table.ends.pairs.ids[chosen]
    order = np.argsort(pairs, kind="stable")
    chosen = chosen[order]
    return pairs[order], table.client("tsval").astype(np.int64)[chosen], silent[chosen]
