"""An analysis that can be shown to strangers: addresses replaced, payload text dropped, file names gone.

    shared = redacted(analysis, key)

Every text of the tree is looked through, so what a rule or a report adds later is covered, too. Ports, times,
frame numbers, lengths and sequence numbers stay: they are the evidence. What is replaced:

* Addresses, by a keyed permutation that keeps prefixes: two addresses that share their first n bits share
  exactly n bits afterwards, too, so networks stay networks (Xu, Fan, Ammar, Moon: "Prefix-Preserving IP
  Address Anonymization", 2002, with BLAKE2b as its pseudo-random function). Blocks with a meaning of their
  own (private, loopback, link-local, multicast) are mapped onto themselves, addresses inside them are not.
  The price: an address next to such a block keeps the bits that the block needs, `8.` may stay `8.`, never
  more than the first 15. The same key gives the same replacements, in another capture, too.
* MAC addresses, by a keyed hash, marked as locally administered.
* Payload: `LadderRow.payload_text`, wherever it is quoted again, what tshark says of frames, and every text
  “ and ”, which is how findings quote what a packet carried.
* Names of capture files: `capture-1.pcap`. Their folders, their spelling elsewhere, too.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from pathlib import PurePath
from typing import Any, TypeVar

from .result import Analysis

BLOCKS = tuple(
    ipaddress.ip_network(block)
    for block in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.168.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "::/8", "2000::/3", "fc00::/7",
        "fe80::/10", "ff00::/8",
    )
)  # fmt: skip
"""Blocks that are mapped onto themselves (RFC 6890, RFC 4291 section 2.4)."""

KEPT = frozenset({"0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1"})
"""Addresses that name nobody."""

ADDRESS = re.compile(
    r"(?P<mac>(?<![\w:.-])[0-9A-Fa-f]{2}(?:(?P<dash>[:-])[0-9A-Fa-f]{2})(?:(?P=dash)[0-9A-Fa-f]{2}){4}(?![\w:]))"
    r"|(?P<v6>(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4})"
    r"(?<![^:]:)(?!\w)(?!:[0-9A-Fa-f:]))"
    r"|(?P<v4>(?<!section )(?<!\d)(?<!\d\.)\d{1,3}(?:\.\d{1,3}){3}(?!\d|\.\d))"
)
QUOTED = re.compile("“[^”]*”")
DROPPED = "“…”"
PAYLOAD_FIELDS = frozenset({"payload_text", "dissector_text"})
VERBATIM_FIELDS = frozenset({"tool_version", "authority"})
"""Written by this program; section numbers in them look like addresses."""

SUFFIX = re.compile(r"(?:\.[A-Za-z][A-Za-z0-9]{1,6}){1,2}$")

Tree = TypeVar("Tree")


class Pseudonyms:
    """Replacements of addresses and MAC addresses under one key."""

    def __init__(self, key: bytes) -> None:
        self._key = blake2b(key, digest_size=32).digest()
        self._flips: dict[tuple[int, int, int], int] = {}

    def address(self, text: str) -> str:
        """The replacement of an IPv4 or IPv6 address; other text as it is."""
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return text
        if str(address) in KEPT:
            return text
        return str(type(address)(self._mapped(address)))

    def mac(self, text: str) -> str:
        """The replacement of a MAC address, with the separator it has."""
        separator = text[2]
        octets = bytes.fromhex(text.replace(separator, ""))
        made = bytearray(blake2b(octets, key=self._key, digest_size=6, person=b"mac").digest())
        made[0] = (made[0] & 0xFC) | 0x02
        return separator.join(f"{octet:02x}" for octet in made)

    def _mapped(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> int:
        """Each bit flipped, or not, by what stands before it."""
        number, bits = int(address), address.max_prefixlen
        mapped = 0
        for length in range(bits):
            prefix = number >> (bits - length)
            bit = (number >> (bits - length - 1)) & 1
            mapped = mapped << 1 | (bit ^ self._flip(bits, length, prefix))
        return mapped

    def _flip(self, bits: int, length: int, prefix: int) -> int:
        place = (bits, length, prefix)
        flip = self._flips.get(place)
        if flip is None:
            drawn = blake2b(repr(place).encode(), key=self._key, digest_size=1).digest()[0] & 1
            flip = self._flips[place] = 0 if _above_a_block(bits, length, prefix) else drawn
        return flip


def _above_a_block(bits: int, length: int, prefix: int) -> bool:
    """Whether a block begins with this prefix and goes on: its bits must stay for it to stay."""
    return any(
        block.max_prefixlen == bits
        and block.prefixlen > length
        and int(block.network_address) >> (bits - length) == prefix
        for block in BLOCKS
    )


class Passages:
    """Known passages of text and what stands for each."""

    def __init__(self, stand_ins: dict[str, str]) -> None:
        self._by_head: dict[str, list[tuple[str, str]]] = {}
        for passage in sorted(stand_ins, key=len, reverse=True):
            self._by_head.setdefault(passage[:_HEAD], []).append((passage, stand_ins[passage]))

    def replaced(self, text: str) -> str:
        """The text with every passage in it replaced, the longest first."""
        heads = {text[start : start + _HEAD] for start in range(len(text) - _HEAD + 1)}
        for head in self._by_head.keys() & heads:
            for passage, stand_in in self._by_head[head]:
                text = text.replace(passage, stand_in)
        return text


_HEAD = 4
"""Characters by which a passage is looked up, and that it must have to be looked for at all."""


def redacted(analysis: Analysis, key: bytes) -> Analysis:
    """The same analysis for strangers. Whoever has `key` (any length) can find out which address is which."""
    names = Pseudonyms(key)
    files = _files(analysis)
    in_text = {path: name for path, name in files.items() if len(path) >= _HEAD and {".", "/"} & set(path)}
    passages = Passages(dict.fromkeys(_spoken(analysis), "…") | in_text)

    @cache
    def text(value: str) -> str:
        value = QUOTED.sub(DROPPED, passages.replaced(value))
        return ADDRESS.sub(lambda found: _replaced(found, names), value)

    captures = tuple(
        dataclasses.replace(_walked(facts, text), path=files[facts.path]) for facts in analysis.captures
    )
    return dataclasses.replace(_walked(analysis, text), captures=captures, redacted=True)


def _replaced(found: re.Match[str], names: Pseudonyms) -> str:
    return names.mac(found[0]) if found["mac"] else names.address(found[0])


def _spoken(analysis: Analysis) -> set[str]:
    """Payload texts long enough to be recognised where they are quoted."""
    return {
        row.payload_text for flow in analysis.flows for row in flow.ladder if len(row.payload_text) >= _HEAD
    }


def _files(analysis: Analysis) -> dict[str, str]:
    """Paths of captures, and their last parts, to what stands for them."""
    made: dict[str, str] = {}
    for number, facts in enumerate(analysis.captures, 1):
        name = PurePath(facts.path).name
        suffix = SUFFIX.search(name)
        stand_in = f"capture-{number}{suffix[0] if suffix else ''}"
        made.setdefault(facts.path, stand_in)
        made.setdefault(name, stand_in)
    return made


def _walked(value: Tree, text: Callable[[str], str]) -> Tree:
    """A copy of a result tree with every text, keys of dicts too, passed through `text`."""
    made: Any = value
    if isinstance(value, str):
        made = text(value)
    elif isinstance(value, tuple):
        made = tuple(_walked(item, text) for item in value)
    elif isinstance(value, dict):
        made = {_walked(key, text): _walked(item, text) for key, item in value.items()}
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        made = dataclasses.replace(value, **_fields(value, text))
    return made


def _fields(value: Any, text: Callable[[str], str]) -> dict[str, Any]:
    """The fields of one result that are not what they were."""
    changed = {}
    for name in _names(type(value)):  # type: ignore[arg-type]
        before = getattr(value, name)
        after = "" if name in PAYLOAD_FIELDS else _walked(before, text)
        if after is not before:
            changed[name] = after
    return changed


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind) if field.name not in VERBATIM_FIELDS)
