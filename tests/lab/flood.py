"""Raw SYNs: a flood from forged addresses behind firewall-c, and a scan from the client's own."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

from .forger import segment

if TYPE_CHECKING:
    from .lab import Lab

SYN = 0x02
FORGED_NET = "198.51.100"
"""TEST-NET-2 (RFC 5737): nobody has it; firewall-c swallows what is sent back."""

PACE_S = 0.002
"""Between two SYNs."""


class Flood:
    """SYNs to port 8080 of the server from addresses that never answer. IPv4."""

    def __init__(self, lab: Lab) -> None:
        """Lay the way back for the server's answers; nothing is sent yet."""
        lab.firewall_s.namespace.ip(f"route add {FORGED_NET}.0/24 via {lab.firewall_c.address4}")
        lab.firewall_c.namespace.ip(f"route add blackhole {FORGED_NET}.0/24")
        self._lab = lab
        self._raw = lab.firewall_c.namespace.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self._stopping = threading.Event()
        self._sent_count = 0

    def sends(self, count: int) -> None:
        """So many SYNs at the pace of 500 a second, each from another address and port."""
        for _ in range(count):
            self._sends_one()
            self._lab.waits(PACE_S)

    def goes_on(self, limit_s: float, every_s: float = 0.1) -> None:
        """One more SYN from time to time, until `stops` or for `limit_s`: the queue stays full."""

        def trickle() -> None:
            for _ in range(int(limit_s / every_s)):
                if self._stopping.wait(every_s):
                    return
                self._sends_one()

        threading.Thread(target=trickle, daemon=True).start()

    def stops(self) -> None:
        """No more SYNs."""
        self._stopping.set()

    def _sends_one(self) -> None:
        self._sent_count += 1
        source = f"{FORGED_NET}.{1 + self._sent_count % 250}"
        send_syn(self._raw, source, self._lab.server.address4, 1024 + 7 * self._sent_count, 8080)


def send_syn(raw: socket.socket, source: str, target: str, source_port: int, port: int) -> None:
    """One SYN without options."""
    ends = socket.inet_aton(source), socket.inet_aton(target)
    raw.sendto(
        segment(*ends, source_port, port, 0x1000000 * (port % 200) + source_port, 0, SYN, 1024), (target, 0)
    )
