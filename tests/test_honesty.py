"""Parts of lab captures accuse nobody more confidently than the whole supports: see honesty.py."""

from __future__ import annotations

import numpy as np
import pytest

from .honesty import Dishonesty, Known, cuts, excused, exhibit, gaps, known
from .lab_truth import VANTAGES, scenarios

SEED, PLACES = 20261122, 120


def _sample() -> list[tuple[str, str, int]]:
    """Captures with a number each, the same in every run: between them they are cut everywhere."""
    random = np.random.default_rng(SEED)
    names = random.choice(scenarios(), PLACES)
    return [(str(name), str(random.choice(VANTAGES)), int(random.integers(1 << 30))) for name in names]


def _asked(scenario: str, vantage: str, number: int) -> list[Dishonesty]:
    shown = exhibit(scenario, vantage)
    if shown is None:
        return []
    place = [shown.places[number % len(shown.places)]]
    return [*cuts(shown, place), *gaps(shown, place)]


def test_sampled_parts_are_honest() -> None:
    """Or dishonest as listed."""
    found = [each for chosen in _sample() for each in _asked(*chosen)]
    assert [each for each in found if not excused(each, known())] == []


@pytest.mark.parametrize(
    "row", known(), ids=lambda row: f"{row.scenario}-{row.vantage}-{row.kind}-{row.code}"
)
def test_what_is_listed_still_is_dishonest(row: Known) -> None:
    """What is mended leaves the list."""
    shown = exhibit(row.scenario, row.vantage)
    assert shown is not None
    place = [int(np.flatnonzero(shown.segments["frame"] == row.frame)[0]) + 1]
    found = gaps(shown, place) if row.kind.endswith("-without") else cuts(shown, place)
    assert any(excused(each, [row]) for each in found), "take it off tests/honesty_known.toml"
    assert len(row.why) > 10
