"""`synsight interfaces`: what is there, what state it is in, what can be captured from."""

from __future__ import annotations

import json
import sys

import pytest
from synsight.capture.live.interfaces import Interface
from synsight.commands import interfaces as command

from tests.live.wire import Wire, needs_root, wire

__all__ = ["wire"]


@pytest.mark.lab
@needs_root
def test_interfaces_are_told_as_they_are(wire: Wire) -> None:
    wire.namespace.ip(
        "addr add 10.7.0.1/24 dev left",
        "addr add 10.7.1.1/16 dev left",
        "link set left alias uplink",
        "link set right2 down",
    )
    said = wire.namespace.run(sys.executable, "-m", "synsight", "interfaces", "--format", "json")
    found = {each["name"]: each for each in json.loads(said)["interfaces"]}
    assert next(iter(found)) == "lo"
    assert set(found) == {"lo", "left", "right", "left2", "right2", "any"}
    left = found["left"]
    assert (left["up"], left["carrier"], left["link_type"], left["problem"]) == (True, True, "EN10MB", None)
    assert left["addresses"] == ["10.7.0.1/24", "10.7.1.1/16"]
    assert left["description"] == "uplink"
    assert found["lo"]["description"] == "loopback"
    assert found["left2"]["carrier"] is False
    assert found["right2"]["up"] is False
    assert found["right2"]["problem"].startswith("cannot be opened: it is down")
    assert (found["any"]["up"], found["any"]["link_type"]) == (None, "LINUX_SLL")
    text = wire.namespace.run(sys.executable, "-m", "synsight", "interfaces").splitlines()
    assert [line.split()[0] for line in text if not line.startswith(" ")] == list(found)
    assert next(line for line in text if line.startswith("right2")).endswith("cannot be opened: it is down")


def test_what_an_interface_is_called_cannot_harm_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = Interface("x\x1b[31m", True, True, "EN10MB", ("::1/128",), "a\nb\u202e", None)
    command._print([evil])
    assert capsys.readouterr().out == "x\\x1b[31m  up  EN10MB  ::1/128  a\\x0ab\\u202e\n"
