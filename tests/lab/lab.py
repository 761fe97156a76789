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
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import kernel, oracle
from .hosts import Network, family_of
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

    def __init__(self, network: Network, family: int, captures_begin: Callable[[], None]) -> None:
        """`family` is 4 or 6; `captures_begin` starts the captures that begin late."""
        self.family = family
        self.client, self.server = network.client, network.server
        self.firewall_c, self.firewall_s = network.firewall_c, network.firewall_s
        self.wire = network.wire
        self.captures_begin = captures_begin
        self.connections: list[Connection] = []
        self.looks: list[Truth] = []
        self._open: list[object] = []
        self._ports = itertools.count(40001)

    def listens(
        self,
        port: int = PORT,
        backlog: int = 16,
        receive_buffer_bytes: int | None = None,
        *,
        on: str | None = None,
    ) -> Listener:
        """A server program that listens, on the server's address or another of its own."""
        address = on or self.server.address(self.family)
        listener = Listener(self.server, address, port, backlog, receive_buffer_bytes)
        self._open.append(listener)
        return listener

    def client_program(
        self,
        port: int = PORT,
        *,
        from_port: int | None = None,
        to: str | None = None,
        source: str | None = None,
    ) -> Program:
        """A client program about to connect to `port`; from a given source port, a new one, or for 0 one
        that the kernel chooses; to the server or another address; from the client's address or another of
        its own.
        """
        target = to or self.server.address(self.family)
        source = source or self.client.address(family_of(target))
        chosen = next(self._ports) if from_port is None else from_port
        connection = Connection(source, chosen, target, port)
        sock = self.client.socket(family_of(target))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if chosen:
            sock.bind((source, chosen))
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

    def crowd(self, count: int, **choices: Any) -> list[Program]:
        """So many client programs that begin to connect at once; `choices` as for `client_program`."""
        clients = [self.client_program(**choices) for _ in range(count)]
        for client in clients:
            client.starts_to_connect()
        return clients

    def connected_crowd(self, count: int) -> list[tuple[Program, Program]]:
        """So many established connections; nothing listens any more."""
        listener = self.listens(backlog=count)
        clients = self.crowd(count)
        for client in clients:
            client.finishes_connecting()
        pairs = [(client, self.accepts(listener, client)) for client in clients]
        listener.closes()
        self.waits(0.05)
        return pairs

    def exchanges(
        self, client: Program, server: Program, answer_bytes: int = 200, pause_s: float = 0.05
    ) -> None:
        """One request and its answer, acknowledged after the pause."""
        client.sends(b"GET / HTTP/1.0\r\n\r\n")
        server.receives()
        server.sends(b"." * answer_bytes)
        client.receives(answer_bytes)
        self.waits(pause_s)

    def scanned(self, from_port: int, port: int) -> None:
        """Note an attempt that no program's socket made."""
        client, server = self.client.address(self.family), self.server.address(self.family)
        self.connections.append(Connection(client, from_port, server, port))

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
        client.connection.bystander = True
        self.exchanges(client, server)
        self.client_closes(client, server)
        self.waits(0.1)

    def supersedes(self, connection: Connection) -> None:
        """Note both states of `connection`, whose four-tuple is about to be used again."""
        connection.superseded_states = self.states(connection)

    def looks_at_states(self, note: str) -> None:
        """Record how many sockets are in each state now, at both ends: what netstat would show."""
        counts = {host.name: kernel.state_counts(host) for host in (self.client, self.server)}
        self.looks.append({"at_unix_s": round(time.time(), 6), "note": note, **counts})

    def waits(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)

    def states(self, connection: Connection) -> tuple[str, str]:
        """The client's and the server's state of `connection`, from their kernels."""
        return _states(connection, self.socket_lines())

    def socket_lines(self) -> dict[str, list[str]]:
        """What ss says on both hosts, and on whatever other machine a server's program runs."""
        machines = {each.name: each for each in (self.client, self.server, self.firewall_c, self.firewall_s)}
        wanted = {"client", "server", *(each.server_machine for each in self.connections)}
        return {name: kernel.socket_lines(each) for name, each in machines.items() if name in wanted}

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
        taps = Taps(scenario, network, folder)
        lab = Lab(network, scenario.family, taps.begin_late)
        truth = _played(scenario, lab, taps)
        for vantage, sight in scenario.sights.items():
            oracle.check(folder / f"{vantage}.pcap", sight.claims, damaged=scenario.damages_checksums)
        (folder / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")
        shutil.rmtree(out / scenario.name, ignore_errors=True)
        shutil.copytree(folder, out / scenario.name)
    signal.alarm(0)


def _took_too_long(*_: object) -> None:
    raise TimeoutError(f"the scenario hangs: more than {LIMIT_S} s")


class Taps:
    """The captures of one scenario."""

    def __init__(self, scenario: Scenario, network: Network, folder: Path) -> None:
        """Begin those that do not begin late."""
        self._scenario, self._network, self._folder = scenario, network, folder
        self._running: list[Tap] = []
        self._begin(late=False)

    def begin_late(self) -> None:
        """Begin the others."""
        self._begin(late=True)

    def stop(self) -> None:
        """End all with everything in them; raises RuntimeError when the kernel dropped packets."""
        for tap in self._running:
            tap.stop()

    def kill(self) -> None:
        """End all in any case."""
        for tap in self._running:
            tap.kill()

    def _begin(self, *, late: bool) -> None:
        for vantage in VANTAGES:
            place = self._scenario.places[vantage]
            if place.begins_late != late:
                continue
            machine = getattr(self._network, place.machine)
            path = self._folder / f"{vantage}.pcap"
            namespace = getattr(machine, "namespace", machine)
            self._running.append(Tap(namespace, place.link, path, self._scenario.snaplen_bytes, place.keeps))


def _played(scenario: Scenario, lab: Lab, taps: Taps) -> Truth:
    try:
        before = {host.name: kernel.counters(host) for host in (lab.client, lab.server)}
        scenario.play(lab)
        lab.waits(SETTLE_S)
        truth = _truth(scenario, lab, before)
        taps.stop()
        _check_states(scenario, lab)
        return truth
    finally:
        taps.kill()


def _check_states(scenario: Scenario, lab: Lab) -> None:
    after = lab.states(lab.connections[-1])
    if after != scenario.states:
        raise WrongState(f"expected {scenario.states}, the kernels say {after} after the captures ended")


def _truth(scenario: Scenario, lab: Lab, before: dict[str, dict[str, int]]) -> Truth:
    lines = lab.socket_lines()
    return {
        "scenario": scenario.name,
        "title": scenario.title,
        "did": scenario.did,
        "kernel": platform.release().partition("-")[0],
        "made": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "family": scenario.family,
        "healthy": scenario.healthy,
        "fault": {"dropper": scenario.dropper, "also": list(scenario.also), "where": scenario.where},
        "connections": [_connection(connection, lines) for connection in lab.connections],
        "expect": {
            vantage: {"codes": list(sight.codes), "dropper_knowable": sight.knowable}
            for vantage, sight in scenario.sights.items()
        },
        "nstat": {
            host.name: _moved(before[host.name], kernel.counters(host)) for host in (lab.client, lab.server)
        },
        "looks": lab.looks,
        "ss": {name: "\n".join(text) for name, text in lines.items()},
    }


def _moved(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {
        name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)
    }


def _connection(connection: Connection, lines: dict[str, list[str]]) -> Truth:
    states = connection.superseded_states or _states(connection, lines)
    facts = {key: getattr(connection, key) for key in ("client", "client_port", "server", "server_port")}
    for side in ("client", "server"):
        failure = connection.first_failure(side)
        facts[f"{side}_errno"] = failure.errno if failure else None
        facts[f"{side}_call"] = failure.name if failure else None
    facts["client_state"], facts["server_state"] = states
    facts["superseded"] = connection.superseded_states is not None
    facts["bystander"] = connection.bystander
    facts["calls"] = [asdict(call) for call in connection.calls]
    return facts


def _states(connection: Connection, lines: dict[str, list[str]]) -> tuple[str, str]:
    return (
        kernel.state_of(connection, "client", lines["client"]),
        kernel.state_of(connection, "server", lines[connection.server_machine]),
    )
