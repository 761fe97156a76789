"""Running one scenario: the machines and programs it talks to, its captures, its truth."""

from __future__ import annotations

import datetime
import itertools
import json
import os
import platform
import shutil
import signal
import socket
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import kernel, oracle
from .hosts import Network
from .programs import Connection, Listener, Program
from .scenario import VANTAGES, Scenario
from .taps import Tap

LIMIT_S = 90
"""No scenario takes longer; SIGALRM ends one that hangs."""

SETTLE_S = 0.4
"""Quiet time after the last call, so that what is in flight (16 ms round trip) has arrived."""

PORT = 8080
"""Where the server's program listens unless the scenario says otherwise."""

Truth = dict[str, Any]
"""A truth.json, or a part of it."""

_serial = itertools.count()


class WrongState(AssertionError):
    """A kernel reports another state than the scenario says."""


class Lab:
    """What a scenario's function gets: four machines, a wire, and programs to start."""

    def __init__(self, network: Network, family: int) -> None:
        """`family` is 4 or 6."""
        self.family = family
        self.client, self.server = network.client, network.server
        self.firewall_c, self.firewall_s = network.firewall_c, network.firewall_s
        self.wire = network.wire
        self.connections: list[Connection] = []
        self._open: list[object] = []
        self._ports = itertools.count(40001)

    def listens(
        self, port: int = PORT, backlog: int = 16, receive_buffer_bytes: int | None = None
    ) -> Listener:
        """A server program that listens."""
        listener = Listener(self.server, self.family, port, backlog, receive_buffer_bytes)
        self._open.append(listener)
        return listener

    def client_program(
        self, port: int = PORT, *, from_port: int | None = None, to: str | None = None
    ) -> Program:
        """A client program about to connect to `port`; from a given source port or a new one; to the server
        or another address.
        """
        source, target = self.client.address(self.family), to or self.server.address(self.family)
        connection = Connection(source, from_port or next(self._ports), target, port)
        sock = self.client.socket(self.family)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((source, connection.client_port))
        self.connections.append(connection)
        return self._keep(Program("client", connection, sock))

    def accepts(self, listener: Listener, client: Program) -> Program:
        """The server program's end of the client's connection."""
        return self._keep(listener.accepts(client.connection))

    def connected(
        self, port: int = PORT, *, receive_buffer_bytes: int | None = None, from_port: int | None = None
    ) -> tuple[Program, Program]:
        """A client and a server program with an established connection between them; nothing listens any
        more.
        """
        listener = self.listens(port, receive_buffer_bytes=receive_buffer_bytes)
        client = self.client_program(port, from_port=from_port)
        client.connects()
        server = self.accepts(listener, client)
        listener.closes()
        self.waits(0.05)
        return client, server

    def exchanges(self, client: Program, server: Program, answer_bytes: int = 200) -> None:
        """One request and its answer, acknowledged."""
        client.sends(b"GET / HTTP/1.0\r\n\r\n")
        server.receives()
        server.sends(b"." * answer_bytes)
        client.receives(answer_bytes)
        self.waits(0.05)

    def client_closes(self, client: Program, server: Program) -> None:
        """The client closes first, the server when it sees that."""
        client.closes()
        server.sees_end_of_stream()
        server.closes()

    def crossing_programs(self) -> tuple[Program, Program]:
        """Two programs about to connect to each other: nobody listens."""
        client = self.client_program()
        sock = self.server.socket(self.family)
        sock.bind((client.connection.server, client.connection.server_port))
        return client, self._keep(Program("server", client.connection, sock))

    def another_port_works(self, port: int = 8081) -> None:
        """A healthy connection to another port of the server: it shows the server's own TTL and that the host
        is up.
        """
        client, server = self.connected(port)
        self.exchanges(client, server)
        self.client_closes(client, server)
        self.waits(0.1)

    def supersedes(self, connection: Connection) -> None:
        """Note both states of `connection`, whose four-tuple is about to be used again."""
        connection.superseded_states = self.states(connection)

    def waits(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)

    def states(self, connection: Connection) -> tuple[str, str]:
        """The client's and the server's state of `connection`, from their kernels."""
        client, server = (
            kernel.state_of(connection, host.name, kernel.socket_lines(host))
            for host in (self.client, self.server)
        )
        return client, server

    def _keep(self, program: Program) -> Program:
        self._open.append(program)
        return program


def run(scenario: Scenario, out: Path) -> None:
    """Play `scenario`, check it against tshark and both kernels, and put its files into ``out/NAME``.

    Raises AssertionError when the fault does not show or an end is not where the scenario says; ``out/NAME``
    then stays as it was.
    """
    signal.signal(signal.SIGALRM, _took_too_long)
    signal.alarm(LIMIT_S)
    with tempfile.TemporaryDirectory() as made, Network(f"syl-{os.getpid()}-{next(_serial)}") as network:
        folder = Path(made)
        network.warm_up(scenario.family)
        lab = Lab(network, scenario.family)
        truth = _played(scenario, lab, network, folder)
        for vantage, sight in scenario.sights.items():
            oracle.check(folder / f"{vantage}.pcap", sight.claims)
        (folder / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")
        shutil.rmtree(out / scenario.name, ignore_errors=True)
        shutil.copytree(folder, out / scenario.name)
    signal.alarm(0)


def _took_too_long(*_: object) -> None:
    raise TimeoutError(f"the scenario hangs: more than {LIMIT_S} s")


def _played(scenario: Scenario, lab: Lab, network: Network, folder: Path) -> Truth:
    places = zip(
        VANTAGES,
        (network.client.namespace, network.between, network.server.namespace),
        ("eth0", "tap0", "eth0"),
        strict=True,
    )
    taps = [
        Tap(namespace, link, folder / f"{vantage}.pcap", scenario.snaplen_bytes)
        for vantage, namespace, link in places
    ]
    try:
        before = {host.name: kernel.counters(host) for host in (lab.client, lab.server)}
        scenario.play(lab)
        lab.waits(SETTLE_S)
        truth = _truth(scenario, lab, before)
        for tap in taps:
            tap.stop()
        _check_states(scenario, lab)
        return truth
    finally:
        for tap in taps:
            tap.kill()


def _check_states(scenario: Scenario, lab: Lab) -> None:
    after = lab.states(lab.connections[-1])
    if after != scenario.states:
        raise WrongState(f"expected {scenario.states}, the kernels say {after} after the captures ended")


def _truth(scenario: Scenario, lab: Lab, before: dict[str, dict[str, int]]) -> Truth:
    lines = {host.name: kernel.socket_lines(host) for host in (lab.client, lab.server)}
    return {
        "scenario": scenario.name,
        "title": scenario.title,
        "did": scenario.did,
        "kernel": platform.release().partition("-")[0],
        "made": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "family": scenario.family,
        "healthy": scenario.healthy,
        "fault": {"dropper": scenario.dropper, "where": scenario.where},
        "connections": [_connection(connection, lines) for connection in lab.connections],
        "expect": {
            vantage: {"codes": list(sight.codes), "dropper_knowable": sight.knowable}
            for vantage, sight in scenario.sights.items()
        },
        "nstat": {
            host.name: _moved(before[host.name], kernel.counters(host)) for host in (lab.client, lab.server)
        },
        "ss": {name: "\n".join(text) for name, text in lines.items()},
    }


def _moved(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {
        name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)
    }


def _connection(connection: Connection, lines: dict[str, list[str]]) -> Truth:
    states = connection.superseded_states or [
        kernel.state_of(connection, side, lines[side]) for side in ("client", "server")
    ]
    facts = {key: getattr(connection, key) for key in ("client", "client_port", "server", "server_port")}
    for side in ("client", "server"):
        failure = connection.first_failure(side)
        facts[f"{side}_errno"] = failure.errno if failure else None
        facts[f"{side}_call"] = failure.name if failure else None
    facts["client_state"], facts["server_state"] = states
    facts["superseded"] = connection.superseded_states is not None
    facts["calls"] = [asdict(call) for call in connection.calls]
    return facts
