"""Every lab capture against what was true when it was taken."""

from __future__ import annotations

import pytest

from .lab_truth import VANTAGES, connection_of, excused, known, problems, scenarios, stale, take


@pytest.mark.parametrize("vantage", VANTAGES)
@pytest.mark.parametrize("scenario", scenarios())
def test_the_verdict_agrees_with_the_truth(scenario: str, vantage: str) -> None:
    """Or differs as listed, no more and no less: what is mended leaves the list of known violations."""
    taken = take(scenario, vantage)
    assert taken is not None, "the lab captures from everywhere"
    found = problems(taken)
    listed = [row for row in known() if row.scenario == scenario and vantage in row.vantages]
    assert [each for each in found if not excused(each, listed)] == []
    mended = [row for row in stale(found, listed) if row.vantages == (vantage,)]
    assert mended == [], "take these off tests/lab_truth_known.toml"


@pytest.mark.parametrize("scenario", scenarios())
def test_it_agrees_when_told_where_the_capture_was_taken(scenario: str) -> None:
    """Nothing new is wrong then."""
    for vantage in VANTAGES:
        taken = take(scenario, vantage, told=vantage)
        assert taken is not None
        assert [each for each in problems(taken) if not excused(each, known())] == []


def test_known_violations_name_scenarios_and_reasons() -> None:
    """A row for a scenario that is not there would never be noticed."""
    for row in known():
        assert row.scenario in scenarios()
        assert set(row.vantages) <= set(VANTAGES)
        assert len(row.why) > 10


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
