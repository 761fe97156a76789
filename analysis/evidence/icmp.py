"""ICMP errors: their names, and the errno that Linux hands to the application for one in answer to a SYN."""

from __future__ import annotations

NAMES = {
    (3, 0): "network unreachable",
    (3, 1): "host unreachable",
    (3, 2): "protocol unreachable",
    (3, 3): "port unreachable",
    (3, 4): "fragmentation needed",
    (3, 6): "network unknown",
    (3, 7): "host unknown",
    (3, 9): "network administratively prohibited",
    (3, 10): "host administratively prohibited",
    (3, 13): "communication administratively prohibited",
    (11, 0): "time to live exceeded",
    (11, 1): "reassembly time exceeded",
    (12, 0): "parameter problem",
}
"""(type, code) of ICMP: RFC 792, RFC 1812 section 5.2.7."""

NAMES6 = {
    (1, 0): "no route",
    (1, 1): "administratively prohibited",
    (1, 2): "beyond scope",
    (1, 3): "address unreachable",
    (1, 4): "port unreachable",
    (1, 5): "source address failed policy",
    (1, 6): "reject route",
    (2, 0): "packet too big",
    (3, 0): "hop limit exceeded",
    (3, 1): "reassembly time exceeded",
    (4, 0): "parameter problem",
}
"""(type, code) of ICMPv6: RFC 4443 section 3."""

ERRNOS = {
    (3, 0): "ENETUNREACH",
    (3, 1): "EHOSTUNREACH",
    (3, 2): "ENOPROTOOPT",
    (3, 3): "ECONNREFUSED",
    (3, 6): "ENETUNREACH",
    (3, 7): "EHOSTDOWN",
    (3, 9): "ENETUNREACH",
    (3, 10): "EHOSTUNREACH",
    (3, 13): "EHOSTUNREACH",
    (11, 0): "EHOSTUNREACH",
    (11, 1): "EHOSTUNREACH",
}
"""Linux icmp_err_convert (net/ipv4/icmp.c)."""

ERRNOS6 = {
    (1, 0): "ENETUNREACH",
    (1, 1): "EACCES",
    (1, 2): "EHOSTUNREACH",
    (1, 3): "EHOSTUNREACH",
    (1, 4): "ECONNREFUSED",
    (1, 5): "EACCES",
    (1, 6): "EACCES",
    (3, 0): "EHOSTUNREACH",
}
"""Linux tab_unreach (net/ipv6/icmp.c)."""


MISSING_HOST, MISSING_HOST6 = frozenset({(3, 1), (3, 7)}), frozenset({(1, 3)})
"""Errors that only the router on the host's own link sends: it asked for the link address in vain."""


def misses_host(kind: int, code: int, v6: bool) -> bool:
    """Whether the error says that no host answers for the address."""
    return (kind, code) in (MISSING_HOST6 if v6 else MISSING_HOST)


def error_name(kind: int, code: int, v6: bool) -> str:
    """`host unreachable`; the numbers when the pair has no name."""
    return (NAMES6 if v6 else NAMES).get((kind, code), f"type {kind} code {code}")


def errno_name(kind: int, code: int, v6: bool) -> str | None:
    """What connect() returns on Linux; None for errors that are not fatal to it."""
    return (ERRNOS6 if v6 else ERRNOS).get((kind, code))
