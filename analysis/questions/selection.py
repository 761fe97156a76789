"""Picking connections of an analysis by their ends."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TypedDict, Unpack

from ..result import Endpoint, Flow

_END = re.compile(r"^(?:\[(?P<v6>[^\]]*)\]|(?P<v4>[^:]*)):(?P<port>\d+)$")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class End:
    """What one end of a connection must be: an address, a network, a port, or both.

    >>> End.parse("10.0.0.0/8").holds(Endpoint("10.1.2.3", 80))
    True
    >>> End.parse("[2001:db8::1]:80").holds(Endpoint("2001:db8::1", 81))
    False
    """

    network: Network | None = None
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> End:
        """`10.0.0.1`, `10.0.0.0/8`, `10.0.0.1:80`, `2001:db8::1`, `[2001:db8::1]:80`. Raises ValueError."""
        match = _END.match(text)
        if match and (match["v6"] is not None or match["v4"]):
            return cls(network(match["v6"] or match["v4"]), _port(int(match["port"])))
        return cls(network(text))

    def holds(self, end: Endpoint) -> bool:
        """Whether an endpoint is one of these."""
        return (self.port is None or end.port == self.port) and (
            self.network is None or inside(end.ip, self.network)
        )


class Wanted(TypedDict, total=False):
    """Conditions on a connection's ends as a person gives them."""

    id: str  # the connection's own name
    client: str  # an address, a network or `address:port`: see `End.parse`
    server: str
    client_port: int
    server_port: int
    ip: str  # an address or network of either end
    port: int  # of either end


@dataclass(frozen=True, slots=True)
class Selector:
    """Conditions on a connection's ends, all of which must hold; None asks nothing.

    `ip` and `port` may be either end's; given together, they must be the same end's.
    """

    id: str | None = None  # the connection's own name
    client: End | None = None
    server: End | None = None
    client_port: int | None = None
    server_port: int | None = None
    ip: Network | None = None
    port: int | None = None

    @classmethod
    def of(cls, **wanted: Unpack[Wanted]) -> Selector:
        """From texts and numbers. Raises ValueError for what is no address, network or port."""
        client, server, ip = wanted.get("client"), wanted.get("server"), wanted.get("ip")
        return cls(
            wanted.get("id"),
            End.parse(client) if client is not None else None,
            End.parse(server) if server is not None else None,
            _port(wanted.get("client_port")),
            _port(wanted.get("server_port")),
            network(ip) if ip is not None else None,
            _port(wanted.get("port")),
        )

    def picks(self, flow: Flow) -> bool:
        """Whether a connection meets all conditions."""
        if self.id is not None and flow.id != self.id:
            return False
        if self.client is not None and not self.client.holds(flow.client):
            return False
        if self.server is not None and not self.server.holds(flow.server):
            return False
        if self.client_port is not None and flow.client.port != self.client_port:
            return False
        if self.server_port is not None and flow.server.port != self.server_port:
            return False
        either = End(self.ip, self.port)
        return either.holds(flow.client) or either.holds(flow.server)

    def picks_server(self, server: Endpoint) -> bool:
        """Whether what is known only by its server meets all conditions: none may be about a client."""
        if self.id is not None or self.client is not None or self.client_port is not None:
            return False
        if self.server is not None and not self.server.holds(server):
            return False
        if self.server_port is not None and server.port != self.server_port:
            return False
        return End(self.ip, self.port).holds(server)


def network(text: str) -> Network:
    """An address or a network in CIDR notation, host bits allowed. Raises ValueError saying so."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            f"{text!r} is no address, network or address:port (10.0.0.1, 10.0.0.0/8, [2001:db8::1]:80)"
        ) from None


def inside(ip: str, wanted: Network) -> bool:
    """Whether an address in text is of a network; False for text that is no address."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return False
    return address.version == wanted.version and address in wanted


def _port(number: int | None) -> int | None:
    if number is not None and (isinstance(number, bool) or not 0 <= number <= 65535):
        raise ValueError(f"{number} is no port: a port is a number from 0 to 65535")
    return number
