"""Parts of lab captures accuse nobody more confidently than the whole supports: see honesty.py."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from .honesty import cuts, exhibit, gaps
from .lab_truth import VANTAGES, scenarios

SEED, PLACES = 20261122, 3
"""Each capture is cut at so many places, the same in every run, and loses these packets one by one. All of
them take minutes: `python -m tests.honesty`."""


@pytest.mark.parametrize("scenario", scenarios())
def test_sampled_parts_are_honest(scenario: str) -> None:
    """Cut at some packets, and without each of these."""
    found = []
    for vantage in VANTAGES:
        shown = exhibit(scenario, vantage)
        if shown is None:
            continue
        random = np.random.default_rng([SEED, zlib.crc32(f"{scenario} {vantage}".encode())])
        places = random.choice(shown.places, min(PLACES, len(shown.places)), replace=False).tolist()
        found += [*cuts(shown, places), *gaps(shown, places)]
    assert found == []
