"""Findings of the established phase, each told by ladders under fixtures/ladders/<code>/."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.findings.runner import check, ladders

CODES = (
    "rto-backoff-dead",
    "keepalive-dead",
    "zero-window-unanswered",
    "zero-window-stall",
    "server-silent-after-request",
    "slow-app",
    "segment-loss-up",
    "segment-loss-down",
    "spurious-rto",
    "pmtu-blackhole",
    "pmtu-recovered",
    "pmtu-icmp-ignored",
    "icmp-soft-established",
    "ack-path-loss",
    "window-update-lost",
    "challenge-ack-storm",
    "sack-corrupted",
    "nat-timeout-silent",
    "keepalive-vs-nat-mismatch",
    "client-timeout-abort",
    "rwnd-limited",
    "wscale-stripped",
    "ttl-anomaly",
    "mtu-mismatch-l2",
    "fragment-loss",
    "jitter-or-queue",
)


@pytest.mark.parametrize("path", ladders(*CODES))
def test_ladder(path: Path) -> None:
    """What the ladder expects holds."""
    check(path)


@pytest.mark.parametrize("code", CODES)
def test_every_finding_has_a_ladder_that_fires_and_one_that_does_not(code: str) -> None:
    """At least two ladders in its folder."""
    assert len(ladders(code)) >= 2
