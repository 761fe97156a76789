"""A watch as OpenMetrics families, for Prometheus and what speaks like it; needs prometheus_client.

Counters count since the start of the run and only grow. A finding that was told and taken back later stays
counted in `synsight_findings` and is counted in `synsight_findings_withdrawn` as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from synsight.analysis.snapshot import Counters, Snapshot, Traffic

US_PER_S = 1_000_000


class WatchCollector(Collector):
    """Serves the newest look; `update` puts in another."""

    def __init__(self) -> None:
        self._newest: tuple[Snapshot, Traffic] | None = None

    def update(self, snapshot: Snapshot, traffic: Traffic) -> None:
        """The look that is served from now on."""
        self._newest = (snapshot, traffic)

    def collect(self) -> Iterator[Metric]:
        """All families; none before the first look."""
        if self._newest is None:
            return
        snapshot, traffic = self._newest
        yield from _traffic(traffic)
        yield from _connections(snapshot)
        yield from _judged(snapshot)
        yield _handshakes(snapshot.counters)


def _traffic(traffic: Traffic) -> Iterator[Metric]:
    yield CounterMetricFamily("synsight_packets", "Packets captured.", traffic.packets_count)
    dropped = CounterMetricFamily("synsight_dropped_packets", "Packets missing from it.", labels=["by"])
    dropped.add_metric(["kernel"], traffic.kernel_dropped_count)
    dropped.add_metric(["interface"], traffic.interface_dropped_count)
    yield dropped


def _connections(snapshot: Snapshot) -> Iterator[Metric]:
    counters = snapshot.counters
    yield CounterMetricFamily("synsight_connections", "TCP connections seen.", counters.flows_count)
    outcomes = GaugeMetricFamily(
        "synsight_connections_by_outcome",
        "Connections seen since the start by how they stand or ended; an open one may still move.",
        labels=["outcome"],
    )
    for outcome, number in counters.by_outcome:
        outcomes.add_metric([outcome], number)
    yield outcomes
    states = GaugeMetricFamily(
        "synsight_open_connections", "Open connections by the state of an end.", labels=["end", "state"]
    )
    for state, client, server in snapshot.states:
        states.add_metric(["client", state], client)
        states.add_metric(["server", state], server)
    yield states
    yield CounterMetricFamily(
        "synsight_retransmissions", "Segments sent again.", counters.retransmissions_count
    )
    yield CounterMetricFamily(
        "synsight_forgotten_connections",
        "Connections forgotten before they ended, to bound memory.",
        counters.evicted_flows_count,
    )


def _judged(snapshot: Snapshot) -> Iterator[Metric]:
    found = CounterMetricFamily(
        "synsight_findings", "Connections told to have a finding.", labels=["code", "side"]
    )
    for code, side, number in snapshot.counters.findings:
        found.add_metric([code, side], number)
    yield found
    yield CounterMetricFamily(
        "synsight_findings_withdrawn",
        "Findings that were told and turned out otherwise.",
        snapshot.counters.withdrawn_count,
    )
    yield CounterMetricFamily(
        "synsight_findings_unlisted",
        "Findings told in no incident: too many were open already.",
        snapshot.counters.unlisted_findings_count,
    )
    yield GaugeMetricFamily("synsight_open_incidents", "Incidents that go on.", len(snapshot.incidents))
    yield GaugeMetricFamily(
        "synsight_unjudged_connections", "Connections that wait to be judged.", snapshot.unjudged_count
    )


def _handshakes(counters: Counters) -> Metric:
    family = HistogramMetricFamily(
        "synsight_handshake_seconds", "First SYN to the ACK of its SYN-ACK, repeats included."
    )
    bounds = [repr(bound / US_PER_S) for bound in counters.handshake_bounds_us]
    buckets = list(zip([*bounds, "+Inf"], counters.handshake_counts, strict=False))
    family.add_metric([], buckets, sum_value=counters.handshake_sum_us / US_PER_S)
    return family
