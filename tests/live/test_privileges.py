"""After the interfaces are open, nothing of root is left, in no thread, for good."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from synsight.capture.live import privileges
from synsight.capture.source import CaptureError

from tests.live.wire import Wire, needs_root, wire

__all__ = ["wire"]
NOBODY = pwd.getpwnam("nobody")

CAPTURE_AS_SOMEBODY = """
import json, os, pathlib, socket, sys
import synsight.capture.live.recording
from synsight.capture.live import live_capture, privileges
privileges._check_python = lambda user: None  # Python may be installed where only root reads
user = privileges.invoking_user(sys.argv[2] or None)
with live_capture.LiveCapture(["right"]) as capture:
    privileges.give_up(user)
    batches = capture.batches()
    next(batches)
    texts = [(task / "status").read_text() for task in pathlib.Path("/proc/self/task").iterdir()]
    tasks = [dict(line.split(":\\t", 1) for line in text.splitlines() if ":\\t" in line) for text in texts]
    back = True
    try:
        os.setuid(0)
    except PermissionError:
        back = False
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        opens = True
    except PermissionError:
        opens = False
    recording = synsight.capture.live.recording.Recording(sys.argv[1], capture.interfaces, rotate_mb=1)
    recording._rotate(0)
    recording.close()
    capture.stop()
    for _ in batches: pass
print(json.dumps({"tasks": tasks, "back": back, "opens": opens, "home": os.environ["HOME"],
                  "paths": [str(path) for path in recording.paths], "drops": capture.drops().kernel_dropped}))
"""


def run_as(wire: Wire, folder: Path, environment: dict[str, str], asked: str = "") -> dict:
    command = wire.namespace.inside(
        [sys.executable, "-c", CAPTURE_AS_SOMEBODY, str(folder / "it.pcap"), asked]
    )
    everything = {**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment}  # as the command sets it
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=everything)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def their_folder() -> Iterator[Path]:
    """A folder of nobody's; pytest's own are for whoever runs it."""
    with tempfile.TemporaryDirectory(prefix="synlive-") as made:
        os.chown(made, NOBODY.pw_uid, NOBODY.pw_gid)
        yield Path(made)


@pytest.mark.lab
@needs_root
@pytest.mark.parametrize("by", ["sudo", "--user"])
def test_nothing_of_root_is_left_in_any_thread(wire: Wire, their_folder: Path, by: str) -> None:
    sudo = {"SUDO_UID": str(NOBODY.pw_uid), "SUDO_GID": str(NOBODY.pw_gid)}
    told = run_as(wire, their_folder, sudo if by == "sudo" else {}, "nobody" if by == "--user" else "")
    assert len(told["tasks"]) >= 2  # the reading thread, too
    for task in told["tasks"]:
        assert task["Uid"].split() == [str(NOBODY.pw_uid)] * 4
        assert task["Gid"].split() == [str(NOBODY.pw_gid)] * 4
        assert task["Groups"].strip() == ""
        for each in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(task[each], 16) == 0, each
        assert task["NoNewPrivs"] == "1"
    assert not told["back"]
    assert not told["opens"]
    assert told["home"] == NOBODY.pw_dir
    assert len(told["paths"]) == 2
    assert {os.stat(path).st_uid for path in told["paths"]} == {NOBODY.pw_uid}


WITH_CAPABILITIES = """
import ctypes, os
from synsight.capture.live import privileges
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(8, 1, 0, 0, 0) == 0  # PR_SET_KEEPCAPS
os.setresgid(65534, 65534, 65534), os.setresuid(65534, 65534, 65534)
raw = 1 << 13  # CAP_NET_RAW
assert libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(raw, raw, raw, 0, 0, 0)) == 0
assert libc.prctl(47, 2, 13, 0, 0) == 0  # PR_CAP_AMBIENT_RAISE
privileges.give_up(privileges.invoking_user())
said = dict(line.split(":", 1) for line in open("/proc/self/status"))
print([said[each].strip() for each in ("CapInh", "CapPrm", "CapEff", "CapAmb")])
"""


@needs_root
def test_a_python_with_capabilities_keeps_none() -> None:
    """As after setcap: some user whose Python may capture."""
    done = subprocess.run(
        [sys.executable, "-c", WITH_CAPABILITIES], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == str(["0" * 16] * 4), done.stderr


def test_root_without_sudo_has_nobody_to_become(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_UID", raising=False)
    assert privileges.invoking_user() is None


def test_an_unknown_user_is_told() -> None:
    with pytest.raises(CaptureError, match="user no-such-user: not known on this host"):
        privileges.invoking_user("no-such-user")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is asked")
def test_an_unknown_sudo_uid_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_UID", "4123456")
    with pytest.raises(CaptureError, match=r"user number 4123456 \(SUDO_UID\): not known"):
        privileges.invoking_user()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is asked")
def test_sudo_by_root_stays_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_UID", "0")
    assert privileges.invoking_user() is None
