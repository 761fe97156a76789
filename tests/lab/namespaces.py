"""Network namespaces: running commands and making sockets inside one, without ever touching the machine's own
network.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

OFFLOADS_OFF = [word for offload in ("rx", "tx", "sg", "tso", "gso", "gro") for word in (offload, "off")]
"""Arguments of ethtool -K."""

CLONE_NEWNET = 0x40000000
"""setns(2): the descriptor must name a network namespace."""

_libc = ctypes.CDLL(None, use_errno=True)
T = TypeVar("T")


class Namespace:
    """One network namespace, made when this object is made and gone after `delete`."""

    def __init__(self, name: str) -> None:
        """Create the namespace `name`; raises CalledProcessError when it exists or we are not root."""
        self.name = name
        subprocess.run(["ip", "netns", "add", name], check=True)

    def delete(self) -> None:
        """Remove the namespace with all links in it; no error when it is gone already."""
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)

    def run(self, *command: str, feed: str | None = None) -> str:
        """Standard output of `command` run inside; raises CalledProcessError, its errors noted."""
        done = subprocess.run(self.inside(command), input=feed, capture_output=True, text=True)
        if done.returncode:
            error = subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
            error.add_note(done.stderr.strip())
            raise error
        return done.stdout

    def inside(self, command: Sequence[str]) -> list[str]:
        """`command` as an argument list that enters the namespace first (it execs: the pid stays that of the
        command).
        """
        return ["ip", "netns", "exec", self.name, *command]

    def ip(self, *lines: str) -> None:
        """Run ip(8) commands, one a line, in one process."""
        subprocess.run(["ip", "-n", self.name, "-batch", "-"], input="\n".join(lines), text=True, check=True)

    def set_sysctls(self, values: Mapping[str, object]) -> None:
        """Set sysctls of this namespace, e.g. ``{"net.ipv4.tcp_syn_retries": 2}``."""
        if values:
            self.run("sysctl", "-qw", *(f"{key}={value}" for key, value in values.items()))

    def call(self, work: Callable[[], T]) -> T:
        """The result of `work` run in a thread that has entered the namespace; what `work` raises is raised
        here.
        """
        outcome: list[T | BaseException] = []
        thread = threading.Thread(target=lambda: outcome.append(self._entered(work)))
        thread.start()
        thread.join()
        if isinstance(outcome[0], BaseException):
            raise outcome[0]
        return outcome[0]

    def _entered(self, work: Callable[[], T]) -> T | BaseException:
        try:
            with open(f"/run/netns/{self.name}") as handle:
                if _libc.setns(handle.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            return work()
        except BaseException as error:  # handed to the calling thread
            return error

    def socket(self, family: int, kind: int = socket.SOCK_STREAM, protocol: int = 0) -> socket.socket:
        """A socket that belongs to this namespace for good, whichever thread uses it later."""
        return self.call(lambda: socket.socket(family, kind, protocol))


def join(left: Namespace, left_link: str, right: Namespace, right_link: str) -> None:
    """Join two namespaces (or one with itself) by a veth pair, both ends up, all offloads off.

    With offloads on, captures would show partial checksums and segments above the MSS, and a packet-socket
    relay would forward checksums that no device ever completes.
    """
    left.ip(f"link add {left_link} type veth peer name {right_link} netns {right.name}")
    for end, link in ((left, left_link), (right, right_link)):
        end.run("ethtool", "-K", link, *OFFLOADS_OFF)
        end.ip(f"link set {link} up")
