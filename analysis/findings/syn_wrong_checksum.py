"""The SYN arrives with a wrong checksum, so the server's host has to discard it.

Signature
    Every SYN has a TCP checksum that does not fit its bytes, nor is it the sum that a host leaves to its
    network card; nothing comes back. Told only away from the client's host, and only where a wrong checksum
    means something: not when ends in this capture answer segments whose checksums are wrong.

Meaning
    Something changed the segment on its way and did not, or not rightly, correct the checksum: an address
    translator, a tunnel, a network card or a virtual switch that was left a checksum to fill in. The server's
    kernel counts it (TcpInCsumErrors) and says nothing.

Confused with
    csum-offload: at the sending host the sum is filled in by the card, behind the capture. syn-unanswered:
    the same silence with right checksums.

Dropped by
    Whoever damaged it, before the capture: the client's host or network, the path, or (seen at the server)
    the server's network. The server's host only does its duty.

Next
    The same SYN captured where it leaves: is its checksum right there? Then the device in between.

Authority
    RFC 9293 section 3.1 (MUST-2, MUST-3: the sender fills in the checksum, the receiver checks it).
"""

from __future__ import annotations

import numpy as np

from .. import errnos
from ..case import Case, evidence, hops, seconds
from ..evidence.silence import COPY_NS, overdue, patient, unanswered
from ..measures import COUNTED, Step, best_first, capture_at, counters
from ..result import Errno, Finding
from ..table import FlowTable
from ..verdict import Suspicion

CODE = "syn-wrong-checksum"
PHASE = "handshake"
SUPERSEDES = ("syn-unanswered", "accept-queue-syn-drop")


def candidates(table: FlowTable) -> np.ndarray:
    """Unanswered SYNs, all of them damaged."""
    damaged = table.client("bad_sum_count") >= table.client("syn_count")
    mask: np.ndarray = unanswered(table) & damaged
    return mask


def judge(case: Case) -> Finding | None:
    """Damaged SYNs, seen on their way."""
    client = case.client
    if not _on_its_way(case) or case.answers_unseen or _accepted(case.scene.table):
        return None
    if not overdue(case, client.syn_ns, client.syn_last_ns):
        return None
    repeated = client.syn_last_ns - client.syn_ns >= COPY_NS
    failed = repeated and patient(case, client.syn_ns, client.syn_count)
    suspicion = _suspicion(case)
    since = seconds(case.since_ns(client.syn_last_ns))
    return Finding(
        CODE,
        PHASE,
        "error" if failed else "warning",
        (0.9 if case.vantage == "server" else 0.8) if failed else 0.6,
        f"every SYN to {case.server_end} arrives with a wrong TCP checksum ({client.syn_count} in all): its "
        "host has to discard them",
        suspicion.suspects(),
        evidence(
            (client.syn_frame, client.syn_ns, "first SYN; its checksum does not fit its bytes"),
            (
                client.syn_last_frame if client.syn_count > 1 else 0,
                client.syn_last_ns,
                f"last of {client.syn_count} SYNs, all damaged; nothing answers for {since}",
            ),
        ),
        suspicion.ruled_out(),
        Errno(client=errnos.attempt(case).errno),
        _next(case, suspicion),
        "RFC 9293 section 3.1",
    )


def _on_its_way(case: Case) -> bool:
    """Whether the tap is surely not on the client's host, where sums are filled in behind it."""
    known = case.vantage in ("middle", "server")
    return known or (case.vantage == "unknown" and hops(case.client.syn_ttl) > 0)


def _accepted(table: FlowTable) -> bool:
    """Whether some end answers another all of whose segments have wrong sums: then sums mean nothing here."""
    found = table.worked_out.get(CODE)
    if found is None:
        damaged = (table.both("bad_sum_count") > 0) & (
            table.both("bad_sum_count") >= table.both("packets") - table.both("duplicate_count")
        )
        answered = (table.both("packets") > 0).reshape(-1, 2)[:, ::-1].reshape(-1)
        found = table.worked_out[CODE] = bool((damaged & answered).any())
    return bool(found)


def _suspicion(case: Case) -> Suspicion:
    """Everybody who had the segment in hand before the tap."""
    sides = {"client-network": 1.0, "path": 1.0, "client-host": 1.0}
    if case.vantage != "middle":
        sides["server-network"] = 1.0
    suspicion = Suspicion(sides)
    suspicion.rule_out("server-app", "the segment is discarded before any socket")
    suspicion.rule_out("server-host", "it has to discard a segment with a wrong checksum")
    if case.vantage == "middle":
        suspicion.rule_out("server-network", "the checksum is wrong here already")
    return suspicion


def _next(case: Case, suspicion: Suspicion) -> tuple[str, ...]:
    card = "ethtool -K eth0 tx off"
    return best_first(
        suspicion.suspects(),
        capture_at(
            case, "client", "with -vv: is the checksum right when the SYN leaves (or left to the card)?"
        ),
        Step(
            card,
            f"on {case.client_end.ip}, or the host that it is a guest of: does it then connect?",
            frozenset({"client-host"}),
            COUNTED,
        ),
        counters(case, "server", "TcpInCsumErrors", question="does it grow with every SYN?"),
    )


def missing(case: Case) -> tuple[str, str]:
    """The answer."""
    return ("server", "no SYN-ACK")
