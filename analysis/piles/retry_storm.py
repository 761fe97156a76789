"""Many clients retry in step: each wave of attempts fails together and comes again after the same time.

Signature
    At one listener three waves or more of connections that fail, each wave of five attempts or more and short
    against the time between waves, which is mostly the same (give or take a fifth); the clients of one wave
    come again in the next.

Meaning
    The clients wait a fixed time and have no jitter, so that they all return at once: the service that fails
    under the load gets it again, all of it, whenever it might recover.

Confused with
    syn-flood: its sources do not come back. Kernels' own SYN repeats: those belong to one connection.

Dropped by
    What drops the single connection says its finding; what keeps the storm going are the clients' programs.

Next
    The clients' retry settings: exponential backoff, with jitter.

Authority
    RFC 9110 section 10.2.3 (Retry-After); RFC 6298 section 5.5 for the kernel's own backoff.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from ..case import SECOND, seconds
from ..result import Incident
from ..verdict import certainly
from .gathering import Gathering, Member, count, first_and_last, rows_of, worst

CODE = "retry-storm"
PHASE = "application"
ABSORBS = ()
WAVES = 3
"""Two equal intervals: the least that shows a period."""

ATTEMPTS = 5
"""Fewer may meet by chance."""

FAILURES = ("port-closed", "reject-tcp-reset", "syn-unanswered", "accept-queue-syn-drop", "synack-unacked")
APART_NS = SECOND // 2
"""Attempts closer together belong to one wave."""

NARROW_SHARE = 0.2
"""A wave that is wider, against the time between waves, has jitter in it."""

UNEVEN_SHARE = 0.2
"""Fixed delays add the time that an attempt took; a fifth covers it. Backoff grows by more."""

EVEN_SHARE = 0.75
"""A wave may come late where the host is busy; three of four gaps alike are a period."""

SAME_SHARE = 0.5
"""Some clients succeed or give up between two waves; half of them come again."""


def judge(gathering: Gathering) -> Iterator[tuple[Incident, np.ndarray]]:
    """Each listener that is asked in waves."""
    for _, members in gathering.piles(FAILURES, WAVES * ATTEMPTS, lambda _: "server"):
        rows = rows_of(members)
        begun_ns = gathering.table.flows["start_ns"][rows]
        rows = rows[np.argsort(begun_ns, kind="stable")]
        begun_ns = np.sort(begun_ns)
        waves = np.split(np.arange(len(rows)), np.flatnonzero(np.diff(begun_ns) > APART_NS) + 1)
        if len(waves) >= WAVES and _in_step(waves, begun_ns, gathering.ends.client[rows]):
            yield _incident(gathering, members, len(waves), begun_ns, waves), rows


def _in_step(waves: list[np.ndarray], begun_ns: np.ndarray, clients: np.ndarray) -> bool:
    """Whether the waves are narrow, evenly spaced, and of the same clients."""
    gaps_ns = np.diff(begun_ns[[wave[0] for wave in waves]])
    period_ns = np.median(gaps_ns)
    widths_ns = np.array([begun_ns[wave[-1]] - begun_ns[wave[0]] for wave in waves])
    even = (np.abs(gaps_ns - period_ns) <= UNEVEN_SHARE * period_ns).mean() >= EVEN_SHARE
    crowds = [set(clients[wave].tolist()) for wave in waves]
    many = all(len(wave) >= ATTEMPTS for wave in waves)
    same = all(len(a & b) >= SAME_SHARE * len(a) for a, b in pairwise(crowds))
    return bool(even and many and same and (widths_ns <= NARROW_SHARE * period_ns).all())


def _incident(
    gathering: Gathering,
    members: list[Member],
    waves_count: int,
    begun_ns: np.ndarray,
    waves: list[np.ndarray],
) -> Incident:
    finding, rows, end = worst(members), rows_of(members), members[0][0].server_end
    period_ns = float(np.median(np.diff(begun_ns[[wave[0] for wave in waves]])))
    return gathering.incident(
        CODE,
        "warning",
        0.8,
        rows,
        f"{count(gathering.clients_count(rows), 'client')} ask {end} again and again in step: "
        f"{count(waves_count, 'wave')}, one every "
        f"{seconds(period_ns)}, {count(len(rows), 'attempt')} in all, each failing ({finding.code})",
        suspects=certainly("client-app"),
        evidence=first_and_last(members),
        next=("the clients' retry settings: backoff that grows, and jitter", *finding.next[:1]),
        authority="RFC 9110 section 10.2.3; RFC 6298 section 5.5",
    )
