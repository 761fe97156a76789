"""The terminal report: readable at 80 columns, in a pipe, in ASCII, and harmless."""

from __future__ import annotations

import io
import re
import shlex
from dataclasses import replace

import pytest
from rich.cells import cell_len
from synsight.reports import write
from synsight.reports.shell_lines import broken

from . import samples

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
SGR = re.compile(r"\x1b\[[0-9;]*m")


def text(name: str, encoding: str = "utf-8", **options: object) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    write(samples.ALL[name](), "text", stream, **options)
    stream.flush()
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("name", samples.ALL)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "iso-8859-1"])
def test_piped_report_has_no_control_character(name: str, encoding: str) -> None:
    assert CONTROL.search(text(name, encoding)) is None


@pytest.mark.parametrize("width", [60, 80, 132])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_nothing_is_wider_than_the_terminal(width: int, encoding: str) -> None:
    for name in ("dropped-syn", "firewall-rst", "stuck-close-wait", "healthy", "many"):
        for line in text(name, encoding, width=width).splitlines():
            assert cell_len(line) <= width or "'" in line or "nstat" in line, line
            assert line == line.rstrip()


@pytest.mark.parametrize("width", [20, 40, 76, 200])
@pytest.mark.parametrize(
    "command",
    [
        "tcpdump -ni any 'host 10.1.7.22 and tcp port 5432' -w server.pcap",
        "nstat -az TcpExtListenDrops TcpExtListenOverflows TcpExtIPReversePathFilter",
        "ip netns exec a ss -tn state established '( dport = :80 )' | grep \"a  b\" && echo it\\ is",
        "echo 'unfinished",
    ],
)
def test_broken_command_is_the_same_to_a_shell(command: str, width: int) -> None:
    lines = list(broken(command, width))
    joined = "\n".join(lines)
    if command.count("'") % 2 == 0:
        assert shlex.split(joined.replace("\\\n", "")) == shlex.split(command)
    assert all(line.endswith(" \\") for line in lines[:-1])
    longest = max(len(word) for word in re.findall(r"(?:'[^']*'|\S)+", command))
    assert all(len(line) <= max(width, longest + 4) for line in lines)


def test_question_stands_above_the_command_that_answers_it() -> None:
    lines = text("dropped-syn").splitlines()
    place = lines.index("    # on 10.20.0.5: do SYNs arrive?")
    assert lines[place + 1] == "    tcpdump -ni any 'tcp port 5432 and host 10.1.7.22' -w server.pcap"
    narrow = text("dropped-syn", width=50).splitlines()
    place = narrow.index("    # on 10.20.0.5: do SYNs arrive?")
    assert narrow[place + 1].endswith(" \\")


def test_incidents_that_differ_only_in_the_place_are_told_once() -> None:
    base = samples.many()
    servers = [samples.endpoint(f"10.20.0.{number}:5432") for number in range(5, 17)]
    flooded = replace(base, incidents=tuple(replace(base.incidents[0], server=server) for server in servers))
    stream = io.StringIO()
    write(flooded, "text", stream)
    incidents = stream.getvalue().split("Connections, worst first")[0]
    assert incidents.count("nothing else answered for it") == 1
    assert "    667 connections from 667 clients to 10.20.0.6:5432, from 03:04:05 UTC" in incidents
    assert "    and 3 more incidents of this kind." in incidents


def test_ascii_stream_gets_ascii() -> None:
    assert text("stuck-close-wait", "ascii").isascii()
    assert "->" in text("stuck-close-wait", "ascii")


def test_headline_comes_first_and_commands_stand_on_their_own_line() -> None:
    told = samples.dropped_syn()
    lines = text("dropped-syn").splitlines()
    assert told.headline.startswith(lines[0])
    assert f"    {told.flows[0].findings[0].next[1]}" in lines


def test_colour_is_a_parameter_and_changes_no_word() -> None:
    coloured = text("dropped-syn", colour=True)
    assert SGR.search(coloured)
    assert SGR.sub("", coloured) == text("dropped-syn")
    assert SGR.sub("", text("hostile", colour=True)) == text("hostile")


def test_environment_does_not_change_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    before = text("dropped-syn")
    for name, value in (("COLUMNS", "40"), ("FORCE_COLOR", "1"), ("TERM", "dumb"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    assert text("dropped-syn") == before


def test_hostile_text_is_shown_not_obeyed() -> None:
    shown = text("hostile")
    assert r"\x1b[31mred" in shown
    assert "[bold]markup[/bold]" in shown
    assert r"\u202e" in shown


def test_healthy_capture_gets_a_short_all_clear() -> None:
    lines = text("healthy").splitlines()
    assert len(lines) < 8
    assert "1,204" in lines[0]
    assert not any("Incident" in line for line in lines)


def test_incidents_are_capped_and_the_rest_is_counted() -> None:
    base = samples.many()
    kinds = tuple(replace(base.incidents[number % 3], code=f"kind-{number}") for number in range(90))
    stream = io.StringIO()
    write(replace(base, incidents=kinds), "text", stream)
    assert "70 more incidents not shown." in stream.getvalue()


def test_what_is_left_out_is_counted() -> None:
    shown = text("many", connections=3)
    assert "5,109 more connections with findings not shown." in shown
    assert "31 more segments not shown" in shown


def test_an_incident_advises_what_its_own_finding_does() -> None:
    analysis = samples.ALL[next(iter(samples.ALL))]()
    flow = analysis.flows[0]
    other = replace(flow.findings[0], code="last-ack-stuck", next=("ss -tn state last-ack",))
    incident = replace(analysis.incidents[0], code="last-ack-stuck", flows_count=2, next=other.next)
    both = replace(flow, findings=(flow.findings[0], other))
    changed = replace(analysis, flows=(both, *analysis.flows[1:]), incidents=(incident,))
    raw = io.StringIO()
    write(changed, "text", raw)
    incidents = raw.getvalue().split("Connections, worst first")[0]
    assert "ss -tn state last-ack" in incidents
    assert flow.findings[0].next[0] not in incidents
