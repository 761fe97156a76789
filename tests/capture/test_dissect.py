"""What tshark says of chosen frames, through pyshark: complete, in order, and never left running."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import synsight
from synsight.analysis.pictures.dissection import quoted
from synsight.analysis.redaction import redacted
from synsight.analysis.result import Evidence
from synsight.capture import dissect, tshark
from synsight.capture.dissect import Spoken, Words
from synsight.capture.excerpt import Excerpt
from synsight.capture.source import Capture
from synsight.reports import write

from tests.reports import samples
from tests.tools import need

from .frames import CLIENT, SERVER, ether, ip4, pcap, tcp

PHRASE = b"<script>alert(1)</script>\x1b[31m\xe2\x80\xae&"
SYN, ACK, PUSH, FIN = 0x02, 0x10, 0x18, 0x11
UP = {"sport": 40000, "dport": 80}
DOWN = {"sport": 80, "dport": 40000, "src": SERVER, "dst": CLIENT}


def sent(payload: bytes = b"", **fields: object) -> bytes:
    segment = tcp(payload, **fields)  # type: ignore[arg-type]
    return ether(ip4(segment, src=str(fields.get("src", CLIENT)), dst=str(fields.get("dst", SERVER))))


def refused_request(tmp_path: Path) -> Path:
    """A request, and an answer whose reason phrase is hostile; the client then goes on, unanswered."""
    answer = b"HTTP/1.1 503 " + PHRASE + b"\r\nContent-Length: 0\r\n\r\n"
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    up, down, end = 1000 + 1 + len(request), 2000 + 1 + len(answer), 1000 + 1 + 2 * len(request)
    packets = [
        sent(seq=1000, ack=0, flags=SYN, **UP),
        sent(seq=2000, ack=1001, flags=SYN | ACK, **DOWN),
        sent(seq=1001, ack=2001, flags=ACK, **UP),
        sent(request, seq=1001, ack=2001, flags=PUSH, **UP),
        sent(answer, seq=2001, ack=up, flags=PUSH, **DOWN),
        *[sent(request, seq=up, ack=down, flags=PUSH, **UP) for _ in range(6)],
    ]
    assert end > up
    path = tmp_path / "refused.pcap"
    path.write_bytes(pcap(packets))
    return path


def excerpt_of(path: Path, numbers: list[int]) -> Excerpt:
    excerpt = Excerpt()
    with Capture([path]) as capture:
        for batch in capture.batches():
            last = batch.first_frame + len(batch.frames) - 1
            excerpt.add(batch, np.array([each for each in numbers if batch.first_frame <= each <= last]))
    return excerpt


def test_the_dissectors_words_reach_the_connection_its_ladder_and_its_evidence(tmp_path: Path) -> None:
    need("tshark")
    result = synsight.analyze(refused_request(tmp_path), dissect=True)
    assert result.dissection is not None
    assert (result.dissection.problem, result.dissection.frames_count) == (None, 11)
    assert result.dissection.program.startswith("TShark")
    flow = result.flows[0]
    error = next(each for each in flow.dissection if each.kind == "error")
    assert (error.frame, error.protocol) == (5, "http")
    assert error.dissector_text.startswith("503, <script>alert(1)</script>")
    repeats = [each for each in flow.dissection if "retransmission" in each.dissector_text]
    assert [each.frame for each in repeats] == [7, 8, 9, 10, 11]
    assert {(each.kind, each.severity) for each in repeats} == {("expert", "Note")}
    told = {row.frame: row.dissector_text for row in flow.ladder}
    assert told[5].startswith("http: 503, ")
    assert told[3] == ""
    quoted_frames = {each.frame for each in flow.findings[0].evidence if "tcp: " in each.dissector_text}
    assert quoted_frames & {7, 8, 9, 10, 11}


def test_redaction_drops_them(tmp_path: Path) -> None:
    need("tshark")
    result = redacted(synsight.analyze(refused_request(tmp_path), dissect=True), b"key")
    flow = result.flows[0]
    assert flow.dissection
    told = (*flow.dissection, *flow.ladder, *flow.findings[0].evidence)
    assert not any(each.dissector_text for each in told)


@pytest.mark.parametrize("form", ["text", "json", "html"])
def test_what_a_dissector_quotes_stays_text(form: str, tmp_path: Path) -> None:
    need("tshark")
    result = synsight.analyze(refused_request(tmp_path), dissect=True)
    path = tmp_path / "report"
    with open(path, "wb") as stream:
        write(result, form, stream)
    report = path.read_text(encoding="utf-8")
    assert "503" in report
    assert "TShark" in report
    assert form == "json" or "error in frame 5, http: 503" in report
    assert not {"\x1b", "\u202e"} & set(report)
    assert form != "html" or "<script>alert" not in report


def test_only_the_frames_given_are_read_and_keep_their_numbers(tmp_path: Path) -> None:
    need("tshark")
    with excerpt_of(refused_request(tmp_path), [4, 5]) as excerpt:
        spoken = dissect.dissect(excerpt)
    assert spoken.problem is None
    assert [(each.frame, each.kind) for each in spoken.words if each.kind == "error"] == [(5, "error")]
    assert {each.frame for each in spoken.words} <= {4, 5}


def test_it_works_where_an_event_loop_runs_already(tmp_path: Path) -> None:
    need("tshark")

    async def notebook() -> Spoken:
        with excerpt_of(refused_request(tmp_path), [4, 5]) as excerpt:
            return dissect.dissect(excerpt)

    assert asyncio.run(notebook()).words


def test_every_field_asked_for_is_one_that_tshark_knows() -> None:
    need("tshark")
    said = subprocess.run([tshark.path() or "", "-G", "fields"], capture_output=True, check=True).stdout
    known = {line.split(b"\t")[2].decode() for line in said.splitlines() if line.startswith(b"F\t")}
    for each in dissect.ERROR_FIELDS:
        assert {each.field, *each.told} <= known, each


def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A tshark that does what a shell script says once it is asked about packets."""
    program = tmp_path / "bin" / "tshark"
    program.parent.mkdir()
    version = 'case "$*" in --version|-v) echo "TShark (Wireshark) 4.0.17 (Git v4)."; exit 0;; esac'
    program.write_text(f"#!/bin/sh\n{version}\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(tshark, "path", lambda: str(program))


def test_a_dissector_that_loops_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted = tmp_path / "pid"
    fake(tmp_path, monkeypatch, f"echo $$ > {noted}; exec sleep 600")
    with excerpt_of(refused_request(tmp_path), [5]) as excerpt:
        spoken = dissect.dissect(excerpt, limit_s=1)
    assert "stopped after 1 s" in (spoken.problem or "")
    status = Path(f"/proc/{noted.read_text().strip()}")
    for _ in range(50):
        if not status.exists():
            break
        time.sleep(0.1)
    assert not status.exists(), "neither running nor a zombie"


def test_ctrl_c_ends_the_dissector_and_not_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = tmp_path / "pid"
    fake(tmp_path, monkeypatch, f"echo $$ > {noted}; sleep 1; kill -INT {os.getpid()}; exec sleep 600")
    with excerpt_of(refused_request(tmp_path), [5]) as excerpt:
        spoken = dissect.dissect(excerpt, limit_s=30)
    assert "interrupted" in (spoken.problem or "")
    assert not Path(f"/proc/{noted.read_text().strip()}").exists()


def test_a_tshark_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, monkeypatch, 'echo "tshark: no such\tfield" >&2; exit 2')
    result = synsight.analyze(refused_request(tmp_path), dissect=True)
    assert result.flows
    assert result.dissection is not None
    assert result.dissection.problem == "tshark failed: no such field"


@pytest.mark.parametrize(
    ("missing", "words"), [("tshark", "install tshark"), ("pyshark", "pip install 'synsight[dissect]'")]
)
def test_what_is_missing_is_said_and_nothing_else_suffers(
    missing: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing == "tshark":
        monkeypatch.setattr(tshark, "path", lambda: None)
    else:
        monkeypatch.setattr(tshark, "path", lambda: "/usr/bin/tshark")
        monkeypatch.setattr(dissect, "find_spec", lambda _: None)
    path = refused_request(tmp_path)
    asked, plain = synsight.analyze(path, dissect=True), synsight.analyze(path)
    assert asked.dissection is not None
    assert words in (asked.dissection.problem or "")
    assert asked.flows == plain.flows


def test_a_run_that_does_not_ask_loads_nothing_of_it(tmp_path: Path) -> None:
    code = (
        "import sys, synsight; synsight.analyze(sys.argv[1]);"
        "print(sorted({'pyshark', 'asyncio', 'lxml', 'synsight.capture.dissect'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(refused_request(tmp_path))]
    assert subprocess.run(command, capture_output=True, check=True).stdout.strip() == b"[]"


def test_of_a_connection_shown_in_part_missing_bytes_are_no_news() -> None:
    flow = samples.dropped_syn().flows[0]
    frame = flow.findings[0].evidence[0].frame
    words = (
        Words(frame, 1, "tcp", "expert", "Warning", "Sequence", "Previous segment(s) not captured"),
        Words(frame, 1, "tcp", "expert", "Warning", "Malformed", "Bad option"),
        Words(99_999, 1, "tcp", "expert", "Note", "Protocol", "another connection's"),
    )
    whole = quoted(flow, Spoken(words, "TShark", None), {frame}, gapped=False)
    part = quoted(flow, Spoken(words, "TShark", None), {frame}, gapped=True)
    assert len(whole.dissection) == 2
    assert [each.dissector_text for each in part.dissection] == ["Bad option"]
    first = part.findings[0].evidence[0]
    assert isinstance(first, Evidence)
    assert first.dissector_text == "tcp: Bad option"
