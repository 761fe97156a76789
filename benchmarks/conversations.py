"""Scripts of TCP conversations as a capture beside the client sees them, one row per segment.

A script knows no addresses and no clock: sequence numbers are relative, time is counted in round trips and
microseconds. `bulk` plays each script many times with different ones.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

CLIENT, SERVER = 0, 1
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
LONGEST = 1448
"""Payload of a full segment beside the timestamp option in a 1500-byte IPv4 packet."""

MSS = 1428
"""The same for IPv6."""

ORDINARY, SACK = 0, 1
"""Which options a segment carries beside timestamps; those of a SYN follow from its flags."""

PAUSE_US = 1_500_000
"""Mean time between an answer and the next request on a connection that is kept open."""

COLUMNS = (
    "side",  # CLIENT or SERVER, the sender
    "flags",  # FIN | SYN | RST | PSH | ACK
    "seq",  # relative to the sender's initial sequence number
    "ack",  # relative to the other's; 0 without ACK
    "length",  # payload bytes
    "options",  # ORDINARY or SACK
    "left",  # of the SACK block, relative as `ack`
    "right",
    "rtts",  # when, part one: round trips since the first segment
    "us",  # when, part two: microseconds since the first segment
    "ordinal",  # of the sender's segments, from 0
    "echo",  # row of the other side's last segment before; -1 when there is none
)


@dataclass
class Script:
    """Rows in time order; each a tuple of COLUMNS."""

    mss: int = MSS
    rows: list[tuple[int, ...]] = field(default_factory=list)
    _next: list[int] = field(default_factory=lambda: [0, 0])
    _last: list[int] = field(default_factory=lambda: [-1, -1])
    _sent: list[int] = field(default_factory=lambda: [0, 0])
    _rtts: int = 0
    _us: int = 0

    def say(
        self,
        side: int,
        flags: int,
        length: int = 0,
        *,
        rtts: int = 0,
        us: int = 20,
        seq: int | None = None,
        ack: int | None = None,
        sack: tuple[int, int] | None = None,
    ) -> int:
        """Add a segment `rtts` and `us` after the one before; returns its relative sequence number."""
        self._rtts += rtts
        self._us += us
        number = self._next[side] if seq is None else seq
        answer = self._next[1 - side] if ack is None else ack
        left, right = sack or (0, 0)
        options = SACK if sack else ORDINARY
        acknowledged = answer if flags & ACK else 0
        what = (side, flags, number, acknowledged, length, options, left, right)
        self.rows.append((*what, self._rtts, self._us, self._sent[side], self._last[1 - side]))
        self._last[side] = len(self.rows) - 1
        self._sent[side] += 1
        end = number + length + bool(flags & SYN) + bool(flags & FIN)
        self._next[side] = max(self._next[side], end)
        return number

    def handshake(self) -> None:
        self.say(CLIENT, SYN, us=0)
        self.say(SERVER, SYN | ACK, rtts=1, us=60)
        self.say(CLIENT, ACK)

    def exchange(self, request: int, response: int, think_us: int) -> None:
        """A request in one segment, its ACK, the response, one ACK per two segments."""
        self.say(CLIENT, PSH | ACK, request, us=300)
        self.say(SERVER, ACK, rtts=1, us=40)
        self.transfer(response, think_us)

    def transfer(self, length: int, think_us: int = 50, segments_per_rtt: int = 40) -> None:
        """`length` bytes from the server, a window per round trip."""
        count = 0
        while length > 0:
            size = min(self.mss, length)
            length -= size
            wait = bool(count) and count % segments_per_rtt == 0
            flags = ACK if length else PSH | ACK
            self.say(SERVER, flags, size, rtts=int(wait), us=12 if count else think_us)
            count += 1
            if count % 2 == 0 or not length:
                self.say(CLIENT, ACK, us=8)

    def rest(self, us: int) -> None:
        """Nobody says anything for a while."""
        self._us += us

    def lose(self, segments: int, by_timer: bool) -> None:
        """The first segment of several is lost behind the capture; sent again after SACKs, or by timer."""
        start = self.say(SERVER, PSH | ACK, MSS, us=200)
        for _ in range(segments):
            self.say(SERVER, ACK, MSS, us=12)
            self.say(CLIENT, ACK, us=8, ack=start, sack=(start + MSS, self._next[SERVER]))
        self.say(SERVER, PSH | ACK, MSS, rtts=1, us=210_000 if by_timer else 100, seq=start)
        self.say(CLIENT, ACK, us=8)

    def close(self, first: int, think_us: int = 400) -> None:
        """FIN, FIN, ACK."""
        towards = {CLIENT: 0, SERVER: 1}
        self.say(first, FIN | ACK, us=think_us)
        self.say(1 - first, FIN | ACK, rtts=1 - towards[first], us=60)
        self.say(first, ACK, rtts=towards[first])

    def reset(self, side: int) -> None:
        self.say(side, RST | ACK, us=900)


def ordinary(dice: random.Random) -> Script:
    """Some requests with answers, closed by either side."""
    script = _talk(dice, 1 + min(120, int(dice.expovariate(0.04))))
    script.close(CLIENT if dice.random() < 0.6 else SERVER)
    return script


def reset(dice: random.Random) -> Script:
    """As `ordinary`, ended with RST, as many clients and load balancers do."""
    script = _talk(dice, 1 + dice.randrange(4))
    script.reset(CLIENT if dice.random() < 0.7 else SERVER)
    return script


def retransmitted(dice: random.Random) -> Script:
    """As `ordinary`, with a loss on the way."""
    script = _talk(dice, 2)
    script.lose(4 + dice.randrange(8), dice.random() < 0.3)
    script.transfer(MSS * dice.randrange(12))
    script.close(CLIENT)
    return script


def unanswered(dice: random.Random) -> Script:
    """SYNs at 1, 2 and 4 seconds, and nothing back."""
    script = Script()
    script.say(CLIENT, SYN, us=0)
    for wait_s in (1, 2, 4)[: 2 + dice.randrange(2)]:
        script.say(CLIENT, SYN, us=wait_s * 1_000_000, seq=0)
    return script


def refused(dice: random.Random) -> Script:
    """SYN, RST."""
    script = Script()
    script.say(CLIENT, SYN, us=0)
    script.say(SERVER, RST | ACK, rtts=1, us=30 + dice.randrange(30))
    return script


def download(segments: int) -> Script:
    """One request and an answer of `segments` full segments."""
    script = Script(LONGEST)
    script.handshake()
    script.say(CLIENT, PSH | ACK, 420, us=300)
    script.say(SERVER, ACK, rtts=1, us=40)
    script.transfer(LONGEST * segments, 900)
    script.close(SERVER)
    return script


def ten() -> Script:
    """Ten segments: handshake, a request, an answer, close."""
    script = Script()
    script.handshake()
    script.exchange(120, 800, 700)
    script.close(CLIENT)
    return script


def _talk(dice: random.Random, exchanges: int) -> Script:
    script = Script()
    script.handshake()
    for turn in range(exchanges):
        if turn:
            script.rest(int(dice.expovariate(1 / PAUSE_US)))
        answer = min(90 * MSS, int(dice.lognormvariate(8.4, 1.2)))
        script.exchange(90 + dice.randrange(1300), answer, 200 + int(dice.expovariate(1 / 4000)))
    return script
