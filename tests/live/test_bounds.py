"""However long a capture goes on, and whatever comes: what is kept of it stays as large as it was."""

from __future__ import annotations

import types
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest
from synsight.analysis.incidents import Clients
from synsight.analysis.live import departed, incident_log
from synsight.analysis.live.pile_log import PileLog
from synsight.analysis.live.retention import Limits
from synsight.analysis.live.watch import JUDGED_LEAST, JUDGED_PER_S, Watch
from synsight.analysis.result import Endpoint, Incident
from synsight.analysis.scene.neighbours import ASKERS, LIMIT, Collector
from synsight.analysis.scene.peers import Attempts
from synsight.analysis.snapshot import Snapshot
from synsight.analysis.study import Study
from synsight.capture.segment import SEGMENT, Kind

from ..crowd import another_host, crowd, in_order
from ..piles.scripts import CLIENT_CLOSES, IGNORED, NEVER_CLOSED, REFUSED, START_NS

SECOND = 1_000_000_000
LASTS_S, LOOK_S = 240, 2
EACH = 600
"""Connections of each kind, from as many clients, to as many listeners as there are numbers to `listener`."""

SMALL = Limits(spared_count=40, rows_count=600, failed_count=40, linger_ns=5 * SECOND, idle_ns=20 * SECOND)
LISTED, TOLD_APART, PAIRS, INCIDENTS, CLIENTS, FLOWS = 5, 3, 60, 5, 2, 2
LISTENERS = 30


def listener(number: int) -> tuple[str, int]:
    """Half of all connections go to one, the others to LISTENERS in turn."""
    return ("10.0.0.2", 80) if number % 2 else ("10.0.0.3", 1000 + number // 2 % LISTENERS)


def traffic() -> np.ndarray:
    gap_s = LASTS_S / EACH
    kinds = (CLIENT_CLOSES, IGNORED, NEVER_CLOSED, REFUSED)
    return in_order(
        *(
            crowd(kind, EACH, gap_s, another_host, listener, gap_s * number / 4, number * EACH)
            for number, kind in enumerate(kinds)
        )
    )


def sizes(root: object) -> Counter[str]:
    """How much each kind of container below `root` holds, all of a kind together, by the way there."""
    found: Counter[str] = Counter()
    seen: set[int] = set()
    waiting: list[tuple[str, Any]] = [("", root)]
    while waiting:
        path, each = waiting.pop()
        if id(each) in seen or isinstance(each, (str, bytes, int, float, type, types.ModuleType)):
            continue
        seen.add(id(each))
        if isinstance(each, np.ndarray):
            found[path] += len(each) if each.ndim else 1
        elif isinstance(each, dict):
            found[path] += len(each)
            waiting += [(f"{path}[]", inner) for inner in each.values()]
        elif isinstance(each, (set, frozenset, list, tuple, deque)):
            found[path] += len(each)
            waiting += [(f"{path}[]", inner) for inner in each]
        else:
            waiting += [(f"{path}.{name}", inner) for name, inner in attributes(each)]
    return found


def attributes(each: object) -> Iterator[tuple[str, object]]:
    if isinstance(getattr(each, "__dict__", None), dict):
        yield from vars(each).items()
    elif is_dataclass(each):
        yield from ((field.name, getattr(each, field.name)) for field in fields(each))


@pytest.fixture(scope="module")
def run() -> tuple[list[Counter[str]], Snapshot, Watch]:
    """Sizes after each look, the last one, and the watch itself."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in (
            (incident_log, "LISTED", LISTED),
            (incident_log, "TOLD_APART", TOLD_APART),
            (departed, "REMEMBERED_PAIRS", PAIRS),
            (departed, "REMEMBERED_INCIDENTS", INCIDENTS),
            (departed, "REMEMBERED_CLIENTS", CLIENTS),
            (departed, "REMEMBERED_FLOWS", FLOWS),
        ):
            patch.setattr(module, name, value)
        watch, rows = Watch("server", SMALL), traffic()
        measured, done = [], 0
        for second in range(LOOK_S, LASTS_S + 1, LOOK_S):
            now_ns = START_NS + second * SECOND
            upto = int(np.searchsorted(rows["time_ns"], now_ns, "right"))
            watch.feed(rows[done:upto])
            snapshot = watch.look(now_ns)
            measured.append(sizes(watch))
            done = upto
    return measured, snapshot, watch


def peak(measured: list[Counter[str]], path: str) -> int:
    return max(each[path] for each in measured)


def test_nothing_that_is_kept_grows_with_the_time(run: tuple[list[Counter[str]], Snapshot, Watch]) -> None:
    measured, _, _ = run
    third = len(measured) // 3
    before, after = measured[third:-third], measured[-third:]
    grown = {
        path: (peak(before, path), peak(after, path))
        for path in set().union(*after)
        if peak(after, path) > 1.1 * peak(before, path) + 5
    }
    assert grown == {}


def test_every_bound_is_reached_and_none_is_passed(run: tuple[list[Counter[str]], Snapshot, Watch]) -> None:
    measured, _, watch = run
    past = watch._study.departed
    assert past.attempts is not None
    assert PAIRS < len(past.attempts) <= 2 * PAIRS
    assert len(past.incidents) == INCIDENTS
    assert max(len(each.clients) for each in past.incidents.values()) == CLIENTS
    assert max(len(each.flow_ids) for each in past.incidents.values()) == FLOWS
    assert peak(measured, "._log._open") == LISTED
    assert peak(measured, "._log._open[].clients.known") <= LISTED * TOLD_APART
    assert peak(measured, "._told") <= SMALL.rows_count


def test_what_no_bound_has_room_for_is_counted(run: tuple[list[Counter[str]], Snapshot, Watch]) -> None:
    _, snapshot, watch = run
    assert watch._study.departed.unlisted_count > 0
    assert snapshot.counters.unlisted_findings_count > 0
    assert snapshot.counters.flows_count == 4 * EACH
    most = max(snapshot.incidents, key=lambda each: each.flows_count)
    assert (most.clients_count, most.clients_at_least) == (TOLD_APART, True)
    last = watch._study.departed.incidents
    assert sum(each.flows_count for each in last.values()) + watch._study.departed.unlisted_count > EACH


def test_pairs_that_are_forgotten_stay_known_to_their_listener() -> None:
    rows = in_order(crowd(CLIENT_CLOSES, 300, 0.01, another_host))
    study = Study()
    study.feed(rows)
    attempts = Attempts.of(study.table()).folded(50)
    assert len(attempts) == 51
    assert int(attempts.columns["answered_count"].sum()) == 300
    assert len(attempts.folded(50)) == 51
    again = Attempts.joined((attempts, Attempts.of(study.table()))).folded(50)
    assert len(again) == 51
    assert int(again.columns["answered_count"].sum()) == 600


def test_a_pile_that_has_been_closed_opens_again_with_another_segment_and_not_before() -> None:
    log = PileLog(iter(range(1, 100)))
    told = []
    for second in range(0, 300, 2):
        last_ns = 0 if second < 10 else 10 if second < 200 else 200
        log.record([pile(last_ns=last_ns * SECOND)], second * SECOND)
        told += [(event.event, event.incident.id) for event in log.events(second * SECOND, False)]
    assert told == [("opened", 1), ("closed", 1), ("opened", 2), ("closed", 2)]


def test_a_pile_whose_connections_come_and_go_is_not_quiet() -> None:
    log = PileLog(iter(range(1, 100)))
    told = []
    for second in range(0, 300, 2):
        log.record([pile(last_ns=second * SECOND)], second * SECOND)
        told += [event.event for event in log.events(second * SECOND, False)]
    assert told == ["opened"]


def test_piles_have_a_bound() -> None:
    log = PileLog(iter(range(1, 100_000)))
    for second in range(3):
        log.record([pile(port) for port in range(2 * incident_log.LISTED)], second * SECOND)
    assert len(list(log.events(3 * SECOND, False))) == incident_log.LISTED
    assert log.left_out_count == incident_log.LISTED


def pile(port: int = 80, last_ns: int = 2) -> Incident:
    server = Endpoint("10.0.0.2", port)
    return Incident("close-wait-pile", "error", server, 3, 10, 0, last_ns, (), "they pile up", ("a",))


def test_clients_beyond_the_bound_are_said_to_be_more() -> None:
    clients = Clients(2)
    for ip in ("10.0.0.1", "10.0.0.1"):
        clients.add(ip)
    assert clients.in_words() == "client 10.0.0.1"
    clients.add("10.0.0.2")
    clients.add("10.0.0.1")
    assert clients.in_words() == "2 clients"
    clients.add("10.0.0.3")
    assert clients.in_words() == "at least 2 clients"
    everybody = Clients()
    everybody.add("10.0.0.4")
    everybody.merge(clients)
    assert everybody.in_words() == "at least 3 clients"


def test_forged_neighbours_have_bounds() -> None:
    rows = np.zeros(3 * LIMIT, SEGMENT)
    number = np.arange(len(rows), dtype=np.uint64)
    rows["kind"], rows["frame"] = Kind.ARP_REQUEST, number + 1
    rows["time_ns"] = START_NS + number * SECOND // 10
    rows["src_mac"] = number + 1
    rows["src_lo"] = (np.uint64(0xFFFF) << np.uint64(32)) + number % np.uint64(3) + np.uint64(1)
    rows["dst_lo"] = (np.uint64(0xFFFF) << np.uint64(32)) + np.uint64(100)
    asked_by_all = rows.copy()
    asked_by_all["src_lo"] += number
    collector = Collector()
    collector.feed(rows)
    collector.feed(asked_by_all)
    found = sizes(collector)
    assert found["._open[]"] == ASKERS
    assert found["._silent[]"] <= ASKERS
    assert found["._speakers"] <= LIMIT
    assert max(len(macs) for macs in collector.finish().speakers.values()) == ASKERS
    assert len(collector.finish().unanswered) <= ASKERS


def test_looks_that_are_rare_judge_more_at_once() -> None:
    rows = in_order(crowd(REFUSED, 2_000, 0.0005, another_host))
    watch = Watch("server")
    watch.feed(rows)
    unjudged = [watch.look(START_NS + at_s * SECOND).unjudged_count for at_s in (1, 5)]
    assert unjudged == [2_000 - JUDGED_LEAST, 2_000 - 4 * JUDGED_PER_S]
    assert watch.look(START_NS + 60 * SECOND).unjudged_count == 0
