"""The examples in docstrings, by import name (importing by path would make second copies)."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def modules_with_examples() -> list[str]:
    """Import names of every module whose text has a doctest."""
    names = []
    for folder, package in (
        ("cli", "synsight"),
        ("capture", "synsight.capture"),
        ("analysis", "synsight.analysis"),
        ("reports", "synsight.reports"),
    ):
        for path in sorted((ROOT / folder).glob("*.py")):
            if ">>> " in path.read_text() and not path.name.startswith("_tracker"):
                names.append(package if path.stem == "__init__" else f"{package}.{path.stem}")
    return names


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_hold(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
