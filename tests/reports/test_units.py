"""Numbers as people read them."""

from __future__ import annotations

import pytest
from synsight.reports import units


@pytest.mark.parametrize(
    ("ns", "words"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (1_000, "1 µs"),
        (850_000, "850 µs"),
        (999_999, "1 ms"),
        (12_340_000, "12.3 ms"),
        (3_100_000_000, "3.1 s"),
        (99_970_000_000, "1 min 40 s"),
        (125_000_000_000, "2 min 5 s"),
        (120_000_000_000, "2 min"),
        (3_599_600_000_000, "1 h"),
        (12_000_000_000_000, "3 h 20 min"),
        (200_000_000_000_000, "2 d 7 h"),
        (-3_000_000, "-3 ms"),
    ],
)
def test_duration(ns: int, words: str) -> None:
    assert units.duration(ns) == words


@pytest.mark.parametrize(
    ("ns", "words"),
    [(0, "0.000000"), (499, "0.000000"), (3_021_004_000, "3.021004"), (-1_500_000, "-0.001500")],
)
def test_offset(ns: int, words: str) -> None:
    assert units.offset(ns) == words


def test_instant_is_utc_and_cut_not_rounded_up() -> None:
    assert units.instant(1_795_230_245_999_999_999) == "2026-11-21 03:04:05.999"
    assert units.clock(1_795_230_245_999_999_999) == "03:04:05"
    assert units.instant(-1) == "1969-12-31 23:59:59.999"


def test_instant_takes_every_64_bit_time() -> None:
    assert units.instant(2**63 - 1).startswith("2262-")
    assert units.instant(-(2**63)).startswith("1677-")


@pytest.mark.parametrize(
    ("ratio", "words"), [(0.0, "0 %"), (0.001, "1 %"), (0.554, "55 %"), (0.999, "99 %"), (1.0, "100 %")]
)
def test_percent_never_rounds_a_doubt_away(ratio: float, words: str) -> None:
    assert units.percent(ratio) == words


def test_count_agrees_with_its_noun() -> None:
    assert units.count(1, "packet") == "1 packet"
    assert units.count(0, "packet") == "0 packets"
    assert units.count(1_204) == "1,204"


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 B"), (999, "999 B"), (1_448, "1.45 kB"), (999_700, "1 MB"), (10**13, "10.0 TB")],
)
def test_size(number: int, words: str) -> None:
    assert units.size(number) == words


def test_weight_in_words_and_cells() -> None:
    words = [units.likelihood(weight) for weight in (1.0, 0.55, 0.3, 0.1)]
    assert words == ["almost certainly", "probably", "possibly", "unlikely"]
    assert [units.cells(weight, 20) for weight in (0.0, 0.01, 0.5, 1.0)] == [0, 1, 10, 20]
