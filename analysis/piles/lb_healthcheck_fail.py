"""Connections that come at a fixed interval, as health checks do, begin to fail.

Signature
    Six short connections or more from one client to one listener, their beginnings mostly evenly spaced (a
    second or more apart, give or take a quarter), of which the earlier ones opened and the later ones were
    refused or not answered, or none opened at all.

Meaning
    A load balancer or a monitor asks whether the service is there. When its checks fail, it takes the
    backend out of the pool and sends it no more users, whatever users would have got.

Confused with
    A program that retries at a fixed interval: the same packets. retry-storm: many clients in step.

Dropped by
    Who dropped the single check: the finding of the last one says it.

Next
    The check's configuration against the service: port, timeout, expected answer.

Authority
    The evidence of its connections.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..case import SECOND, seconds
from ..result import Incident
from .gathering import Gathering, Member, count, first_and_last, rows_of, worst

CODE = "lb-healthcheck-fail"
PHASE = "application"
ABSORBS = ("port-closed", "reject-tcp-reset", "syn-unanswered")
LEAST = 6
"""Five equal intervals: with fewer a chance of even spacing remains."""

FAILED = 3
"""Load balancers take a backend out after two or three failures in a row."""

SHORTEST_NS = SECOND
"""No load balancer checks more often; what comes faster is load."""

UNEVEN_SHARE = 0.25
"""Timers of busy programs drift by less; people and users come less evenly."""

EVEN_SHARE = 0.75
"""Of independent arrivals one in six gaps lies so near to the median; three quarters are no chance."""


def judge(gathering: Gathering) -> Iterator[tuple[Incident, np.ndarray]]:
    """Each client whose regular connections fail."""
    for _, members in gathering.piles(ABSORBS, FAILED, lambda _: "client"):
        rows = rows_of(members)
        everyone = gathering.together(int(rows[0]), "client")
        period_ns = _period_ns(gathering.table.flows["start_ns"][everyone])
        before = everyone[~np.isin(everyone, rows)]
        if period_ns is None or (len(before) and before.max() > rows.min()):
            continue
        yield _incident(gathering, members, len(before), period_ns), rows


def _period_ns(begun_ns: np.ndarray) -> float | None:
    """The interval, when all are evenly spaced."""
    if len(begun_ns) < LEAST:
        return None
    gaps_ns = np.diff(np.sort(begun_ns))
    middle_ns = float(np.median(gaps_ns))
    even = np.abs(gaps_ns - middle_ns) <= UNEVEN_SHARE * middle_ns
    return middle_ns if middle_ns >= SHORTEST_NS and even.mean() >= EVEN_SHARE else None


def _incident(gathering: Gathering, members: list[Member], good: int, period_ns: float) -> Incident:
    finding, case = worst(members), members[0][0]
    rows = rows_of(members)
    since = (
        f"since {gathering.into(case.flow.start_ns)}; the {good:,} before it passed"
        if good
        else "from the first on"
    )
    return gathering.incident(
        CODE,
        finding.severity,
        min(finding.confidence, 0.8),
        rows,
        f"every {seconds(period_ns)} {case.client_end.ip} asks {case.server_end}, as a health check does, "
        "and fails "
        f"{since}: {count(len(rows), 'time')}, {finding.code}",
        suspects=finding.suspects,
        evidence=first_and_last(members),
        ruled_out=finding.ruled_out,
        errno=finding.errno,
        next=finding.next,
        authority=finding.authority,
    )
