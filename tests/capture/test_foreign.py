"""Formats that only tshark reads are read through it, and refused with a way out without it."""

from __future__ import annotations

import gzip
import io
import struct
import subprocess
from pathlib import Path

import pytest
import synsight
from synsight.analysis.result import Analysis
from synsight.capture import formats, tshark
from synsight.capture.source import Capture, CaptureError

from tests.tools import need

ORIGINAL = Path(__file__).parents[2] / "fixtures" / "lab" / "reset-by-server-network" / "client.pcap"
FORMATS = {
    "snoop": "a Solaris snoop capture",
    "netmon1": "a Microsoft Network Monitor 1 capture",
    "netmon2": "a Microsoft Network Monitor capture",
    "ngsniffer": "a Network General Sniffer capture",
    "ngwsniffer_2_0": "a NetXRay or Sniffer capture",
    "visual": "a Visual Networks capture",
}


def converted(form: str, to: Path) -> Path:
    """The original in another format, written by editcap."""
    need("tshark", "editcap")
    path = to / f"capture.{form}"
    subprocess.run(["editcap", "-F", form, ORIGINAL, path], check=True, capture_output=True)
    return path


def erf(pcap: bytes) -> bytes:
    """The Ethernet frames of a little-endian pcap as ERF records of type 2 (Endace ERF types, section 4)."""
    records, offset = [], 24
    while offset < len(pcap):
        seconds, micros, captured, wire = struct.unpack_from("<IIII", pcap, offset)
        frame = pcap[offset + 16 : offset + 16 + captured]
        stamp = struct.pack("<Q", seconds << 32 | (micros << 32) // 1_000_000)
        head = struct.pack(">BBHHH", 2, 4, 18 + captured, 0, wire + 4)
        records.append(stamp + head + b"\0\0" + frame)
        offset += 16 + captured
    return b"".join(records)


def found(result: Analysis) -> list[tuple[object, ...]]:
    """What an analysis found, and where, without times: formats keep them in units of their own."""
    return [
        (flow.id, finding.code, finding.suspects, [each.frame for each in finding.evidence])
        for flow in result.flows
        for finding in flow.findings
    ]


@pytest.mark.parametrize("form", FORMATS)
def test_findings_are_those_of_the_original(form: str, tmp_path: Path) -> None:
    result = synsight.analyze(converted(form, tmp_path))
    assert found(result) == found(synsight.analyze(ORIGINAL)) != []
    facts = result.captures[0]
    assert facts.error is None
    assert facts.converted_from == FORMATS[form]
    assert facts.quality[0].code == "converted-capture"


def test_an_erf_capture_has_the_findings_of_the_original(tmp_path: Path) -> None:
    need("tshark")
    path = tmp_path / "capture.erf"
    path.write_bytes(erf(ORIGINAL.read_bytes()))
    result = synsight.analyze(path)
    assert found(result) == found(synsight.analyze(ORIGINAL))
    assert result.captures[0].converted_from == "an Endace ERF capture"


def test_compressed_and_piped_captures_are_converted_too(tmp_path: Path) -> None:
    plain = converted("snoop", tmp_path).read_bytes()
    packed = tmp_path / "capture.snoop.gz"
    packed.write_bytes(gzip.compress(plain))
    expected = found(synsight.analyze(ORIGINAL))
    assert found(synsight.analyze(packed)) == expected
    assert found(synsight.analyze("-", stdin=io.BytesIO(plain))) == expected


def test_a_directory_takes_them_in_by_time(tmp_path: Path) -> None:
    converted("snoop", tmp_path).rename(tmp_path / "a-later-one.snoop")
    earlier = bytearray(ORIGINAL.read_bytes())
    seconds = struct.unpack_from("<I", earlier, 24)[0]
    struct.pack_into("<I", earlier, 24, seconds - 3600)
    (tmp_path / "b-earlier-one.pcap").write_bytes(earlier)
    with Capture([tmp_path]) as capture:
        names = [Path(facts.path).name for facts in capture.files]
    assert names == ["b-earlier-one.pcap", "a-later-one.snoop"]


def test_a_cut_file_gives_what_precedes_the_cut(tmp_path: Path) -> None:
    path = converted("snoop", tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    facts = synsight.analyze(path).captures[0]
    assert facts.packets_count > 0
    assert "cut short" in (facts.error or "")


def test_no_tshark_outlives_the_capture(tmp_path: Path) -> None:
    path = converted("snoop", tmp_path)
    capture = Capture([path])
    batches = capture.batches()
    next(batches)
    process = capture._inputs[0].conversion._process  # type: ignore[union-attr]
    batches.close()  # type: ignore[attr-defined]
    capture.close()
    assert process.returncode is not None


def test_without_tshark_the_refusal_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "old.snoop"
    path.write_bytes(b"snoop\0\0\0" + struct.pack(">II", 2, 4) + bytes(64))
    monkeypatch.setattr(tshark, "path", lambda: None)
    error = synsight.analyze(path).captures[0].error
    assert error is not None
    assert "a Solaris snoop capture; install tshark" in error
    with pytest.raises(FileNotFoundError, match="install tshark"):
        tshark.Conversion(io.BytesIO(), "a snoop capture")


def test_what_is_no_capture_is_not_shown_to_tshark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tshark, "Conversion", lambda *_: pytest.fail("tshark was asked"))
    path = tmp_path / "notes.txt"
    path.write_text("[]")
    assert "text" in (synsight.analyze(path).captures[0].error or "")
    with pytest.raises(CaptureError):
        synsight.analyze(tmp_path / "missing.snoop")


def test_every_format_known_by_its_first_bytes_is_named() -> None:
    assert formats.foreign(ORIGINAL.read_bytes()[:300]) is None
    assert formats.foreign(erf(ORIGINAL.read_bytes())[:300]) == "an Endace ERF capture"
