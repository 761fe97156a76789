"""The programs at both ends: socket calls made in one exact order, each recorded with what the kernel
answered.
"""

from __future__ import annotations

import errno
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from .hosts import Machine, family_of

T = TypeVar("T")

LINGER_ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER with zero seconds: close() sends RST instead of FIN (RFC 9293 section 3.10.5, ABORT)."""

TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
TCP_RECV_QUEUE, TCP_SEND_QUEUE, TCP_REPAIR_OFF_NO_PROBE = 1, 2, -1
"""linux/tcp.h"""

STILL_WAITING = {"EAGAIN", "EINPROGRESS"}
"""Not failures: a non-blocking call that would have had to wait."""


class WrongOutcome(AssertionError):
    """A socket call ended otherwise than the scenario says it must."""


@dataclass
class Call:
    """One socket call."""

    side: str
    """``client`` or ``server``."""
    port: int
    """The client's port of the connection it was made on."""
    name: str
    """connect, send, recv, shutdown, close, abort."""
    at_unix_s: float
    """When it was made."""
    took_s: float
    """How long it lasted."""
    errno: str | None
    """The name of the error, or None for success."""
    note: str = ""
    """What it returned, or the program's own reason."""


@dataclass
class Connection:
    """One attempt of a client program to reach a server's port."""

    client: str
    client_port: int
    server: str
    server_port: int
    calls: list[Call] = field(default_factory=list)
    superseded_states: tuple[str, str] | None = None
    """Client's and server's state just before the same four-tuple was used again; None when it was not."""
    bystander: bool = False
    """Whether the fault of the scenario does not touch it."""
    server_machine: str = "server"
    """Where its server's program runs."""

    def first_failure(self, side: str) -> Call | None:
        """The first call on `side` that failed, waiting aside."""
        return next(
            (c for c in self.calls if c.side == side and c.errno and c.errno not in STILL_WAITING), None
        )


class Program:
    """One end of a connection. A call that fails does not raise: its errno is what the laboratory is here to
    see.

    Every call takes `fails`, the name of the errno the scenario promises (None: success); another outcome is
    a WrongOutcome.
    """

    def __init__(self, side: str, connection: Connection, sock: socket.socket) -> None:
        """`side` is ``client`` or ``server``; calls are recorded in `connection`."""
        self.side = side
        self.connection = connection
        self.sock = sock

    def connects(self, fails: str | None = None) -> None:
        """connect(), waiting as long as the kernel does."""
        self._call("connect", lambda: self.sock.connect(self._target()), fails)
        if not self.connection.client_port and not fails:
            self.connection.client_port = self.sock.getsockname()[1]
            self.connection.calls[-1].port = self.connection.client_port

    def starts_to_connect(self) -> None:
        """connect() without waiting."""
        self.sock.setblocking(False)
        self._call("connect", lambda: self.sock.connect(self._target()), "EINPROGRESS")
        self.sock.setblocking(True)

    def finishes_connecting(self, fails: str | None = None) -> None:
        """Wait for the connect() that was started."""
        self.connects(fails)

    def connects_with(self, data: bytes, fails: str | None = None) -> None:
        """connect() with data in the SYN (RFC 7413), or asking for the cookie that this takes."""
        self._call("connect", lambda: self.sock.sendto(data, socket.MSG_FASTOPEN, self._target()), fails)

    def begins_at(self, sequence: int) -> None:
        """Choose the initial sequence number of the connect() to come (TCP_REPAIR, tcp(7))."""
        for option, value in (
            (TCP_REPAIR, 1),
            (TCP_REPAIR_QUEUE, TCP_SEND_QUEUE),
            (TCP_QUEUE_SEQ, sequence),
            (TCP_REPAIR, 0),
        ):
            packed = struct.pack("I", value)
            self.sock.setsockopt(socket.IPPROTO_TCP, option, packed)

    def sends(self, data: bytes, fails: str | None = None) -> None:
        """Send all of `data`; blocks."""
        self._call("send", lambda: self.sock.sendall(data), fails, f"{len(data)} bytes")

    def interrupts(self, byte: bytes) -> None:
        """Send one byte of urgent data."""
        self._call("send", lambda: self.sock.send(byte, socket.MSG_OOB), None, "urgent")

    def sends_what_fits(self, data: bytes) -> None:
        """Send without waiting until the socket buffer is full."""
        self.sock.setblocking(False)
        for start in range(0, len(data), 65536):
            try:
                self.sock.send(data[start : start + 65536])
            except BlockingIOError:
                break
        self._call("send", lambda: self.sock.send(b"x"), "EAGAIN", "the socket buffer is full")
        self.sock.setblocking(True)

    def receives(self, at_least_bytes: int = 1, fails: str | None = None) -> bytes:
        """Receive until that many bytes have come, the peer has closed, or the call fails."""
        got = bytearray()

        def read() -> None:
            while len(got) < at_least_bytes and (part := self.sock.recv(65536)):
                got.extend(part)

        self._call("recv", read, fails)
        self.connection.calls[-1].note = f"{len(got)} bytes"
        return bytes(got)

    def sees_end_of_stream(self) -> None:
        """Receive until the peer's FIN."""
        self.receives(1 << 40)

    def waits_in_vain(self, seconds: float) -> None:
        """recv() that the program itself gives up after `seconds`."""
        self.sock.settimeout(seconds)
        self._call("recv", lambda: self.sock.recv(1), "EAGAIN", f"the program gave up after {seconds} s")
        self.sock.settimeout(None)

    def shuts_down_sending(self) -> None:
        """shutdown(SHUT_WR): FIN, but go on receiving."""
        self._call("shutdown", lambda: self.sock.shutdown(socket.SHUT_WR), None)

    def closes(self) -> None:
        """close()."""
        self._call("close", self.sock.close, None)

    def aborts(self) -> None:
        """close() with SO_LINGER of zero."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ABORT)
        self._call("abort", self.sock.close, None)

    def sets(self, level: int, option: int, value: int) -> None:
        """setsockopt()."""
        self.sock.setsockopt(level, option, value)

    def gives_up_after(self, milliseconds: int) -> None:
        """TCP_USER_TIMEOUT (RFC 5482) instead of fifteen minutes."""
        self.sets(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)

    def next_expected(self) -> int:
        """The sequence number that this end's kernel expects next (TCP_REPAIR, tcp(7)); nothing is sent."""
        for option, value in ((TCP_REPAIR, 1), (TCP_REPAIR_QUEUE, TCP_RECV_QUEUE)):
            self.sets(socket.IPPROTO_TCP, option, value)
        (sequence,) = struct.unpack("I", self.sock.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ, 4))
        self.sets(socket.IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF_NO_PROBE)
        return int(sequence)

    def _target(self) -> tuple[str, int]:
        facts = self.connection
        if self.side == "server":  # a simultaneous open
            return facts.client, facts.client_port
        return facts.server, facts.server_port

    def _call(self, name: str, work: Callable[[], T], fails: str | None, note: str = "") -> None:
        began, error = time.time(), None
        try:
            work()
        except OSError as failure:
            error = errno_name(failure)
        self.connection.calls.append(
            Call(
                self.side,
                self.connection.client_port,
                name,
                round(began, 6),
                round(time.time() - began, 6),
                error,
                note,
            )
        )
        if error != fails:
            raise WrongOutcome(
                f"{self.side} {name}: expected {fails or 'success'}, the kernel said {error or 'success'}"
            )


def errno_name(failure: OSError) -> str:
    """The errno's symbol; a socket timeout is the EAGAIN that the kernel gives for SO_RCVTIMEO."""
    return "EAGAIN" if failure.errno is None else errno.errorcode[failure.errno]


class Listener:
    """A listening socket on a server."""

    def __init__(
        self,
        machine: Machine,
        address: str,
        port: int,
        backlog: int,
        receive_buffer_bytes: int | None = None,
    ) -> None:
        """Bound to `address`; `receive_buffer_bytes` is inherited by what it accepts (None: the default)."""
        self.sock = machine.socket(family_of(address))
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer_bytes:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self.sock.bind((address, port))
        self.sock.listen(backlog)
        self.sock.settimeout(10)
        self._accepted: dict[int, socket.socket] = {}

    def accepts(self, connection: Connection) -> Program:
        """accept() until `connection` comes out; raises WrongOutcome when it does not within 10 s."""
        while connection.client_port not in self._accepted:
            try:
                sock, peer = self.sock.accept()
            except TimeoutError as error:
                raise WrongOutcome(f"nothing accepted from port {connection.client_port}") from error
            sock.settimeout(None)
            self._accepted[peer[1]] = sock
        return Program("server", connection, self._accepted.pop(connection.client_port))

    def closes(self) -> None:
        """Stop listening."""
        self.sock.close()


WAITING_SERVER = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
listener = socket.socket(family)
listener.bind((sys.argv[1], int(sys.argv[2])))
listener.listen()
print("listening", flush=True)
connection, _ = listener.accept()
while connection.recv(65536):
    connection.sendall(b"." * 200)
"""
"""A server that is a process of its own, answering each request with 200 bytes."""

STUCK_SERVER = WAITING_SERVER.replace('connection.sendall(b"." * 200)', "pass")
"""One that reads requests and never answers."""


class ServerProcess:
    """A server program in a process of its own, so that it can be killed."""

    def __init__(self, machine: Machine, family: int, port: int, program: str = WAITING_SERVER) -> None:
        """Returns when it listens."""
        self._process = subprocess.Popen(
            machine.namespace.inside([sys.executable, "-c", program, machine.address(family), str(port)]),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        self._process.stdout.readline()

    def is_killed(self) -> None:
        """SIGKILL: no code of the program runs any more; its kernel closes its sockets."""
        self._process.kill()
        self._process.wait()
