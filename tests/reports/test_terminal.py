"""The terminal report: readable at 80 columns, in a pipe, in ASCII, and harmless."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.cells import cell_len
from synsight.reports import write

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
def test_only_commands_are_wider_than_the_terminal(width: int, encoding: str) -> None:
    commands = [
        command
        for make in samples.ALL.values()
        for flow in make().flows[:10]
        for finding in flow.findings
        for command in finding.next
    ]
    for name in ("dropped-syn", "firewall-rst", "stuck-close-wait", "healthy", "many"):
        for line in text(name, encoding, width=width).splitlines():
            assert cell_len(line) <= width or line.strip() in commands, line
            assert line == line.rstrip()


def test_ascii_stream_gets_ascii() -> None:
    assert text("stuck-close-wait", "ascii").isascii()
    assert "->" in text("stuck-close-wait", "ascii")


def test_headline_comes_first_and_commands_stand_on_their_own_line() -> None:
    told = samples.dropped_syn()
    lines = text("dropped-syn").splitlines()
    assert told.headline.startswith(lines[0])
    assert f"    {told.flows[0].findings[0].next[0]}" in lines


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
    flooded = replace(base, incidents=base.incidents * 30)
    for fmt, words in (("text", "70 more incidents not shown."), ("html", "40 more incidents not shown.")):
        stream = io.StringIO()
        write(flooded, fmt, stream)
        assert words in stream.getvalue()


def test_what_is_left_out_is_counted() -> None:
    shown = text("many", connections=3)
    assert "5,109 more connections with findings not shown." in shown
    assert "31 more segments not shown" in shown


def test_an_incident_advises_what_its_own_finding_does() -> None:
    analysis = samples.ALL[next(iter(samples.ALL))]()
    flow = analysis.flows[0]
    other = replace(flow.findings[0], code="last-ack-stuck", next=("ss -tn state last-ack",))
    incident = replace(analysis.incidents[0], code="last-ack-stuck", flows_count=2)
    both = replace(flow, findings=(flow.findings[0], other))
    changed = replace(analysis, flows=(both, *analysis.flows[1:]), incidents=(incident,))
    raw = io.StringIO()
    write(changed, "text", raw)
    incidents = raw.getvalue().split("Connections, worst first")[0]
    assert "ss -tn state last-ack" in incidents
    assert flow.findings[0].next[0] not in incidents
