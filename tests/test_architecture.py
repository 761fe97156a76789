"""The arrow capture -> analysis -> reports points one way, and the tree says so."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FORBIDDEN = {
    "capture": ("synsight.analysis", "synsight.reports", "click", "rich", "jinja2", "matplotlib"),
    "analysis": (
        "synsight.reports",
        "click",
        "rich",
        "jinja2",
        "matplotlib",
        "pyshark",
        "pcapy",
        "time",
        "datetime",
    ),
    "reports": ("synsight.capture", "numpy", "dpkt", "pcapy", "time"),
}
ONLY_RESULTS = {"synsight.analysis.result", "synsight.analysis.checked", "synsight.analysis.snapshot"}
"""All that reports may know of the analysis."""


def modules(part: str) -> list[Path]:
    """Python files of one folder."""
    found = sorted((ROOT / part).rglob("*.py"))
    assert found, f"{part}/ has no modules"
    return found


def imported(path: Path, part: str) -> set[str]:
    """Absolute names of everything a module imports, relative imports resolved."""
    package = ["synsight", *path.relative_to(ROOT).parts[:-1]]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            names.update({stem, *(f"{stem}.{alias.name}" for alias in node.names)})
    return names


@pytest.mark.parametrize("part", FORBIDDEN)
def test_no_arrow_points_backwards(part: str) -> None:
    for path in modules(part):
        for name in imported(path, part):
            for forbidden in FORBIDDEN[part]:
                assert not f"{name}.".startswith(f"{forbidden}."), f"{path} imports {name}"


def test_reports_know_only_the_result_types() -> None:
    for path in modules("reports"):
        for name in imported(path, "reports"):
            if name.startswith("synsight.analysis."):
                stem = ".".join(name.split(".")[:3])
                assert stem in ONLY_RESULTS, f"{path} imports {name}"


def test_the_top_level_is_the_one_agreed_on() -> None:
    for name in (
        "pyproject.toml",
        "capture",
        "analysis",
        "reports",
        "tests",
        "fixtures",
        "cli",
        "benchmarks",
        "docs",
    ):
        assert (ROOT / name).exists(), name


def test_every_folder_of_modules_is_in_the_wheel() -> None:
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {
        path.parent.relative_to(ROOT).as_posix() for part in (*FORBIDDEN, "cli") for path in modules(part)
    }
    assert set(setup["package-dir"].values()) == folders
    assert set(setup["package-dir"]) == set(setup["packages"])
