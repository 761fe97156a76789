"""The lab still makes captures: two scenarios with this machine's kernel, judged on the spot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import synsight

ROOT = Path(__file__).parent.parent.parent
VERDICTS = {"port-closed": "port-closed", "server-aborts-ipv6": "rst-app-abort"}


@pytest.mark.lab
@pytest.mark.skipif(
    os.geteuid() != 0 and "CI" not in os.environ, reason="network namespaces need root (CI has it)"
)
def test_fresh_captures_of_this_kernel_get_the_right_verdict(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.lab", *VERDICTS, "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for scenario, code in VERDICTS.items():
        for vantage in ("client", "middle", "server"):
            result = synsight.analyze(tmp_path / scenario / f"{vantage}.pcap")
            assert [finding.code for flow in result.flows for finding in flow.findings] == [code]
