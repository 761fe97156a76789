"""Interfaces as a source: what is sent is what comes, in order, until the end and whatever the end is."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
import synsight
from synsight.analysis.study import Study
from synsight.capture.live.live_capture import LiveCapture
from synsight.capture.live.recording import Recording
from synsight.capture.segment import Direction, IpFlag
from synsight.capture.source import Capture, CaptureError
from synsight.inputs import told

from tests.capture.frames import ether, ip4, tcp, udp
from tests.live.wire import Wire, collect, later, needs_root, numbered, wire

__all__ = ["wire"]
pytestmark = [pytest.mark.lab, needs_root]


def test_what_is_sent_comes_in_order_and_numbered(wire: Wire) -> None:
    with wire.capture("right") as capture:
        wire.send(numbered(3000))
        batches, segments = collect(capture, 3000)
    assert segments["seq"].tolist() == list(range(3000))
    assert segments["frame"].tolist() == list(range(1, 3001))
    assert next(batch.first_frame for batch in batches if len(batch.frames)) == 1
    facts = capture.facts
    assert (facts.packets_count, facts.tcp_segments_count, facts.skipped) == (3000, 3000, {})
    assert (facts.link_types, facts.interfaces, facts.error) == (["EN10MB"], ["right"], None)
    assert facts.start_ns is not None
    assert abs(facts.start_ns / 1e9 - time.time()) < 60
    assert capture.drops().received == 3000
    assert facts.kernel_dropped_count == 0


def test_empty_batches_keep_the_callers_clock(wire: Wire) -> None:
    with wire.capture("right") as capture:
        for count, batch in enumerate(capture.batches()):
            assert len(batch.frames) == len(batch.segments) == len(batch.data) == 0
            assert batch.first_frame == 1
            if count == 5:
                capture.stop()
    assert capture.facts.packets_count == 0


def test_what_arrived_before_the_stop_is_given(wire: Wire) -> None:
    """The kernel holds frames back in a block that is not full: stopping waits for it."""
    with wire.capture("right") as capture:
        batches = capture.batches()
        next(batches)
        wire.send(numbered(7))
        capture.stop()
        assert sum(len(batch.segments) for batch in batches) == 7


def test_leaving_the_loop_ends_the_reading_thread(wire: Wire) -> None:
    with wire.capture("right") as capture:
        wire.send(numbered(100))
        for _ in capture.batches():
            break
    assert capture.facts.packets_count <= 100


def test_closing_in_the_middle_ends_the_reading_thread_first(wire: Wire) -> None:
    """libpcap's handle must not go while the thread is inside it."""
    capture = wire.capture("right")
    batches = capture.batches()
    next(batches)
    wire.send(numbered(1000))
    capture.close()
    capture.close()
    assert capture._thread is not None
    assert not capture._thread.is_alive()
    assert sum(len(batch.frames) for batch in batches) <= 1000


def test_any_sees_every_interface(wire: Wire) -> None:
    with wire.capture("any") as capture:
        wire.send(numbered(50))
        wire.send(numbered(50, 1000), "left2")
        _, segments = collect(capture, 200)
    assert capture.facts.link_types == ["LINUX_SLL"]
    assert np.count_nonzero(segments["direction"] == Direction.OUT) == 100


def test_a_tunnel_without_link_headers(wire: Wire, tmp_path) -> None:
    """libpcap's number for raw packets is not the one that files have."""
    tunnel = wire.namespace.call(tunnel_end)
    wire.namespace.ip("link set tunnel up")
    with wire.capture("tunnel", bpf="tcp", snaplen=70) as capture:
        recording = Recording(tmp_path / "it.pcap", capture.interfaces)
        for number in range(5):
            os.write(tunnel, ip4(tcp(b"x" * 200, seq=number)))
        batches, segments = collect(capture, 5)
        for batch in batches:
            recording.write(batch)
        recording.close()
    os.close(tunnel)
    assert segments["seq"].tolist() == list(range(5))
    assert capture.facts.link_types == ["RAW"]
    assert (tmp_path / "it.pcap").read_bytes()[20:24] == (101).to_bytes(4, sys.byteorder)
    frames = np.concatenate([batch.frames for batch in batches])
    assert set(frames["wire_bytes"].tolist()) == {240}


def tunnel_end() -> int:
    """A descriptor whose packets arrive at the interface `tunnel` (linux/if_tun.h)."""
    made = os.open("/dev/net/tun", os.O_RDWR)
    tun_without_header = 0x1001
    fcntl.ioctl(made, 0x400454CA, struct.pack("16sH14x", b"tunnel", tun_without_header))  # TUNSETIFF
    return made


def test_two_interfaces_come_in_the_order_of_time(wire: Wire) -> None:
    with wire.capture("right", "right2") as capture:
        for number in range(300):
            wire.send(numbered(1, number), ("left", "left2")[number % 2])
        batches, segments = collect(capture, 300)
    assert segments["seq"].tolist() == list(range(300))
    assert segments["interface"].tolist() == [0, 1] * 150
    times = np.concatenate([batch.frames["time_ns"] for batch in batches])
    assert (np.diff(times) >= 0).all()


def test_the_filter_runs_in_the_kernel(wire: Wire) -> None:
    with wire.capture("right", bpf="tcp port 81") as capture:
        wire.send([ether(ip4(tcp(dport=80 + number % 2, seq=number))) for number in range(100)])
        _, segments = collect(capture, 50)
    assert segments["seq"].tolist() == list(range(1, 100, 2))
    assert capture.drops().received == 50


def test_a_wrong_filter_says_where(wire: Wire) -> None:
    with pytest.raises(CaptureError, match=r"'tcp prot 80' is not valid .*EN10MB.*syntax error"):
        wire.capture("right", bpf="tcp prot 80")


def test_one_direction_only(wire: Wire) -> None:
    with wire.capture("left", direction="in") as capture:
        wire.send(numbered(20), "left")
        wire.send(numbered(20, 100), "right")
        _, segments = collect(capture, 20)
    assert segments["seq"].tolist() == list(range(100, 120))


@pytest.mark.parametrize("interface", ["right", "any"])
def test_a_cut_frame_keeps_its_lengths(wire: Wire, interface: str) -> None:
    with wire.capture(interface, snaplen=80) as capture:
        wire.send(numbered(5, payload_bytes=900))
        batches, segments = collect(capture, 5 if interface == "right" else 10)
    frames = np.concatenate([batch.frames for batch in batches])
    assert set(frames["captured_bytes"].tolist()) == {80}
    assert set(frames["wire_bytes"].tolist()) == {954 if interface == "right" else 956}
    assert set(segments["payload_bytes"].tolist()) == {900}
    assert (segments["ip_flags"] & IpFlag.SHORT).all()


@pytest.mark.parametrize("removal", ["link set right down", "link del right"])
def test_an_interface_that_goes_ends_the_capture_with_a_line(wire: Wire, removal: str) -> None:
    with wire.capture("right") as capture:
        wire.send(numbered(10))
        later(0.4, lambda: wire.namespace.ip(removal))
        assert sum(len(batch.segments) for batch in capture.batches()) == 10
    assert capture.facts.error == "right went down or was removed; the capture of it ends there"
    assert told(capture.facts).error == capture.facts.error


def test_one_of_two_interfaces_goes_and_the_other_is_captured_on(wire: Wire) -> None:
    with wire.capture("right", "right2") as capture:
        later(0.2, lambda: wire.namespace.ip("link del right"))
        later(1.0, lambda: wire.send(numbered(10), "left2"))
        _, segments = collect(capture, 10)
    assert segments["interface"].tolist() == [1] * 10
    assert capture.facts.error == "right went down or was removed; the capture of it ends there"


def test_an_interface_that_is_down_or_missing_is_refused(wire: Wire) -> None:
    wire.namespace.ip("link set right down")
    with pytest.raises(CaptureError, match=r"^right: cannot be opened: it is down; set it up first"):
        wire.capture("right")
    with pytest.raises(
        CaptureError, match=r"^nope: cannot be opened: there is no such interface; `synsight int"
    ):
        wire.capture("right2", "nope")
    with pytest.raises(CaptureError, match="no interface was given"):
        LiveCapture([])


def conclusion(batches, facts) -> dict:
    """The whole analysis as plain data, without what names its source."""
    study = Study(all_flows=True)
    for batch in batches:
        study.feed(batch.segments)
    for batch in batches if study.judge(facts.start_ns, facts.end_ns) else ():
        study.illustrate(batch.segments, batch.data)
    result = dataclasses.asdict(study.conclude((told(facts),), synsight.__version__))
    for capture in result["captures"]:
        capture["path"] = ""
    return result


@pytest.mark.parametrize("suffix", ["pcap", "pcapng"])
def test_live_and_from_its_recording_are_the_same(wire: Wire, tmp_path, suffix: str) -> None:
    """Real connections, healthy and refused: the rows, and everything concluded from them."""
    path = tmp_path / f"it.{suffix}"
    with wire.capture("lo") as capture:
        recording = Recording(path, capture.interfaces, drops=capture.counts)
        later(0.1, lambda: wire.namespace.run(sys.executable, "-c", TRAFFIC))
        batches, live = collect(capture, 60)
        for batch in batches:
            recording.write(batch)
        recording.close()
    full = [batch for batch in batches if len(batch.frames)]
    with Capture([path]) as again:
        read, parts = [], []
        for batch in again.batches():
            read.append(batch.segments.copy())
            parts.append(batch._replace(segments=batch.segments.copy(), data=batch.data.copy()))
    rows = np.concatenate(read)
    for name in live.dtype.names:
        if name != "payload_offset":
            assert rows[name].tolist() == live[name].tolist(), name
    disk, here = conclusion(parts, again.files[0]), conclusion(full, capture.facts)
    if suffix == "pcap":  # it has no place for drop counters
        here["captures"][0]["kernel_dropped_count"] = None
    assert disk == here
    assert [flow["outcome"] for flow in disk["flows"]].count("refused") == 1


TRAFFIC = """
import socket
server = socket.create_server(("127.0.0.1", 8000))
for _ in range(8):
    client = socket.create_connection(("127.0.0.1", 8000))
    there, _ = server.accept()
    client.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n")
    there.recv(100)
    there.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\n" + b"x" * 20000)
    there.close()
    while client.recv(65536): pass
    client.close()
try:
    socket.create_connection(("127.0.0.1", 9))
except ConnectionRefusedError:
    pass
"""


def test_packets_that_are_no_tcp_are_counted(wire: Wire) -> None:
    with wire.capture("right") as capture:
        wire.send([ether(ip4(udp(b"q", 53), 17))] * 4)
        batches, segments = collect(capture, 4)
    assert len(segments) == 0
    assert sum(len(batch.frames) for batch in batches) == 4
    assert sum(capture.facts.skipped.values()) == 4


def test_without_permission_one_line_says_what_to_do() -> None:
    """As another user: root becomes nobody in a process of its own, which then may not open anything."""
    script = (
        "import os; from synsight.__main__ import main; import synsight.capture.live.interfaces;"
        "import synsight.reports.wording;"  # Python itself may be out of reach afterwards
        "os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534);"
        "main(['interfaces'], prog_name='synsight')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "no permission to capture; use sudo, or" in done.stderr
    assert "sudo setcap cap_net_raw,cap_net_admin=eip /" in done.stderr
