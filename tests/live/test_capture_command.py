"""`synsight capture` as a user meets it: ways to end it, what it writes meanwhile, and what it must not."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import jsonschema
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ..capture.frames import CLIENT, SERVER, ether, ip4, tcp
from .wire import Wire, needs_root

ROOT = Path(__file__).parent.parent.parent
EVENT = json.loads((ROOT / "reports" / "event_schema.json").read_text())
REPORT = json.loads((ROOT / "reports" / "schema.json").read_text())
SYN, RST_ACK, ACK, PSH_ACK = 0x02, 0x14, 0x10, 0x18

pytestmark = [pytest.mark.lab, needs_root]


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire(1)
    yield made
    made.delete()


def started(wire: Wire, *options: str, form: str = "jsonl") -> subprocess.Popen[str]:
    """A capture that has begun: its interface is open."""
    words = [sys.executable, "-m", "synsight", "capture", "-i", "right", "--format", form, *options]
    child = subprocess.Popen(
        wire.namespace.inside(words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    until_listening(wire)
    return child


def until_listening(wire: Wire) -> None:
    """Wait for a packet socket in the namespace."""
    for _ in range(600):
        if len(wire.namespace.run("ss", "-0", "-H", "-a").splitlines()):
            time.sleep(0.3)
            return
        time.sleep(0.05)
    raise AssertionError("nothing captures")


def refused(port: int = 3306, client_port: int = 40_000) -> list[bytes]:
    """A SYN and the RST that answers it."""
    ends = {"sport": client_port, "dport": port}
    back = {"sport": port, "dport": client_port, "src": SERVER, "dst": CLIENT}
    syn = tcp(seq=1_000, ack=0, flags=SYN, **ends)
    rst = tcp(seq=0, ack=1_001, flags=RST_ACK, window=0, **back)  # type: ignore[arg-type]
    return [ether(ip4(syn)), ether(ip4(rst, src=SERVER, dst=CLIENT))]


def ended(child: subprocess.Popen[str], code: int = 0) -> tuple[str, str]:
    """What it wrote, once it has ended by itself."""
    out, err = child.communicate(timeout=60)
    assert child.returncode == code, err
    assert "Traceback" not in err
    return out, err


def events(out: str) -> list[dict]:  # type: ignore[type-arg]
    """The event lines, each held to the schema."""
    lines = [json.loads(line) for line in out.splitlines()]
    for line in lines:
        jsonschema.validate(line, EVENT)
    return lines


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_end_it_with_every_report(wire: Wire, tmp_path: Path, number: int) -> None:
    page, plain, kept = tmp_path / "it.html", tmp_path / "it.json", tmp_path / "it.pcapng"
    child = started(wire, "-o", str(page), "-o", str(plain), "-w", str(kept))
    wire.send(refused())
    time.sleep(1.5)
    child.send_signal(number)
    out, err = ended(child)
    told = events(out)
    assert [(line["event"], line["reason"]) for line in told] == [("opened", ""), ("closed", "ended")]
    assert told[0]["code"] == "port-closed"
    assert told[0]["newest"]["frame"] == 2
    assert err.startswith(f"synsight: {SERVER}:3306 refused the connection")
    report = json.loads(plain.read_text())
    jsonschema.validate(report, REPORT)
    assert report["captures"][0]["path"] == "right"
    assert report["flows"][0]["ladder"], "the timeline comes from the recording"
    assert "port-closed" in page.read_text()
    assert kept.stat().st_size > 0


def test_timelines_need_no_recording(wire: Wire, tmp_path: Path) -> None:
    child = started(wire, "-o", str(tmp_path / "it.json"))
    wire.send(refused())
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    ended(child)
    assert json.loads((tmp_path / "it.json").read_text())["flows"][0]["ladder"]


def test_a_duration_ends_it(wire: Wire) -> None:
    began = time.monotonic()
    child = started(wire, "--duration", "1.5")
    ended(child)
    assert time.monotonic() - began >= 1.5


def test_a_count_ends_it_at_that_packet(wire: Wire, tmp_path: Path) -> None:
    child = started(wire, "--count", "5", "-o", str(tmp_path / "it.json"), "-w", str(tmp_path / "it.pcap"))
    for number in range(20):
        wire.send(refused(client_port=40_000 + number))
    ended(child)
    facts = json.loads((tmp_path / "it.json").read_text())["captures"][0]
    assert facts["packets_count"] == facts["tcp_segments_count"] == 5
    listed = subprocess.run(
        [sys.executable, "-m", "synsight", "analyze", str(tmp_path / "it.pcap"), "--format", "json"],
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    assert json.loads(listed.stdout)["captures"][0]["packets_count"] == 5


def test_sigusr1_writes_the_reports_and_goes_on(wire: Wire, tmp_path: Path) -> None:
    report = tmp_path / "it.json"
    child = started(wire, "-o", str(report))
    wire.send(refused(81))
    time.sleep(1)
    child.send_signal(signal.SIGUSR1)
    for _ in range(100):
        if report.exists() and report.stat().st_size:
            break
        time.sleep(0.1)
    time.sleep(0.5)
    assert json.loads(report.read_text())["totals"]["flows_count"] == 1
    wire.send(refused(82))
    time.sleep(1)
    child.send_signal(signal.SIGINT)
    ended(child)
    assert json.loads(report.read_text())["totals"]["flows_count"] == 2


def test_piped_text_has_a_line_per_event_and_the_report(wire: Wire) -> None:
    child = started(wire, form="text")
    wire.send(refused())
    time.sleep(1.5)
    child.send_signal(signal.SIGINT)
    out, _ = ended(child)
    assert re.search(r"^\d\d:\d\d:\d\d opened #1 . port-closed, 1 connection to 10\.0\.0\.2:3306", out, re.M)
    assert "Who dropped it:" in out
    assert "\x1b" not in out


def test_a_command_gets_each_incident(wire: Wire, tmp_path: Path) -> None:
    child = started(wire, "--on-incident", f"tee -a {tmp_path / 'got'}")
    wire.send(refused())
    time.sleep(1.5)
    child.send_signal(signal.SIGINT)
    ended(child)
    got = events((tmp_path / "got").read_text())
    assert [line["event"] for line in got] == ["opened", "closed"]


def test_a_command_that_cannot_be_run_is_told_once_and_stops_nothing(wire: Wire) -> None:
    child = started(wire, "--on-incident", "/nonexistent --now")
    wire.send(refused())
    time.sleep(1.5)
    child.send_signal(signal.SIGINT)
    out, err = ended(child)
    assert len(events(out)) == 2
    assert err.count("/nonexistent: no such file or directory; the capture goes on") == 1


def test_metrics_can_be_scraped_meanwhile(wire: Wire) -> None:
    port = 9464
    child = started(wire, "--metrics", str(port))
    wire.send(refused())
    time.sleep(2)
    text = wire.namespace.call(lambda: urlopen(f"http://127.0.0.1:{port}/metrics").read().decode())
    child.send_signal(signal.SIGINT)
    ended(child)
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["synsight_connections_by_outcome", "refused"] == 1
    assert samples["synsight_findings_total", "port-closed", "server-app"] == 1
    assert samples["synsight_packets_total",] == 2


def test_an_interface_that_goes_away_ends_it_with_a_report(wire: Wire, tmp_path: Path) -> None:
    child = started(wire, "-o", str(tmp_path / "it.json"))
    wire.send(refused())
    time.sleep(1)
    wire.namespace.ip("link del right")
    _, err = ended(child, 3)
    assert "right went down or was removed" in err
    assert json.loads((tmp_path / "it.json").read_text())["totals"]["flows_count"] == 1


@pytest.mark.parametrize(
    ("options", "words", "code"),
    [
        (("-i", "nosuch"), "nosuch", 3),
        (("-i", "lo", "-o", "it.docx"), ".docx", 2),
        (("-i", "lo", "--metrics", "x:y"), "ADDR:PORT", 2),
        (("-i", "lo", "--on-incident", "echo 'open"), "--on-incident", 2),
        (("-i", "lo", "-f", "tcp prot 5"), "prot", 3),
    ],
)
def test_a_mistake_is_one_line(wire: Wire, options: tuple[str, ...], words: str, code: int) -> None:
    done = subprocess.run(
        wire.namespace.inside([sys.executable, "-m", "synsight", "capture", *options, "--duration", "1"]),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert words in done.stderr


def test_a_port_that_is_taken_is_one_line(wire: Wire) -> None:
    other = wire.namespace.socket(socket.AF_INET)
    with other:
        other.bind(("127.0.0.1", 9464))
        other.listen()
        words = [sys.executable, "-m", "synsight", "capture", "-i", "right", "--metrics", "9464"]
        done = subprocess.run(
            wire.namespace.inside(words), capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
        )
    assert done.returncode == 2
    assert done.stderr == "synsight: --metrics 9464: cannot listen: address already in use\n"


HOSTILE = b"GET /\x1b]0;pwned\x07\x1b[2J HTTP/1.1\r\nHost: \x1b[31m\x9b2J\r\n\r\n"


def conversation_with(payload: bytes) -> list[bytes]:
    """A request that gets a RST."""
    steps = [
        (0, SYN, 1_000, 0, b""),
        (1, SYN | ACK, 5_000, 1_001, b""),
        (0, ACK, 1_001, 5_001, b""),
        (0, PSH_ACK, 1_001, 5_001, payload),
        (1, RST_ACK, 5_001, 1_001 + len(payload), b""),
    ]
    frames = []
    for side, flags, seq, ack, data in steps:
        src, dst = (CLIENT, SERVER)[:: 1 - 2 * side]
        sport, dport = (40_001, 80)[:: 1 - 2 * side]
        segment = tcp(data, sport=sport, dport=dport, seq=seq, ack=ack, flags=flags, src=src, dst=dst)
        frames.append(ether(ip4(segment, src=src, dst=dst)))
    return frames


def test_escape_codes_in_packets_do_not_reach_the_terminal(wire: Wire) -> None:
    """On a terminal of 80 columns: the live view, and the report after it."""
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "synsight", "capture", "-i", "right", "--duration", "4"]
    child = subprocess.Popen(
        wire.namespace.inside(words), stdout=theirs, stderr=subprocess.PIPE, cwd=ROOT, env=_terminal()
    )
    os.close(theirs)
    until_listening(wire)
    wire.send(conversation_with(HOSTILE))
    drawn = b"".join(_read(ours))
    assert child.wait(timeout=30) == 0
    assert b"rst-app-abort" in drawn or b"close-with-unread" in drawn
    for code in (b"\x1b]0;pwned", b"\x07", b"\x9b2J"):
        assert code not in drawn
    assert b"\x1b[?1049h" in drawn, "drawn on the alternate screen"
    assert b"\x1b[?1049l" in drawn, "which is left in the end"


def _terminal() -> dict[str, str]:
    return os.environ | {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}


def _read(terminal: int) -> Iterator[bytes]:
    """All that is written until the other end is closed."""
    while True:
        if not select.select([terminal], [], [], 60)[0]:
            raise AssertionError("the terminal stays silent")
        try:
            part = os.read(terminal, 65_536)
        except OSError:  # EIO: nobody has it open any more
            return
        if not part:
            return
        yield part
