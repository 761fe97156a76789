"""No rule without a fixture that fires it and one that must not, no ladder that nobody runs."""

from __future__ import annotations

import json
from functools import cache

import pytest
from synsight.analysis.findings import BY_CODE

from tests.findings import test_close, test_established, test_handshake, test_resets
from tests.findings.runner import LADDERS
from tests.lab_truth import FIXTURES

RUN = (*test_close.CODES, *test_established.CODES, *test_handshake.CODES, *test_resets.CODES)


@cache
def fires() -> dict[str, set[str]]:
    """Fixture -> codes that it must fire."""
    found: dict[str, set[str]] = {}
    for path in LADDERS.glob("*/*.ladder"):
        lines = [line for line in path.read_text().splitlines() if line.startswith("=")]
        wanted = {
            code
            for line in lines
            for part in line.lstrip("= ").split("|")
            if part.split() and part.split()[0] in ("findings", "infos")
            for code in part.split()[1].split(",")
        }
        found[f"{path.parent.name}/{path.stem}"] = wanted
    for path in FIXTURES.glob("*/truth.json"):
        expected = json.loads(path.read_text())["expect"].values()
        found[f"lab {path.parent.name}"] = {code for each in expected for code in each.get("codes", ())}
    return found


def test_every_ladder_is_run() -> None:
    assert {path.name for path in LADDERS.iterdir()} == set(RUN)


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_a_fixture_fires_it_and_one_beside_it_does_not(code: str) -> None:
    """A ladder of its own folder is like it and is not; for a rule of the lab its healthy captures do."""
    assert any(code in codes for codes in fires().values())
    own = [codes for name, codes in fires().items() if name.startswith(f"{code}/")]
    by_lab = any(code in codes for name, codes in fires().items() if name.startswith("lab "))
    assert any(code not in codes for codes in own) or by_lab
