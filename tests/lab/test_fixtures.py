"""The captures that the lab left in fixtures/lab still are what their scenarios say. No root needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from . import scenarios  # noqa: F401
from .scenario import SCENARIOS, VANTAGES, Scenario

FIXTURES = Path(__file__).parents[2] / "fixtures" / "lab"

CAPTURE_LIMIT_BYTES, FOLDER_LIMIT_BYTES = 100_000, 15_000_000

every_scenario = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)


def test_each_scenario_has_its_fixture_and_none_is_left_over() -> None:
    assert {path.parent.name for path in FIXTURES.glob("*/truth.json")} == set(SCENARIOS)


def test_fixtures_stay_small() -> None:
    sizes = {path: path.stat().st_size for path in FIXTURES.rglob("*") if path.is_file()}
    assert max(size for path, size in sizes.items() if path.suffix == ".pcap") <= CAPTURE_LIMIT_BYTES
    assert sum(sizes.values()) <= FOLDER_LIMIT_BYTES


@every_scenario
def test_truth_was_written_by_this_scenario(scenario: Scenario) -> None:
    truth = json.loads((FIXTURES / scenario.name / "truth.json").read_text())
    expected = {
        v: {"codes": list(s.codes), "dropper_knowable": s.knowable} for v, s in scenario.sights.items()
    }
    last = truth["connections"][-1]
    assert truth["expect"] == expected
    assert truth["fault"] == {
        "dropper": scenario.dropper,
        "also": list(scenario.also),
        "where": scenario.where,
    }
    assert (truth["title"], truth["did"]) == (scenario.title, scenario.did)
    assert (last["client_state"], last["server_state"]) == scenario.states


@every_scenario
def test_three_captures_lie_beside_the_truth(scenario: Scenario) -> None:
    assert {path.stem for path in (FIXTURES / scenario.name).glob("*.pcap")} == set(VANTAGES)
