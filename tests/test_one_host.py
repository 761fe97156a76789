"""A connection of a host with itself crosses no network, and none is suspected."""

from __future__ import annotations

import numpy as np
import pytest
from synsight.analysis.result import Finding
from synsight.analysis.study import Study
from synsight.analysis.verdict import NETWORKS
from synsight.capture.segment import address_halves

from tests.findings.runner import LADDERS
from tests.ladder import read_ladder

SILENCE = LADDERS / "syn-unanswered" / "four_syns_and_silence.ladder"


def worst(client: str, server: str) -> Finding:
    """The worst finding of a SYN without answer between two addresses."""
    rows = read_ladder(SILENCE).rows
    rows["src_hi"], rows["src_lo"] = address_halves(client)
    rows["dst_hi"], rows["dst_lo"] = address_halves(server)
    study = Study()
    study.feed(rows)
    study.judge()
    study.illustrate(rows, np.zeros(0, np.uint8))
    return study.conclude((), "test").flows[0].findings[0]


@pytest.mark.parametrize(
    ("client", "server"),
    [("127.0.0.1", "127.0.0.1"), ("10.0.0.1", "127.0.0.1"), ("::1", "::1"), ("fd00::1",) * 2],
)
def test_no_network_is_suspected_within_one_host(client: str, server: str) -> None:
    finding = worst(client, server)
    assert finding.code == "syn-unanswered"
    assert {suspect.side for suspect in finding.suspects} == {"server-host"}
    assert sum(suspect.weight for suspect in finding.suspects) == pytest.approx(1)
    assert {"server-network", "path"} <= {each.side for each in finding.ruled_out}


def test_networks_stay_between_two_hosts() -> None:
    assert {suspect.side for suspect in worst("10.0.0.1", "10.0.0.2").suspects} & set(NETWORKS)
