"""Many sockets of one host wait in FIN-WAIT-1: they closed first, and their FINs get no answer.

Signature
    Ten connections or more of one listener (or of one client to one listener) with fin-unacked on the same
    side.

Meaning
    The peers vanished without a word, and were noticed when this host closed: a mass exit of clients, a
    rebooted NAT, a path that was cut. Each socket is an orphan that holds memory until its retries end.

Confused with
    FIN-WAIT-2: there the FIN was acknowledged and the peer's program does not close, which close-wait-pile
    tells. Zero windows with data ahead of the FIN.

Dropped by
    What lies beyond the tap towards the peers. Many peers within one moment point to what they share.

Next
    Whether the FINs arrive at one of the peers; a ping to several of them.

Authority
    RFC 9293 section 3.3.2; ip-sysctl tcp_orphan_retries (0 stands for 8), tcp_max_orphans.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..evidence.closing import closer_of
from ..result import Incident
from ..states import State
from . import unacknowledged
from .gathering import Gathering

CODE = "fin-wait-pile"
PHASE = "close"
ABSORBS = ("fin-unacked",)


def judge(gathering: Gathering) -> Iterator[tuple[Incident, np.ndarray]]:
    """Each host that waits many times."""
    return unacknowledged.incidents(gathering, CODE, ABSORBS[0], State.FIN_WAIT_1, closer_of)
