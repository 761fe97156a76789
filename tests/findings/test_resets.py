"""Findings about RSTs of open connections, each told by ladders under fixtures/ladders/<code>/."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.findings.runner import check, ladders

CODES = (
    "rst-injected",
    "nat-timeout-rst",
    "close-with-unread",
    "rst-app-abort",
    "rst-no-socket",
    "rst-instead-of-fin",
    "rst-after-fin",
    "rst-out-of-window-ignored",
    "connect-then-rst-proxy",
    "conntrack-invalid-rst",
)


@pytest.mark.parametrize("path", ladders(*CODES))
def test_ladder(path: Path) -> None:
    """What the ladder expects holds."""
    check(path)


@pytest.mark.parametrize("code", CODES)
def test_every_finding_has_a_ladder_that_fires_and_one_that_does_not(code: str) -> None:
    """At least two ladders in its folder."""
    assert len(ladders(code)) >= 2
