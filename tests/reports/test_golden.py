"""Reports are what was last accepted with `python -m tests.reports.accept`."""

from __future__ import annotations

import pytest

from .accept import FORMATS, GOLDEN, NAMES, report


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("fmt", "suffix"), FORMATS)
def test_report_is_the_accepted_one(name: str, fmt: str, suffix: str) -> None:
    assert report(name, fmt) == (GOLDEN / f"{name}{suffix}").read_bytes().decode("utf-8")


def test_no_golden_file_is_left_over() -> None:
    known = {f"{name}{suffix}" for name in NAMES for _, suffix in FORMATS}
    assert {path.name for path in GOLDEN.iterdir()} == known
