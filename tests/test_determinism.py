"""The same capture gives the same bytes, in every format, in another process with another hash seed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from synsight.reports import FORMATS

from tests.test_cli import LAB, ROOT

SUFFIXES = tuple(form.suffix for form in FORMATS if form.suffix not in (".svg", ".png", ".pdf"))
"""Formats of a whole analysis; drawings of one connection have tests of their own."""

CHECKS = tuple(form.suffix for form in FORMATS if form.checks)


def reports(folder: Path, seed: str) -> dict[str, bytes]:
    """Every report of a folder with several kinds of trouble, and of a check of it."""
    folder.mkdir()
    captures = [LAB / name / "middle.pcap" for name in ("several-connections-to-two-ports", "port-closed")]
    captures += [LAB / "accept-queue-full" / "server.pcap", LAB / "reset-forged-to-both" / "middle.pcap"]
    outputs = [part for suffix in SUFFIXES for part in ("-o", str(folder / f"r{suffix}"))]
    checked = [part for suffix in CHECKS for part in ("-o", str(folder / f"c{suffix}"))]
    commands = (
        ["analyze", *map(str, captures), "--all-flows", *outputs],
        ["check", "fixtures/lab/port-closed", "fixtures/lab/accept-queue-full", *checked],
    )
    for command in commands:
        subprocess.run(
            [sys.executable, "-m", "synsight", *command],
            cwd=ROOT, check=True, capture_output=True, timeout=120, env=os.environ | {"PYTHONHASHSEED": seed},
        )  # fmt: skip
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], dict[str, bytes]]:
    folder = tmp_path_factory.mktemp("twice")
    return reports(folder / "one", "1"), reports(folder / "two", "2")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_reports(suffix: str, twice: tuple[dict[str, bytes], dict[str, bytes]]) -> None:
    first, second = twice
    assert first[f"r{suffix}"] == second[f"r{suffix}"]


@pytest.mark.parametrize("suffix", CHECKS)
def test_checks(suffix: str, twice: tuple[dict[str, bytes], dict[str, bytes]]) -> None:
    first, second = twice
    assert first[f"c{suffix}"] == second[f"c{suffix}"]
