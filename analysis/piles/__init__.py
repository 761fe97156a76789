"""What only many connections show together (catalogue section G), in the order it is asked.

One module each, documented like a finding. A module has `CODE`, `PHASE` and `judge(gathering)`, which yields
Incidents with evidence of their own, and the rows they are about. `ABSORBS` names findings of single
connections that the pile tells better: of its own rows they make no incident of their own any more.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from ..case import Case, Scene
from ..flow_ids import flow_id
from ..incidents import NO_PILES, Piles
from ..result import Finding, Incident
from . import (
    accept_overflow_burst,
    close_wait_pile,
    ecmp_path_loss,
    fake_established_pile,
    fin_wait_pile,
    last_ack_pile,
    lb_healthcheck_fail,
    listen_restart_gap,
    max_connections,
    port_exhaustion,
    port_scan,
    retry_storm,
    route_change,
    syn_flood,
    syn_recv_pile,
    time_wait_churn,
)
from .gathering import Gathering

RULES: tuple[ModuleType, ...] = (
    port_scan,
    syn_flood,
    syn_recv_pile,
    accept_overflow_burst,
    max_connections,
    listen_restart_gap,
    lb_healthcheck_fail,
    ecmp_path_loss,
    retry_storm,
    close_wait_pile,
    last_ack_pile,
    fin_wait_pile,
    fake_established_pile,
    time_wait_churn,
    port_exhaustion,
    route_change,
)

BY_CODE = {rule.CODE: rule for rule in RULES}


def judge(scene: Scene, judged: list[tuple[Case, list[Finding]]]) -> Piles:
    """All piles of an analysis, and what they tell better than the findings of their connections."""
    if len(scene.table) == 0 or scene.traits.rewritten:
        return NO_PILES
    gathering = Gathering(scene, judged)
    incidents: list[Incident] = []
    absorbed: dict[int, set[str]] = {}
    for rule in RULES:
        for incident, rows in rule.judge(gathering):
            if _told_already(rule, rows, absorbed):
                continue
            incidents.append(incident)
            for row in rows.tolist() if rule.ABSORBS else ():
                absorbed.setdefault(row, set()).update(rule.ABSORBS)
    told = {(flow_id(case), code) for case, _ in judged for code in absorbed.get(case.index, ())}
    return Piles(tuple(incidents), frozenset(told))


def _told_already(rule: ModuleType, rows: np.ndarray, absorbed: dict[int, set[str]]) -> bool:
    """Whether an earlier pile has told all that this one would."""
    return bool(rule.ABSORBS) and all(set(rule.ABSORBS) <= absorbed.get(row, set()) for row in rows.tolist())
