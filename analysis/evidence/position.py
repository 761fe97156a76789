"""Where a device stands that answered in the server's place, from TTLs and addresses."""

from __future__ import annotations

from typing import NamedTuple

from ...capture.segment import address_halves
from ..case import Case, hops

NEAR_HOPS = 2
"""A device at most so many routers from an end belongs to that end's network."""


class Place(NamedTuple):
    """Weights over sides, and the observation behind them."""

    weights: dict[str, float]
    why: str


def locate(case: Case, ttl: int, ip: str | None = None) -> Place:
    """Where the sender of a packet with `ttl` at the tap (and, for an ICMP error, its address) stands."""
    if ip == case.server_end.ip:
        return Place({"server-host": 1.0}, "the server's own address sent it")
    if ip == case.client_end.ip:
        return Place({"client-host": 1.0}, "the client's own address sent it")
    return _by_distance(case, ttl) or _by_prefix(case, ip) or Place(_unknown(case), f"TTL {ttl} at the tap")


def _by_distance(case: Case, ttl: int) -> Place | None:
    """By the client's distance from the tap, and the server's where another connection shows it."""
    away = hops(ttl)
    from_client = hops(case.client.syn_ttl) + away if case.vantage != "server" else None
    baseline = case.scene.peers.server(case.index).ttl
    to_server = hops(baseline) - away if baseline else None
    near_client = from_client is not None and 0 < from_client <= NEAR_HOPS
    near_server = to_server is not None and 0 <= to_server <= NEAR_HOPS
    if near_client and near_server:
        assert from_client is not None
        assert to_server is not None
        near_client, near_server = from_client < to_server, to_server < from_client
        if near_client == near_server:
            both = {"client-network": 0.5, "server-network": 0.5}
            return Place(both, f"{from_client} hops from either end")
    if near_server:
        return Place(
            {"server-network": 0.9, "path": 0.1},
            f"TTL {ttl}: {away} hops from here, {to_server} before the server (TTL {baseline})",
        )
    if near_client:
        return Place({"client-network": 0.85, "path": 0.15}, f"TTL {ttl}: {from_client} hops from the client")
    if to_server is not None and to_server > NEAR_HOPS:
        return Place(
            {"path": 0.7, "client-network": 0.15, "server-network": 0.15},
            f"TTL {ttl}: {away} hops from here, {to_server} before the server (TTL {baseline})",
        )
    return None


def _by_prefix(case: Case, ip: str | None) -> Place | None:
    """On the same network as one end, going by the address alone."""
    if ip is None:
        return None
    for side, end in (("server-network", case.server_end.ip), ("client-network", case.client_end.ip)):
        if _prefix(ip) == _prefix(end):
            return Place({side: 0.8, "path": 0.2}, f"{ip} is on the network of {end}")
    return None


def _prefix(ip: str) -> int:
    """The /64 of an IPv6 address, the /24 of an IPv4 one."""
    hi, lo = address_halves(ip)
    return hi if ":" in ip else lo >> 8


def _unknown(case: Case) -> dict[str, float]:
    """Nothing tells; what the tap cannot have seen is left out."""
    weights = {"path": 0.35, "server-network": 0.45}
    if case.vantage in ("client", "unknown", "both"):
        weights["client-network"] = 0.2
    return weights
