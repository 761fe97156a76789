"""Every lab capture against what was true when it was taken."""

from __future__ import annotations

import pytest

from .lab_truth import VANTAGES, connection_of, problems, scenarios, take


@pytest.mark.parametrize("vantage", VANTAGES)
@pytest.mark.parametrize("scenario", scenarios())
def test_the_verdict_agrees_with_the_truth(scenario: str, vantage: str) -> None:
    """From every place."""
    taken = take(scenario, vantage)
    assert taken is not None, "the lab captures from everywhere"
    assert problems(taken) == []


@pytest.mark.parametrize("scenario", scenarios())
def test_it_agrees_when_told_where_the_capture_was_taken(scenario: str) -> None:
    """Nothing new is wrong then."""
    for vantage in VANTAGES:
        taken = take(scenario, vantage, told=vantage)
        assert taken is not None
        assert problems(taken) == []


def test_believed_states_are_mostly_right() -> None:
    """Belief is no proof, but it has to be worth having."""
    right = whole = 0
    for scenario in scenarios():
        for vantage in VANTAGES:
            taken = take(scenario, vantage)
            assert taken is not None
            for flow in taken.analysis.flows:
                truth = connection_of(taken, flow)
                if truth is None or truth.get("superseded"):
                    continue
                for side in ("client", "server"):
                    whole += 1
                    right += getattr(flow, f"{side}_state") == truth[f"{side}_state"]
    assert whole > 300
    assert right >= 0.75 * whole, f"{right} of {whole}"
