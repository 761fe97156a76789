"""Metrics as Prometheus would read them."""

from __future__ import annotations

import math
from dataclasses import replace
from urllib.request import Request, urlopen

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from synsight.metrics_server import MetricsError, MetricsServer, parsed

from .scenes import COUNTERS, SNAPSHOT, TRAFFIC


def scraped(server: MetricsServer) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample of one scrape by name and labels."""
    request = Request(
        f"http://127.0.0.1:{server.port}/metrics", headers={"Accept": "application/openmetrics-text"}
    )
    with urlopen(request, timeout=10) as answer:
        text = answer.read().decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_scrape_has_outcomes_findings_delays_and_drops() -> None:
    server = MetricsServer("0")
    try:
        server.update(SNAPSHOT, replace(TRAFFIC, kernel_dropped_count=3))
        samples = scraped(server)
    finally:
        server.close()
    assert samples["synsight_packets_total", ()] == 12_048
    assert samples["synsight_dropped_packets_total", (("by", "kernel"),)] == 3
    assert samples["synsight_connections_total", ()] == 1_204
    assert samples["synsight_connections_by_outcome", (("outcome", "refused"),)] == 417
    found = (("code", "port-closed"), ("side", "server-app"))
    assert samples["synsight_findings_total", found] == 419
    assert samples["synsight_findings_withdrawn_total", ()] == 2
    assert samples["synsight_findings_unlisted_total", ()] == 5
    assert samples["synsight_retransmissions_total", ()] == 31
    assert samples["synsight_open_connections", (("end", "client"), ("state", "ESTABLISHED"))] == 7
    assert samples["synsight_handshake_seconds_bucket", (("le", "0.001"),)] == 700
    assert samples["synsight_handshake_seconds_count", ()] == COUNTERS.handshake_counts[-1]
    assert math.isclose(samples["synsight_handshake_seconds_sum", ()], 2.5)


def test_before_the_first_look_a_scrape_is_empty() -> None:
    server = MetricsServer("0")
    try:
        assert scraped(server) == {}
    finally:
        server.close()


def test_a_port_alone_means_loopback() -> None:
    assert parsed("9464") == ("127.0.0.1", 9464)
    assert parsed("[::1]:9464") == ("::1", 9464)


@pytest.mark.parametrize("place", ["", "host:", "9464x", "host:99999", "²"])
def test_a_place_that_is_none_is_refused(place: str) -> None:
    with pytest.raises(MetricsError, match="ADDR:PORT"):
        parsed(place)


def test_a_taken_port_is_told() -> None:
    server = MetricsServer("0")
    try:
        with pytest.raises(MetricsError, match="cannot listen"):
            MetricsServer(str(server.port))
    finally:
        server.close()
