"""Many sockets of one host wait in LAST-ACK: they closed second, and their FINs get no answer.

Signature
    Ten connections or more of one listener (or of one client to one listener) with last-ack-stuck on the
    same side.

Meaning
    The peers closed first and then vanished, or their answers no longer arrive: clients that were switched
    off, a NAT or firewall that forgets closing connections within seconds (nf_conntrack's last_ack and close
    timeouts), a path that was cut.

Confused with
    close-wait-pile: there the program of the pile has not closed; here it has. fin-wait-pile: there the
    pile's side closed first.

Dropped by
    What lies beyond the tap towards the peers. Many peers within one moment point to what they share.

Next
    Whether the FINs arrive at one of the peers; the timeouts of the firewalls between.

Authority
    RFC 9293 section 3.3.2; ip-sysctl tcp_orphan_retries (0 stands for 8), tcp_max_orphans.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..case import Case, other
from ..evidence.closing import closer_of
from ..result import Incident
from ..states import State
from . import unacknowledged
from .gathering import Gathering

CODE = "last-ack-pile"
PHASE = "close"
ABSORBS = ("last-ack-stuck",)


def judge(gathering: Gathering) -> Iterator[tuple[Incident, np.ndarray]]:
    """Each host that waits many times."""
    return unacknowledged.incidents(gathering, CODE, ABSORBS[0], State.LAST_ACK, _waiting)


def _waiting(case: Case) -> str | None:
    closer = closer_of(case)
    return other(closer) if closer else None
