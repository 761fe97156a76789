"""Real servers, real faults, healthy traffic beside them: each is told live, soon, with the right side."""

from __future__ import annotations

import itertools
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from synsight.analysis.result import Analysis
from synsight.analysis.snapshot import IncidentEvent, Snapshot, Traffic
from synsight.live_run import LiveSession

from ..lab.hosts import Machine, Network
from .wire import needs_root

pytestmark = [pytest.mark.lab, needs_root]

HEALTHY, DROPPED, CLOSED, REJECTED, STUCK, FULL = 8080, 8081, 8082, 8083, 8084, 8085
SECOND = 1_000_000_000
SOON_NS = 2 * SECOND
"""Everything is told within this time of being decidable, in the time of the packets."""

WAIT_S = 30.0


@dataclass
class Scene:
    """A network with both its hosts watched."""

    network: Network
    events: dict[str, list[IncidentEvent]] = field(default_factory=lambda: {"client": [], "server": []})
    results: dict[str, Analysis] = field(default_factory=dict)
    kept: list[socket.socket] = field(default_factory=list)

    def show(self, side: str) -> Callable[[Snapshot, Traffic], None]:
        return lambda snapshot, traffic: self.events[side].extend(snapshot.events)

    def socket(self, machine: Machine) -> socket.socket:
        made = machine.socket(4)
        made.settimeout(20)
        self.kept.append(made)
        return made

    def listens(self, port: int, backlog: int = 16) -> socket.socket:
        listener = self.socket(self.network.server)
        listener.bind((self.network.server.address4, port))
        listener.listen(backlog)
        return listener

    def connects(self, port: int) -> socket.socket:
        client = self.socket(self.network.client)
        client.connect((self.network.server.address4, port))
        return client

    def tries(self, port: int) -> None:
        """connect() that is not waited for."""
        client = self.socket(self.network.client)
        client.setblocking(False)
        client.connect_ex((self.network.server.address4, port))

    def told(self, side: str, code: str, port: int) -> IncidentEvent:
        """The event that opened an incident; fails when none comes."""
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            for event in list(self.events[side]):
                incident = event.incident
                if event.event == "opened" and (incident.code, incident.server.port) == (code, port):
                    return event
            time.sleep(0.05)
        raise AssertionError(f"{code} at port {port} was never told at the {side}: {self.events[side]}")


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with Network(f"synwatch-{os.getpid()}") as network:
        made = Scene(network)
        network.warm_up(4)
        sessions = {}
        for machine in (network.client, network.server):
            session = LiveSession("eth0", show=made.show(machine.name))
            machine.namespace.call(session.start)
            sessions[machine.name] = session
        ended = threading.Event()
        healthy = threading.Thread(target=_healthy, args=(made, ended))
        healthy.start()
        time.sleep(1)
        try:
            yield made
        finally:
            ended.set()
            healthy.join()
            for name, session in sessions.items():
                made.results[name] = session.stop()
            for each in made.kept:
                each.close()


def _healthy(scene: Scene, ended: threading.Event) -> None:
    """One request after the other, each on a connection of its own."""
    listener = scene.listens(HEALTHY)
    for _ in itertools.count():
        client = scene.connects(HEALTHY)
        served, _ = listener.accept()
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        served.recv(100)
        served.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello")
        client.recv(100)
        client.close()
        served.recv(100)
        served.close()
        if ended.wait(0.1):
            return


def soon(event: IncidentEvent, decidable_ns: int) -> None:
    """Told at most SOON_NS after it could be known."""
    assert event.at_ns - decidable_ns <= SOON_NS, (event.at_ns - decidable_ns) / SECOND


def side(event: IncidentEvent) -> str:
    return event.incident.suspects[0].side


def test_a_dropped_syn(scene: Scene) -> None:
    scene.listens(DROPPED)
    scene.network.server.filters("input", f"tcp dport {DROPPED} tcp flags & (syn | ack) == syn drop")
    began_ns = time.time_ns()
    scene.tries(DROPPED)
    event = scene.told("server", "syn-unanswered", DROPPED)
    assert side(event) == "server-host"
    soon(event, began_ns + SECOND)  # the kernel repeats its SYN after a second


def test_a_refused_port(scene: Scene) -> None:
    began_ns = time.time_ns()
    with pytest.raises(ConnectionRefusedError):
        scene.connects(CLOSED)
    for where in ("client", "server"):
        event = scene.told(where, "port-closed", CLOSED)
        assert side(event) == "server-app"
        soon(event, began_ns)


def test_a_firewall_that_resets(scene: Scene) -> None:
    scene.listens(REJECTED)
    scene.network.firewall_s.filters("forward", f"tcp dport {REJECTED} reject with tcp reset")
    began_ns = time.time_ns()
    with pytest.raises(ConnectionRefusedError):
        scene.connects(REJECTED)
    event = scene.told("client", "reject-tcp-reset", REJECTED)
    assert side(event) in ("server-network", "middlebox")
    soon(event, began_ns)


def test_a_stuck_close(scene: Scene) -> None:
    listener = scene.listens(STUCK)
    client = scene.connects(STUCK)
    served, _ = listener.accept()
    scene.kept.append(served)
    client.sendall(b"hello")
    served.recv(100)
    served.sendall(b"world")
    client.recv(100)
    closed_ns = time.time_ns()
    client.close()
    event = scene.told("server", "close-wait-stuck", STUCK)
    assert side(event) == "server-app"
    soon(event, closed_ns + 3 * SECOND)  # before that, a program may just be busy


def test_a_full_accept_queue(scene: Scene) -> None:
    scene.listens(FULL, backlog=0)
    first = scene.connects(FULL)
    first.sendall(b"anybody there?")
    time.sleep(1)
    began_ns = time.time_ns()
    scene.tries(FULL)
    event = scene.told("server", "accept-queue-syn-drop", FULL)
    assert side(event) == "server-app"
    soon(event, began_ns + SECOND)


def test_the_healthy_traffic_beside_them_is_not_accused(scene: Scene) -> None:
    for events in scene.events.values():
        assert not [event for event in events if event.incident.server.port == HEALTHY]
