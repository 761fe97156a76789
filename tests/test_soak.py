"""What the soak calls flat memory: samples every ten seconds, in MiB."""

from __future__ import annotations

import math

import pytest

from benchmarks.soak import is_flat, slope

MINUTES = 25
SAMPLES = MINUTES * 6


def rising(mb_per_minute: float, until_minute: float = MINUTES) -> list[float]:
    """A saw-tooth of 4 MiB on 150 MiB that rises for some time."""
    return [
        150 + mb_per_minute * min(number / 6, until_minute) + number % 12 / 3 for number in range(SAMPLES)
    ]


def test_what_fills_in_the_first_minutes_and_stays_is_flat() -> None:
    assert is_flat(rising(10, until_minute=8))


@pytest.mark.parametrize("mb_per_minute", [0.6, 1, 4])
def test_what_still_rises_is_not(mb_per_minute: float) -> None:
    assert math.isclose(slope(rising(mb_per_minute)), mb_per_minute, abs_tol=0.03)
    assert not is_flat(rising(mb_per_minute))


def test_a_step_near_the_end_is_not() -> None:
    assert not is_flat([*[150.0] * (SAMPLES - 6), *[156.0] * 6])


def test_a_peak_of_one_look_near_the_end_is_not() -> None:
    assert not is_flat([*[150.0] * (SAMPLES - 6), 160.0, *[150.0] * 5])


def test_a_few_samples_say_nothing() -> None:
    assert not is_flat([150.0] * 8)
