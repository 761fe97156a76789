"""`synsight capture` as a process, in the situations that end or spoil a recording."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import synsight

from tests.live.test_recording import capinfos, sequences, small_disk
from tests.live.wire import Wire, needs_root, numbered, wire

__all__ = ["small_disk", "wire"]
pytestmark = [pytest.mark.lab, needs_root]
PATIENCE_S = 30.0


def start(wire: Wire, path: Path, *options: str) -> subprocess.Popen[str]:
    """The command, recording from `right` to `path`; returns when it does."""
    command = [sys.executable, "-m", "synsight", "capture", "-i", "right", "--format", "jsonl"]
    inside = wire.namespace.inside([*command, "-w", str(path), *options])
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SUDO_")}
    running = subprocess.Popen(
        inside, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    wait_until(lambda: path.exists() or running.poll() is not None)
    assert path.exists(), running.communicate()[1]
    return running


def wait_until(done: object) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not done():  # type: ignore[operator]
        assert time.monotonic() < give_up, "it did not happen"
        time.sleep(0.02)


def test_a_killed_command_leaves_what_it_read(wire: Wire, tmp_path: Path) -> None:
    path = tmp_path / "it.pcapng"
    running = start(wire, path)
    wire.send(numbered(2000))
    last = numbered(1, 1999)[0]
    wait_until(lambda: last in path.read_bytes())  # all of them, in the file while it is running
    running.kill()
    assert running.stderr is not None
    assert running.stderr.read() == ""
    assert running.wait() == -signal.SIGKILL
    assert capinfos(path) == 2000
    assert synsight.analyze(path).captures[0].error is None
    assert sequences([path]) == list(range(2000))


def test_a_removed_interface_ends_with_a_report(wire: Wire, tmp_path: Path) -> None:
    path, report = tmp_path / "it.pcap", tmp_path / "it.json"
    running = start(wire, path, "-o", str(report))
    wire.send(numbered(100))
    wait_until(lambda: path.stat().st_size > 100 * 150)
    wire.namespace.ip("link del right")
    _, said = running.communicate(timeout=PATIENCE_S)
    line = "right went down or was removed; the capture of it ends there"
    assert (running.returncode, said.splitlines()[-1]) == (3, f"synsight: {line}")
    told = json.loads(report.read_text())["captures"][0]
    assert (told["packets_count"], told["error"]) == (100, line)
    assert capinfos(path) == 100


def test_a_full_disk_does_not_end_the_analysis(wire: Wire, small_disk: Path, tmp_path: Path) -> None:
    path, report = small_disk / "it.pcap", tmp_path / "it.json"
    running = start(wire, path, "-o", str(report), "--count", "5000")
    for first in range(0, 5000, 500):
        wire.send(numbered(500, first, 1400))
        time.sleep(0.05)
    _, said = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 3
    assert said.splitlines()[-1].startswith(f"synsight: {path}: recording stopped after frame ")
    assert said.endswith(": no space left on device; the analysis goes on\n")
    assert json.loads(report.read_text())["captures"][0]["packets_count"] == 5000
    assert 2000 < capinfos(path) < 3000


def test_a_name_that_is_taken_is_refused(wire: Wire, tmp_path: Path) -> None:
    path = tmp_path / "it.pcap"
    path.write_text("somebody's")
    _, said = start(wire, path).communicate(timeout=PATIENCE_S)
    assert said == f"synsight: {path}: exists already; name another file, or delete it\n"
    assert path.read_text() == "somebody's"
