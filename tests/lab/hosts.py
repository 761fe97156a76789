"""The machines of the lab: two hosts with programs on them, two firewalls between."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from .namespaces import Namespace, join
from .wire import Wire

SYSCTLS = {
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.tcp_syn_retries": 2,
    "net.ipv4.tcp_syn_linear_timeouts": 1,
    "net.ipv4.tcp_synack_retries": 3,
    "net.ipv4.tcp_syncookies": 1,
    "net.ipv6.conf.default.accept_ra": 0,
    "net.ipv6.conf.default.accept_dad": 0,
}
"""Of every machine. SYNs leave at 0, 1, 2 and 4 s and connect() fails at 8 s; the defaults take 131 s."""


def family_of(address: str) -> int:
    """4 or 6."""
    return 6 if ":" in address else 4


class Machine:
    """One machine of the lab and its firewall."""

    def __init__(self, namespace: Namespace, name: str, address4: str, address6: str) -> None:
        """A machine without rules; the addresses are the ones it answers on."""
        self.namespace = namespace
        self.name = name
        self.address4 = address4
        self.address6 = address6

    def address(self, family: int) -> str:
        """Its address of `family`, 4 or 6."""
        return self.address4 if family == 4 else self.address6

    def filters(self, hook: str, rule: str) -> None:
        """Add an nftables `rule` to the chain at `hook`: ``input``, ``output`` or ``forward``."""
        self.namespace.run(
            "nft",
            "-f",
            "-",
            feed=(
                "add table inet lab\n"
                f"add chain inet lab {hook} {{ type filter hook {hook} priority 0; policy accept; }}\n"
                f"add rule inet lab {hook} {rule}\n"
            ),
        )

    def answers_also_on(self, address: str) -> None:
        """Give it one more address on its own network."""
        self.namespace.ip(f"addr add {address}/{24 if family_of(address) == 4 else 64} dev eth0")

    def mirrors(self) -> None:
        """Copy to the link ``span0`` what comes in and goes out on eth0 and eth1."""
        chains = (
            f"add chain netdev span {link}-{hook} {{ type filter hook {hook} device {link} priority 0; }}\n"
            f"add rule netdev span {link}-{hook} dup to span0\n"
            for link in ("eth0", "eth1")
            for hook in ("ingress", "egress")
        )
        self.namespace.run("nft", "-f", "-", feed="add table netdev span\n" + "".join(chains))

    def stops_filtering(self) -> None:
        """Remove all its rules."""
        self.namespace.run("nft", "flush", "ruleset")

    @contextlib.contextmanager
    def filtering(self, hook: str, rule: str) -> Iterator[None]:
        """Hold `rule` for the length of a with-block."""
        self.filters(hook, rule)
        yield
        self.stops_filtering()

    def sets(self, **sysctls: object) -> None:
        """Set TCP sysctls by their short names, e.g. ``fin_timeout=2`` for net.ipv4.tcp_fin_timeout."""
        self.namespace.set_sysctls({f"net.ipv4.tcp_{key}": value for key, value in sysctls.items()})

    def socket(self, family: int, kind: int = socket.SOCK_STREAM) -> socket.socket:
        """A socket on this machine, TCP unless `kind` says otherwise; CUBIC, since a namespace cannot always
        set its default.
        """
        sock = self.namespace.socket(socket.AF_INET if family == 4 else socket.AF_INET6, kind)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
        return sock


class Network:
    """All machines, joined and addressed; a context manager that removes everything at its end."""

    def __init__(self, prefix: str) -> None:
        """Nothing is made before the with-statement. `prefix` must be unique on this machine."""
        self._prefix = prefix
        self._namespaces: list[Namespace] = []

    def __enter__(self) -> Network:
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if hasattr(self, "wire"):
            self.wire.stop()
        for namespace in self._namespaces:
            namespace.delete()

    def _namespace(self, name: str) -> Namespace:
        namespace = Namespace(f"{self._prefix}-{name}")
        self._namespaces.append(namespace)
        return namespace

    def _build(self) -> None:
        self.client = Machine(self._namespace("client"), "client", "10.0.1.2", "fd00:1::2")
        self.firewall_c = Machine(self._namespace("fwc"), "firewall-c", "10.0.9.1", "fd00:9::1")
        self.between = self._namespace("wire")
        self.firewall_s = Machine(self._namespace("fws"), "firewall-s", "10.0.9.2", "fd00:9::2")
        self.server = Machine(self._namespace("server"), "server", "10.0.2.2", "fd00:2::2")
        for machine in (self.client, self.firewall_c, self.firewall_s, self.server):
            machine.namespace.set_sysctls(SYSCTLS)
        self.between.set_sysctls({"net.ipv6.conf.default.disable_ipv6": 1})
        self._join()
        self._address()
        self.wire = Wire(self.between)
        self.wire.start()

    def _join(self) -> None:
        join(self.client.namespace, "eth0", self.firewall_c.namespace, "eth0")
        join(self.firewall_c.namespace, "eth1", self.between, "east0")
        join(self.between, "tap0", self.between, "tap1")
        join(self.between, "west0", self.firewall_s.namespace, "eth1")
        join(self.firewall_s.namespace, "eth0", self.server.namespace, "eth0")
        join(self.firewall_s.namespace, "span0", self.firewall_s.namespace, "span1")

    def _address(self) -> None:
        for host, net in ((self.client, 1), (self.server, 2)):
            host.namespace.ip(
                "link set lo up",
                f"addr add 10.0.{net}.2/24 dev eth0",
                f"addr add fd00:{net}::2/64 dev eth0 nodad",
                f"route add default via 10.0.{net}.1",
                f"route add default via fd00:{net}::1",
            )
        for router, near, far in ((self.firewall_c, 1, 2), (self.firewall_s, 2, 1)):
            router.namespace.set_sysctls({"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1})
            router.namespace.ip(
                f"addr add 10.0.{near}.1/24 dev eth0",
                f"addr add fd00:{near}::1/64 dev eth0 nodad",
                f"addr add 10.0.9.{near}/24 dev eth1",
                f"addr add fd00:9::{near}/64 dev eth1 nodad",
                f"route add 10.0.{far}.0/24 via 10.0.9.{far}",
                f"route add fd00:{far}::/64 via fd00:9::{far}",
            )

    def warm_up(self, family: int) -> None:
        """One datagram each way, so that neighbour tables are filled before anything is captured."""
        near, far = (host.socket(family, socket.SOCK_DGRAM) for host in (self.client, self.server))
        with near, far:
            far.bind((self.server.address(family), 7))
            for end in (near, far):
                end.settimeout(3)
            near.sendto(b"warm", (self.server.address(family), 7))
            far.sendto(*far.recvfrom(16))
            near.recv(16)
