"""A redacted analysis shows no stranger an address, a payload or a file name, in any format."""

from __future__ import annotations

import dataclasses
import io
import ipaddress
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import synsight
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from synsight.__main__ import main
from synsight.analysis.redaction import BLOCKS, KEPT, Pseudonyms, redacted
from synsight.analysis.result import Analysis
from synsight.reports import FORMATS, write

from .lab_truth import FIXTURES
from .reports import samples

V4 = st.integers(0, 2**32 - 1).map(lambda number: str(ipaddress.IPv4Address(number)))
V6 = st.integers(0, 2**128 - 1).map(lambda number: str(ipaddress.IPv6Address(number)))
LAB = (
    "port-closed/client.pcap",
    "port-closed-ipv6/client.pcap",
    "icmp-admin-prohibited-by-server-network/middle.pcap",
    "path-cut-during-upload-ipv6/server.pcap",
    "server-answers-late/middle.pcap",
)


def secrets(analysis: Analysis) -> set[str]:
    """Every address, payload text and path of an analysis."""
    found = {facts.path for facts in analysis.captures}
    for flow in analysis.flows:
        found |= {flow.client.ip, flow.server.ip}
        found |= {row.payload_text for row in flow.ladder if row.payload_text}
    for text in texts(analysis):
        for token in re.findall(r"[0-9A-Fa-f:.]+", text):
            with_address = token.rstrip(".:")
            try:
                found.add(str(ipaddress.ip_address(with_address)))
            except ValueError:
                continue
    return found - KEPT


def texts(value: Any) -> Iterator[str]:
    """Every text in a tree, but section numbers."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | dict):
        for item in value:
            yield from texts(item)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            if field.name not in ("authority", "tool_version"):
                yield from texts(getattr(value, field.name))


def reports(analysis: Analysis) -> Iterator[tuple[str, bytes]]:
    """What every format writes."""
    for form in FORMATS:
        stream = io.BytesIO()
        try:
            write(analysis, form.name, stream)
        except synsight.reports.ReportError:
            continue  # no timeline to draw, or a library that is not installed
        yield form.name, stream.getvalue()


@pytest.mark.parametrize("name", LAB)
def test_no_format_shows_what_was_there(name: str) -> None:
    analysis = synsight.analyze(FIXTURES / name, all_flows=True)
    hidden = secrets(analysis)
    assert len(hidden) >= 3
    for form, report in reports(redacted(analysis, b"key")):
        for secret in hidden:
            spellings = {secret, json.dumps(secret)[1:-1], secret.replace("'", "&#39;")}
            for spelling in spellings:
                assert not re.search(rf"(?<![\w.:]){re.escape(spelling)}(?![\w:])".encode(), report), (
                    form,
                    secret,
                )


@pytest.mark.parametrize("name", samples.ALL)
def test_samples_lose_their_addresses_in_every_format(name: str) -> None:
    analysis = samples.ALL[name]()
    hidden = secrets(analysis) - {samples.HOSTILE}
    for form, report in reports(redacted(analysis, b"key")):
        for secret in hidden:
            assert secret.encode() not in report, (form, secret)


def test_payload_is_dropped_where_findings_quote_it() -> None:
    base = samples.stuck_close_wait()
    finding = replace(
        base.flows[0].findings[0],
        summary="The client asked for “secret.example” and POST /api/v2/orders HTTP/1.1 went unanswered.",
        next=("dig secret.example # “secret.example”",),
    )
    told = redacted(replace(base, flows=(replace(base.flows[0], findings=(finding,)),)), b"key")
    assert told.flows[0].findings[0].summary == "The client asked for “…” and … went unanswered."
    assert {row.payload_text for row in told.flows[0].ladder} == {""}


def test_everything_but_names_and_payload_stays() -> None:
    analysis = synsight.analyze(FIXTURES / "port-closed/client.pcap")
    told = redacted(analysis, b"key")
    assert told.redacted
    assert not analysis.redacted
    assert told.totals == analysis.totals
    assert told.series is not None
    assert analysis.series is not None
    assert told.series.opened == analysis.series.opened
    before, after = analysis.flows[0], told.flows[0]
    assert (after.server.port, after.first_frame, after.states) == (
        before.server.port,
        before.first_frame,
        before.states,
    )
    assert after.findings[0].authority == before.findings[0].authority
    assert after.id == f"{after.client}-{after.server}"
    assert told.incidents[0].flow_ids == (after.id,)
    assert str(after.server) in told.headline


FOUR, SIX, MAC = "10.9.8.7", "2001:db8::7", "00:11:22:33:44:55"


@pytest.mark.parametrize(
    "text",
    [
        "tcpdump 'host V4 and tcp port 80'    # on V6: SYNs?",
        "[V6]:443 answered V4:80, not V4.",
        "V4-V6",
        "(V4, MAC)",
        "x_V4_y.pcap.V4.gz",
        "V4/24",
    ],
)
def test_addresses_are_found_wherever_text_puts_them(text: str) -> None:
    names = Pseudonyms(b"key")
    before = text.replace("V4", FOUR).replace("V6", SIX).replace("MAC", MAC)
    after = text.replace("V4", names.address(FOUR)).replace("V6", names.address(SIX))
    told = redacted(replace(samples.healthy(), headline=before), b"key")
    assert told.headline == after.replace("MAC", names.mac(MAC))


@pytest.mark.parametrize(
    "text",
    [
        "RFC 9293 section 3.10.7.4 says so",
        "at 03:04:05.123 UTC",
        "version 1.2.3",
        "300.1.1.1",
        "::std::string",
        "127.0.0.1 and ::1 and 0.0.0.0",
    ],
)
def test_what_only_looks_like_an_address_stays(text: str) -> None:
    assert redacted(replace(samples.healthy(), headline=text), b"key").headline == text


@given(V4, V4)
def test_two_addresses_share_as_long_a_prefix_as_before(one: str, other: str) -> None:
    names = Pseudonyms(b"key")
    assert shared_bits(names.address(one), names.address(other)) == shared_bits(one, other) or KEPT & {
        one,
        other,
    }


@given(V6, V6)
def test_ipv6_addresses_keep_shared_prefixes_too(one: str, other: str) -> None:
    names = Pseudonyms(b"key")
    assert shared_bits(names.address(one), names.address(other)) == shared_bits(one, other) or KEPT & {
        one,
        other,
    }


def shared_bits(one: str, other: str) -> int:
    first, second = ipaddress.ip_address(one), ipaddress.ip_address(other)
    return first.max_prefixlen - (int(first) ^ int(second)).bit_length()


@given(st.sampled_from(BLOCKS), st.integers(0, 2**128 - 1))
def test_private_stays_private_and_multicast_multicast(block: Any, number: int) -> None:
    address = block[number % block.num_addresses]
    assert ipaddress.ip_address(Pseudonyms(b"key").address(str(address))) in block


def test_the_key_decides() -> None:
    assert Pseudonyms(b"a").address("192.0.2.7") == Pseudonyms(b"a").address("192.0.2.7")
    made = {Pseudonyms(bytes([key])).address("192.0.2.7") for key in range(50)}
    assert len(made) > 45


def test_command_line_redacts_and_repeats_itself_with_a_key(tmp_path: Path) -> None:
    path = str(FIXTURES / "port-closed/client.pcap")
    runs = [["--redact"], ["--redact"], ["--redact-key", "k"], ["--redact-key", "k"]]
    outputs = [CliRunner().invoke(main, ["analyze", path, "--format", "json", *run]).output for run in runs]
    assert all("10.0.2.2" not in output and "fixtures" not in output for output in outputs)
    assert outputs[0] != outputs[1]
    assert outputs[2] == outputs[3]
