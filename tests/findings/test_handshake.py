"""Findings of the handshake, each told by ladders under fixtures/ladders/<code>/."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.findings.runner import check, ladders

CODES = ("syn-unanswered",)


@pytest.mark.parametrize("path", ladders(*CODES))
def test_ladder(path: Path) -> None:
    """What the ladder expects holds."""
    check(path)
