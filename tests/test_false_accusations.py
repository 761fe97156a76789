"""No error where nothing failed: captures from elsewhere, parts of them, and the lab's healthy ones."""

from __future__ import annotations

import pytest
import synsight

from . import corpus, false_accusations

needs_corpus = pytest.mark.skipif(
    corpus.folder() is None, reason="the corpus is not here: set SYNSIGHT_CORPUS to its folder"
)

DONE = (
    (
        "zeek+zeek/ldap__missing_krbtgt_ldap_request.pcapng",
        "rst-instead-of-fin",
    ),  # unbind, then the server's RST
    (
        "arkime+arkime/tls-split-client-hello.pcap",
        "rst-instead-of-fin",
    ),  # farewells, then the client's RST
    ("arkime+arkime/aerospike.pcap", None),  # one way mostly; the FIN before the RST was not captured
    ("arkime+arkime/CVE-2018-6794.pcap", None),  # answered and closed before it was asked
    ("zeek+zeek/tls__xmpp-dialback-starttls.pcap", None),  # a close_notify that nobody waits for
)
"""Exchanges that were complete although their last segments look like trouble, and what may be told."""


def test_the_labs_healthy_captures_accuse_nobody() -> None:
    """None of them has an error."""
    tally = false_accusations.in_lab()
    assert tally.captures > 10
    assert tally.accusations == []


@pytest.mark.corpus
@needs_corpus
def test_healthy_connections_of_the_corpus_accuse_nobody() -> None:
    """None of those that tshark saw whole and without trouble has an error."""
    tally = false_accusations.in_corpus()
    assert tally.connections > 200
    assert tally.accusations == []


@pytest.mark.corpus
@needs_corpus
def test_parts_of_healthy_captures_accuse_nobody() -> None:
    """Cut short, begun late, or of one direction only."""
    tally = false_accusations.in_parts()
    assert tally.connections > 2000
    assert tally.accusations == []


@pytest.mark.corpus
@needs_corpus
@pytest.mark.parametrize(("name", "code"), DONE)
def test_complete_exchanges_are_no_errors(name: str, code: str | None) -> None:
    """Odd last segments make no error of an exchange that was complete."""
    place = corpus.folder()
    assert place is not None
    findings = [
        finding
        for flow in synsight.analyze(place / "captures" / name, all_flows=True).flows
        for finding in flow.findings
    ]
    assert [finding.code for finding in findings if finding.severity == "error"] == []
    assert code is None or code in {finding.code for finding in findings}
