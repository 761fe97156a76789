"""`action.yml` as a runner would run it: its script, with the environment that GitHub gives."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.test_cli import LAB, ROOT

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
SCRIPT = ACTION["runs"]["steps"][1]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    shutil.copy(LAB / "port-closed" / "client.pcap", tmp_path / "a capture.pcap")
    shutil.copy(LAB / "port-closed" / "client.expect.toml", tmp_path / "a capture.expect.toml")
    shim = tmp_path / "bin" / "synsight"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} -m synsight "$@"\n')
    shim.chmod(0o755)
    return tmp_path


def act(workspace: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """The step that reads captures, with these inputs and the defaults of the others."""
    values = {name: spec["default"] for name, spec in ACTION["inputs"].items()} | {
        name.replace("_", "-"): value for name, value in inputs.items()
    }
    given = {key: values[text.split("inputs.")[1].rstrip(" }")] for key, text in SCRIPT["env"].items()}
    environment = os.environ | given | {
        "PATH": f"{workspace / 'bin'}:{os.environ['PATH']}",
        "GITHUB_OUTPUT": str(workspace / "output"),
        "GITHUB_STEP_SUMMARY": str(workspace / "summary"),
    }  # fmt: skip
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", SCRIPT["run"]]
    return subprocess.run(
        command, cwd=workspace, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_no_input_stands_in_a_script() -> None:
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"]


def test_what_is_met_fails_and_the_summary_says_why(workspace: Path) -> None:
    done = act(workspace, captures="*.pcap\n", fail_on="severity>=error", checks="a capture.pcap")
    assert done.returncode == 1, done.stderr
    reports = {path.name for path in (workspace / "synsight-reports").iterdir()}
    assert reports == {
        *(f"synsight.{kind}" for kind in ("html", "json", "md", "xml", "sarif")),
        *(f"checks.{kind}" for kind in ("md", "xml", "sarif")),
    }
    summary = (workspace / "summary").read_text(encoding="utf-8")
    assert "## 10.0.2.2:8080" in summary
    assert "## ✔" in summary
    assert (workspace / "output").read_text() == "reports=synsight-reports\n"


def test_expectations_alone(workspace: Path) -> None:
    assert act(workspace, checks=".").returncode == 0
    (workspace / "a capture.expect.toml").write_text("[totals]\nflows = 9\n")
    assert act(workspace, checks=".").returncode == 1


def test_nothing_given_is_a_mistake(workspace: Path) -> None:
    done = act(workspace)
    assert done.returncode == 2
    assert "::error::" in done.stdout


def test_an_input_is_no_code(workspace: Path) -> None:
    done = act(workspace, captures="$(touch pwned)", fail_on="`touch pwned`; touch pwned")
    assert done.returncode == 2
    assert not (workspace / "pwned").exists()
