"""`--on-incident`: a command that gets the incident, and can do no harm to the capture."""

from __future__ import annotations

import json
import shlex
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from synsight import incident_hook
from synsight.incident_hook import HookError, IncidentHook, arguments_of

from .scenes import OPENED, REFUSED

APPEND = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read())"


def appending(path: Path) -> list[str]:
    """A command that appends what it gets to a file."""
    return [sys.executable, "-c", APPEND, str(path)]


def test_the_incident_arrives_on_standard_input(tmp_path: Path) -> None:
    complaints: list[str] = []
    hook = IncidentHook(appending(tmp_path / "got"), complaints.append, pause_s=0)
    hook.tell(OPENED)
    hook.tell(replace(OPENED, event="grew"))
    hook.tell(replace(OPENED, event="closed", reason="quiet"))
    hook.close()
    lines = [json.loads(line) for line in (tmp_path / "got").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["opened", "closed"]
    assert complaints == []


def test_nothing_of_a_capture_reaches_a_shell_or_the_arguments(tmp_path: Path) -> None:
    evil = replace(OPENED, incident=replace(REFUSED, summary=f"$(touch {tmp_path}/pwned); `id`"))
    words = arguments_of(f"{shlex.quote(sys.executable)} -c {shlex.quote(APPEND)} '{tmp_path}/got; echo'")
    hook = IncidentHook(words, lambda text: None, pause_s=0)
    hook.tell(evil)
    hook.close()
    assert (tmp_path / "got; echo").exists()
    assert not (tmp_path / "pwned").exists()


def test_a_command_that_fails_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    complaints: list[str] = []
    for words in ([sys.executable, "-c", "raise SystemExit(3)"], ["/nonexistent/command"]):
        hook = IncidentHook(words, complaints.append, pause_s=0)
        hook.tell(OPENED)
        hook.tell(OPENED)
        hook.close()
    assert len(complaints) == 2
    assert "ended with 3; the capture goes on" in complaints[0]
    assert "no such file" in complaints[1]


def test_a_command_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incident_hook, "PATIENCE_S", 0.2)
    complaints: list[str] = []
    hook = IncidentHook([sys.executable, "-c", "import time; time.sleep(60)"], complaints.append, pause_s=0)
    hook.tell(OPENED)
    hook.close()
    assert "took more than" in complaints[0]


def test_a_flood_of_events_is_bounded_and_counted() -> None:
    complaints: list[str] = []
    hook = IncidentHook(["true"], complaints.append, pause_s=60)
    for _ in range(incident_hook.WAITING + 50):
        hook.tell(OPENED)
    assert hook.left_out_count >= 49
    began = time.monotonic()
    hook.close()
    assert time.monotonic() - began < 30
    assert "were left out" in complaints[-1]


def test_what_waits_at_the_end_may_not_take_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incident_hook, "PATIENCE_S", 0.3)
    complaints: list[str] = []
    hook = IncidentHook([sys.executable, "-c", "import time; time.sleep(60)"], complaints.append, pause_s=0)
    for _ in range(50):
        hook.tell(OPENED)
    hook.close()
    assert "were left out" in complaints[-1]


@pytest.mark.parametrize("command", ["", "   ", "echo 'open"])
def test_a_command_that_is_none_is_refused(command: str) -> None:
    with pytest.raises(HookError, match="--on-incident"):
        arguments_of(command)
