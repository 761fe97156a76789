"""CSV and Parquet: the same columns, opened by programs that others wrote."""

from __future__ import annotations

import builtins
import csv
import io
from pathlib import Path
from typing import Any

import duckdb
import pytest
import synsight
from synsight.reports import ReportError, write, write_file
from synsight.reports.flow_columns import COLUMNS

from . import samples

ROOT = Path(__file__).parents[2]
LAB = ROOT / "fixtures" / "lab"


@pytest.fixture(scope="module")
def analysis() -> synsight.Analysis:
    return synsight.analyze(LAB / "accept-queue-full" / "client.pcap", all_flows=True)


def test_csv_says_what_the_analysis_says(analysis: synsight.Analysis) -> None:
    stream = io.StringIO(newline="")
    write(analysis, "csv", stream)
    rows = list(csv.DictReader(io.StringIO(stream.getvalue(), newline="")))
    assert [row["id"] for row in rows] == [flow.id for flow in analysis.flows]
    assert rows[0]["findings"] == "syn-unanswered"
    assert rows[0]["client_errno"] == ""  # it gave up before its kernel did: no packet says what it got
    assert rows[0]["start_utc"].startswith("2026-11-22T00:42:12.070215000Z")
    assert rows[1]["syn_to_synack_us"] == "16851.0"
    assert rows[1]["severity"] == ""


def test_duckdb_opens_parquet(analysis: synsight.Analysis, tmp_path: Path) -> None:
    path = tmp_path / "flows.parquet"
    write_file(analysis, path)
    relation = duckdb.sql(f"select * from '{path}' order by first_frame desc")
    assert relation.columns == [column.name for column in COLUMNS]
    row: dict[str, Any] = dict(zip(relation.columns, relation.fetchall()[0], strict=True))
    assert row["id"] == analysis.flows[0].id
    assert row["findings"] == ["syn-unanswered"]
    times = duckdb.sql(f"select epoch_ns(start_utc) from '{path}' order by first_frame desc").fetchall()
    assert times[0][0] == analysis.flows[0].start_ns


def test_an_empty_table_has_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "none.parquet"
    write_file(samples.healthy(), path)
    assert duckdb.sql(f"select count(*) from '{path}'").fetchall() == [(0,)]


def test_without_pyarrow_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, analysis: synsight.Analysis
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.split(".")[0] == "pyarrow":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ReportError, match=r"pip install 'synsight\[parquet\]'"):
        write_file(analysis, tmp_path / "x.parquet")
    assert not list(tmp_path.iterdir())
