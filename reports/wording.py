"""The words of an analysis as people read them, and hostile text made harmless.

Everything that comes from a capture (names, payloads, paths) may have been written by an attacker. `visible`
is what each report passes it through before its own escaping.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

from synsight.analysis.result import Analysis, Endpoint

SIDES: Mapping[str, str] = MappingProxyType(
    {
        "client-app": "client application",
        "client-host": "client host",
        "client-network": "client network",
        "path": "path between",
        "server-network": "server network",
        "server-host": "server host",
        "server-app": "server application",
        "resolver": "name resolver",
        "middlebox": "device in between",
        "nobody": "nobody",
    }
)
"""Every side of `synsight.analysis.result.SIDES`, in words."""

VANTAGES: Mapping[str, str] = MappingProxyType(
    {
        "client": "taken at the client",
        "server": "taken at the server",
        "middle": "taken between client and server",
        "both": "taken where client and server meet (same host)",
        "unknown": "taken at an unknown point",
    }
)

SEVERITY_MARKS: Mapping[str, str] = MappingProxyType({"error": "✖", "warning": "▲", "info": "●"})
"""One character per severity, told apart by shape and not only by colour."""

REDACTED = (
    "Addresses and names of files are replaced, payload text is left out. Networks are still told apart: "
    "addresses that shared a prefix share one of the same length."
)
"""What a report says of itself when it was made with `--redact`."""

_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def side(name: str) -> str:
    """A side in words; an unknown one as it is."""
    return SIDES.get(name, visible(name))


def vantage(name: str) -> str:
    """Where the capture was taken, in words."""
    return VANTAGES.get(name, visible(name))


def visible(text: str) -> str:
    """The text with each control, bidirectional, surrogate or unassigned character spelled, `\\x1b`."""
    if text.isascii() and text.isprintable():
        return text
    unseen = _UNSEEN_CATEGORIES
    return "".join(spelled(char) if unicodedata.category(char) in unseen else char for char in text)


def spelled(char: str) -> str:
    """One character as an escape; a byte of a file name that is no UTF-8 as that byte."""
    point = ord(char)
    if 0xDC80 <= point <= 0xDCFF:  # PEP 383
        point -= 0xDC00
    if point <= 0xFF:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"


def clipped(text: str, most: int) -> str:
    """The visible text, cut to `most` characters with a mark where it was cut."""
    shown = visible(text)
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def dissector(text: str, most: int) -> str:
    """What tshark says of a frame, marked as its words; empty when it says nothing."""
    return f"tshark: {clipped(text, most)}" if text else ""


def state(name: str, certain: bool) -> str:
    """A TCP state; one that is only believed ends in `?`."""
    return visible(name) + ("" if certain or name in ("", "UNKNOWN") else "?")


def place(server: Endpoint) -> str:
    """Where an incident is: a listener, or a host when it is about several of its ports."""
    return str(server) if server.port else server.ip


def sentence(text: str) -> str:
    """The visible text as a sentence of its own: a capital first, a full stop last."""
    shown = visible(text).strip()
    if not shown:
        return ""
    return shown[0].upper() + shown[1:] + ("" if shown[-1] in ".!?…" else ".")


def is_all_clear(analysis: Analysis) -> bool:
    """Whether everything was read, there were connections, and nothing was found."""
    complete = not any(facts.error for facts in analysis.captures) and not analysis.incidents
    return bool(complete and analysis.totals.flows_count and not analysis.totals.flows_with_findings_count)
