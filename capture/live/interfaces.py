"""The network interfaces of this host, and which of them could be captured from now.

Sources: sysfs(5) class/net, rtnetlink(7) RTM_GETADDR. Other systems than Linux get what libpcap says.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

import pcapy
from synsight.capture.links import link_name, link_type_of
from synsight.capture.live.tap import ANY, open_interface
from synsight.capture.source import CaptureError

_SYSFS = Path("/sys/class/net")
_IFF_UP, _IFF_LOOPBACK = 0x1, 0x8
_RTM_NEWADDR, _RTM_GETADDR, _NLMSG_DONE = 20, 22, 3
_NLM_REQUEST_DUMP = 0x301
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_REPLY_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface."""

    name: str
    up: bool | None  # set up by the administrator; None where nobody says
    carrier: bool | None  # something is at the other end
    link_type: str | None  # what its captures hold; None when it could not be opened
    addresses: tuple[str, ...]  # with their prefix lengths
    description: str
    problem: str | None  # why it cannot be opened now; None when it can


def interfaces() -> list[Interface]:
    """All network interfaces by index, then `any`. Opens each for a moment."""
    addresses = _addresses()
    names = [path.name for path in _SYSFS.glob("*") if (path / "ifindex").exists()]
    names.sort(key=lambda name: int(_said(name, "ifindex") or 0))
    with contextlib.suppress(pcapy.PcapError):
        found = pcapy.findalldevs()
        names += [name for name in found if name == ANY or (not names and name not in names)]
    return [_described(name, addresses.get(int(_said(name, "ifindex") or 0), ())) for name in names]


def _described(name: str, addresses: tuple[str, ...]) -> Interface:
    link_type = problem = None
    try:
        opened = open_interface(name, buffer_mb=1, promiscuous=False)
        link_type = link_name(link_type_of(int(opened.datalink())))
        opened.close()
    except CaptureError as refused:
        problem = str(refused).removeprefix(f"{name}: ")
    flags = int(_said(name, "flags") or "0", 16)
    known = name != ANY and (_SYSFS / name).exists()
    carrier = {"1": True, "0": False}.get(_said(name, "carrier"))
    return Interface(
        name,
        bool(flags & _IFF_UP) if known else None,
        carrier,
        link_type,
        addresses,
        _words(name, flags),
        problem,
    )


def _words(name: str, flags: int) -> str:
    """What the interface is: the administrator's own words, or what kind the kernel says."""
    if name == ANY:
        return "every interface at once"
    alias = _said(name, "ifalias")
    if alias:
        return alias
    if flags & _IFF_LOOPBACK:
        return "loopback"
    kind = next((line[8:] for line in _said(name, "uevent").splitlines() if line.startswith("DEVTYPE=")), "")
    driver = _SYSFS / name / "device" / "driver"
    return kind or (driver.resolve().name if driver.exists() else "")


def _said(name: str, attribute: str) -> str:
    """A sysfs attribute; empty when there is none (the carrier of an interface that is down raises)."""
    try:
        return (_SYSFS / name / attribute).read_text(errors="replace").strip()
    except (OSError, ValueError):
        return ""


def _addresses() -> dict[int, tuple[str, ...]]:
    """Interface index -> addresses; empty where the kernel speaks no netlink."""
    family = getattr(socket, "AF_NETLINK", None)
    if family is None:
        return {}
    found: dict[int, tuple[str, ...]] = {}
    with socket.socket(family, socket.SOCK_RAW, 0) as kernel:
        kernel.send(struct.pack("=IHHII", 24, _RTM_GETADDR, _NLM_REQUEST_DUMP, 1, 0) + bytes(8))
        while True:
            reply = kernel.recv(_REPLY_BYTES)
            while len(reply) >= 16:
                length, kind = struct.unpack_from("=IH", reply)
                if kind != _RTM_NEWADDR:
                    return found
                index, text = _address(reply[16:length])
                found[index] = (*found.get(index, ()), text)
                reply = reply[length + 3 & ~3 :]


def _address(message: bytes) -> tuple[int, str]:
    """(interface index, address/prefix length) of an ifaddrmsg with its attributes."""
    _, prefix, _, _, index = struct.unpack_from("=BBBBI", message)
    attributes, at = {}, 8
    while at + 4 <= len(message):
        size, kind = struct.unpack_from("=HH", message, at)
        attributes[kind] = message[at + 4 : at + size]
        at += max(size + 3 & ~3, 4)
    raw = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS) or b""
    return index, f"{ipaddress.ip_address(raw)}/{prefix}"
