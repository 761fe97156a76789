"""What must hold for every conversation, also for damaged ones: ladders and lab captures, mutated."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from synsight.analysis.records import FLOW, HALF, REPEATS
from synsight.analysis.result import CaptureFacts, Vantage
from synsight.analysis.study import Study
from synsight.analysis.tracker import Tracker
from synsight.capture.source import Capture

from .lab_truth import FIXTURES, scenarios

SEEDS = st.integers(0, 2**32 - 1)
FACTS = CaptureFacts("x", (), 0, 0, {}, None, None, None, Vantage("unknown", 0.0, ()))


@cache
def conversations() -> list[np.ndarray]:
    """SEGMENT rows of every lab capture that has any."""
    found = []
    for scenario in scenarios():
        for path in sorted(Path(FIXTURES / scenario).glob("*.pcap")):
            with Capture([path]) as capture:
                parts = [batch.segments.copy() for batch in capture.batches()]
            rows = np.concatenate(parts) if parts else np.zeros(0)
            if 0 < len(rows) < 400:
                found.append(rows)
    return found


def conversation() -> st.SearchStrategy[np.ndarray]:
    """One of them."""
    return st.integers(0, max(0, len(conversations()) - 1)).map(lambda index: conversations()[index].copy())


def track(*parts: np.ndarray) -> Tracker:
    """A tracker fed the parts in order."""
    tracker = Tracker()
    for part in parts:
        tracker.feed(np.ascontiguousarray(part))
    return tracker


def judged(rows: np.ndarray) -> list[tuple[str, tuple[str, ...]]]:
    """(connection, codes) pairs of a whole analysis, with balanced totals checked on the way."""
    study = Study(all_flows=True)
    study.feed(rows)
    spans = study.judge()
    if spans:
        study.illustrate(rows, np.zeros(1 << 16, np.uint8))
    result = study.conclude((FACTS,), "test")
    assert result.totals.flows_count == sum(result.totals.by_outcome.values()) == len(result.flows)
    for flow in result.flows:
        for finding in flow.findings:
            weights = [suspect.weight for suspect in finding.suspects]
            assert not weights or abs(sum(weights) - 1) < 1e-6
            assert all(0 < weight <= 1 for weight in weights)
            assert 0 <= finding.confidence <= 1
    return [(flow.id, tuple(finding.code for finding in flow.findings)) for flow in result.flows]


def damage(rows: np.ndarray, seed: int) -> np.ndarray:
    """Drop, repeat, swap, cut, and scribble on rows; times stay in order."""
    random = np.random.default_rng(seed)
    chosen = rows[np.sort(random.integers(0, len(rows), random.integers(1, 2 * len(rows) + 1)))].copy()
    for field in (
        "seq",
        "ack",
        "flags",
        "window",
        "payload_bytes",
        "ttl",
        "ip_id",
        "options",
        "sack_count",
        "wscale",
    ):
        where = random.random(len(chosen)) < 0.05
        noise = random.integers(0, np.iinfo(chosen[field].dtype).max, int(where.sum()), dtype=np.uint64)
        chosen[field][where] = noise.astype(chosen[field].dtype)
    chosen["time_ns"] = np.sort(chosen["time_ns"])
    chosen["payload_captured_bytes"] = 0
    return chosen


@settings(max_examples=150, deadline=None)
@given(conversation(), SEEDS)
def test_damaged_conversations_never_raise_and_still_balance(rows: np.ndarray, seed: int) -> None:
    judged(damage(rows, seed))


@settings(max_examples=80, deadline=None)
@given(conversation(), st.data())
def test_feeding_in_two_halves_changes_nothing(rows: np.ndarray, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(rows)))
    whole, halved = track(rows), track(rows[:cut], rows[cut:])
    assert whole.count == halved.count
    for name in FLOW.names or ():
        assert np.array_equal(whole.flows[name][: whole.count], halved.flows[name][: whole.count]), name
    for name in HALF.names or ():
        assert np.array_equal(
            whole.halves[name][: 2 * whole.count], halved.halves[name][: 2 * whole.count]
        ), name


@settings(max_examples=80, deadline=None)
@given(conversation(), st.integers(0, 2**32 - 1))
def test_where_the_sequence_numbers_begin_does_not_matter(rows: np.ndarray, shift: int) -> None:
    """Both directions moved by one amount, so that spaces wrap; zeros that mean `none` stay."""
    moved = rows.copy()
    plain = (rows["kind"] == 0) & ((rows["flags"] & 4) == 0)
    reset = (rows["kind"] == 0) & ((rows["flags"] & 4) != 0)
    for field in ("seq", "ack", "sack_left", "sack_right", "sack2_left", "sack2_right"):
        where = plain | (reset & (rows[field] != 0))
        moved[field][where] = rows[field][where] + np.uint32(shift)
    moved["seq"][rows["kind"] == 1] = rows["seq"][rows["kind"] == 1] + np.uint32(shift)
    before, after = track(rows), track(moved)
    assert before.count == after.count
    for name in (
        "proven",
        "believed",
        "rto_count",
        "fast_count",
        "tlp_count",
        "gap_count",
        "unique_bytes",
        "zeek",
    ):
        assert np.array_equal(
            before.halves[name][: 2 * before.count], after.halves[name][: 2 * before.count]
        ), name


@settings(max_examples=80, deadline=None)
@given(conversation())
def test_a_conversation_seen_twice_by_the_capture_counts_once(rows: np.ndarray) -> None:
    """Every packet captured again 20 us later: the same repeats, the same states."""
    gaps = np.diff(rows["time_ns"])
    if len(gaps) and gaps.min() <= 40_000:
        return
    doubled = np.repeat(rows, 2)
    doubled["time_ns"][1::2] += 20_000
    doubled["frame"] = np.arange(len(doubled)) + 1
    once, twice = track(rows), track(doubled)
    assert once.count == twice.count
    for name in (
        "proven",
        "believed",
        "rto_count",
        "fast_count",
        "syn_repeat_count",
        "unique_bytes",
        "fin_count",
    ):
        assert np.array_equal(once.halves[name][: 2 * once.count], twice.halves[name][: 2 * once.count]), name


@settings(max_examples=60, deadline=None)
@given(conversation(), st.data())
def test_cutting_a_capture_invents_no_repeats(rows: np.ndarray, data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(rows)))
    part = Tracker()
    head = part.feed(np.ascontiguousarray(rows[:cut]))["marks"].copy()
    whole = Tracker().feed(rows)["marks"][:cut]
    assert np.array_equal(head & np.uint32(REPEATS), whole & np.uint32(REPEATS))
