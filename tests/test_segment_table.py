"""`--segments`: every segment as a row, joined to its connection, in a program that others wrote."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest
import synsight
from pyarrow import parquet
from synsight.analysis.tracker import Tracker
from synsight.segment_table import SegmentTable

from tests.test_cli import LAB, one_line, run

ROOT = Path(__file__).parent.parent
LOSSY = LAB / "loss-down-recovered" / "client.pcap"
REFUSED = LAB / "icmp-admin-prohibited-by-server-network" / "client.pcap"


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    done = run(
        "analyze", LOSSY, REFUSED, "--all-flows", "-o", folder / "flows.parquet",
        "--segments", folder / "segments.parquet",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    return folder


def test_the_query_of_the_page_runs(tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tables)
    page = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    rows = duckdb.sql(page.split("```sql\n")[1].split("```")[0]).fetchall()
    assert [(row[0], row[1], row[4]) for row in rows] == [("10.0.2.2", 8080, 2)]


def test_every_segment_is_there_once_and_has_its_connection(tables: Path) -> None:
    analysis = synsight.analyze(LOSSY, REFUSED, all_flows=True)
    segments = parquet.read_table(tables / "segments.parquet").to_pylist()
    tcp = [row for row in segments if row["kind"] == "tcp"]
    assert len(tcp) == analysis.totals.tcp_segments_count
    assert len({row["frame"] for row in segments}) == len(segments)
    for flow in analysis.flows:
        own = [row for row in tcp if row["flow_first_frame"] == flow.first_frame]
        assert len(own) == flow.client_packets_count + flow.server_packets_count
        assert own[0]["src_ip"] == flow.client.ip
        assert own[0]["flags"] == "SYN"
        repeats = flow.retransmissions
        assert sum(row["retransmission"] for row in own) == repeats.client_count + repeats.server_count
        kinds = [row["retransmission_kind"] for row in own if row["retransmission_kind"]]
        assert {kind: kinds.count(kind) for kind in set(kinds)} == repeats.by_kind
    assert [row["kind"] for row in segments if row["kind"] != "tcp"] == ["icmp-error"] * (
        len(segments) - len(tcp)
    )
    assert len(segments) > len(tcp)


def test_the_same_capture_gives_the_same_bytes(tables: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.parquet"
    run("analyze", LOSSY, REFUSED, "--segments", again)
    assert again.read_bytes() == (tables / "segments.parquet").read_bytes()


def test_every_column_is_on_the_page(tables: Path) -> None:
    page = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    for name in parquet.read_schema(tables / "segments.parquet").names:
        assert f"`{name}`" in page


def test_rows_of_no_connection_have_none(tmp_path: Path) -> None:
    import numpy as np
    from synsight.analysis.records import NOTE
    from synsight.capture.segment import SEGMENT

    notes = np.zeros(1, NOTE)
    notes["flow"] = -1
    with SegmentTable(tmp_path / "x.parquet") as table:
        table.write(np.zeros(1, SEGMENT), notes, Tracker().flows)
    (row,) = parquet.read_table(tmp_path / "x.parquet").to_pylist()
    assert row["flow_first_frame"] is None


class TestMistakes:
    def test_another_suffix(self, tmp_path: Path) -> None:
        done = run("analyze", LOSSY, "--segments", tmp_path / "x.csv")
        assert done.returncode == 2
        assert "x.parquet" in one_line(done)

    def test_redaction_would_be_undone(self, tmp_path: Path) -> None:
        done = run("analyze", LOSSY, "--redact", "--segments", tmp_path / "x.parquet")
        assert done.returncode == 2
        assert not (tmp_path / "x.parquet").exists()

    def test_nothing_half_written_stays(self, tmp_path: Path) -> None:
        done = run("analyze", tmp_path / "nowhere.pcap", "--segments", tmp_path / "x.parquet")
        assert done.returncode == 3
        assert not (tmp_path / "x.parquet").exists()

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        done = run("analyze", LOSSY, "--segments", tmp_path / "absent" / "x.parquet")
        assert done.returncode == 2
        assert "cannot write" in one_line(done)

    def test_rows_left_out_of_a_table_are_told(self, tmp_path: Path) -> None:
        done = run(
            "analyze", LAB / "several-connections-to-two-ports" / "client.pcap", "--all-flows",
            "--flows-limit", "2", "-o", tmp_path / "x.csv",
        )  # fmt: skip
        assert done.returncode == 0
        assert "3 connections are left out" in one_line(done)
        assert len((tmp_path / "x.csv").read_text().splitlines()) == 3
