"""One source tries many ports of a host, or one port of many hosts, and exchanges no data: a scan.

Signature
    Within two minutes one client opens connections to 30 ports of one host, or to one port of 30 hosts, no
    more than twice each, and nine tenths of what it opens there carries no data.

Meaning
    Somebody looks for what is listening. The refusals and silences that it meets are answers, not failures.

Confused with
    Health checks: the same few ports again and again. A browser or a crawler: its connections carry data.

Dropped by
    Nobody: scans are none of the service's connections.

Next
    Who the source is, and whether it may do that.

Authority
    RFC 9293 section 3.10.7.1 (a closed port answers with RST).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..case import SECOND, evidence
from ..result import Endpoint, Incident
from ..scene.grouping import Groups, different, group
from .gathering import Gathering, count

CODE = "port-scan"
PHASE = "handshake"
ABSORBS = ("port-closed", "reject-tcp-reset", "syn-unanswered", "client-rst-after-synack", "synack-unacked")
TARGETS = 30
"""No program asks for so many services of one host, or so many hosts for one, and says nothing."""

WITHIN_NS = 120 * SECOND
"""Slower scans exist; what comes slower than this may as well be many programs."""

EMPTY_SHARE = 0.9
"""A scan that finds something may talk to it; a program mostly talks."""
TRIES = 2
"""An unanswered probe is sent once more; who tries more often wants something there."""


def judge(gathering: Gathering) -> Iterator[tuple[Incident, np.ndarray]]:
    """Each source that scans one host, then each that scans many."""
    table, ends = gathering.table, gathering.ends
    tried = table.client("syn_count") > 0
    empty = tried & (table.client("data_packets") == 0) & (table.server("data_packets") == 0)
    if np.bincount(ends.client[empty], minlength=1).max() < TARGETS:
        return
    hosts = group(ends.client * (int(ends.server.max()) + 1) + ends.server)
    ports = group(ends.client << 16 | ends.server_port)
    for groups, targets in ((hosts, ends.server_port), (ports, ends.server)):
        for number in np.flatnonzero(groups.sums(empty) >= TARGETS).tolist():
            rows = _scan(gathering, groups, number, empty, targets)
            if rows is not None:
                yield _incident(gathering, rows, targets, groups is hosts), rows


def _scan(
    gathering: Gathering, groups: Groups, number: int, empty: np.ndarray, targets: np.ndarray
) -> np.ndarray | None:
    """The probes of one group, when they are a scan."""
    everyone = groups.members(number)
    rows = everyone[empty[everyone]]
    distinct = len(different(targets[rows]))
    if distinct < TARGETS or len(rows) > TRIES * distinct or len(rows) < EMPTY_SHARE * len(everyone):
        return None
    firsts = np.sort(np.unique(targets[rows], return_index=True)[1])
    begun_ns = np.sort(gathering.table.flows["start_ns"][rows][firsts])
    quickest_ns = int((begun_ns[TARGETS - 1 :] - begun_ns[: len(begun_ns) - TARGETS + 1]).min())
    return rows if quickest_ns <= WITHIN_NS else None


def _incident(gathering: Gathering, rows: np.ndarray, targets: np.ndarray, one_host: bool) -> Incident:
    table = gathering.table
    first, last = gathering.case(rows[0]), gathering.case(rows[-1])
    distinct = len(different(targets[rows]))
    answered = int((table.server("synack_count")[rows] > 0).sum())
    refused = int(((table.server("synack_count")[rows] == 0) & (table.server("rst_count")[rows] > 0)).sum())
    where = (
        f"{count(distinct, 'port')} of {first.server_end.ip}"
        if one_host
        else f"port {first.server_end.port} of {count(distinct, 'host')}"
    )
    return gathering.incident(
        CODE,
        "info",
        0.9,
        rows,
        f"{first.client_end.ip} scans {where}: {answered:,} open, {refused:,} refused, "
        f"{len(rows) - answered - refused:,} silent, and no data on any",
        server=Endpoint(first.server_end.ip, 0 if one_host else first.server_end.port),
        evidence=evidence(
            (first.client.syn_frame, first.client.syn_ns, f"first probe, to {first.server_end}"),
            (last.client.syn_frame, last.client.syn_ns, f"last probe, to {last.server_end}"),
        ),
        next=(f"whois {first.client_end.ip}    # whose is it, and may it scan?",),
        authority="RFC 9293 section 3.10.7.1",
    )
