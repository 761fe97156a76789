"""The connections as Parquet, one a row, for DuckDB, pandas, Spark.

pyarrow is asked for when the first such report is written: it is large, and few need it.
"""

from __future__ import annotations

from types import ModuleType
from typing import IO, Any

from synsight.analysis.result import Analysis
from synsight.reports import ReportError
from synsight.reports.flow_columns import COLUMNS

MISSING = "Parquet needs pyarrow: pip install 'synsight[parquet]'"


def write(analysis: Analysis, stream: IO[bytes]) -> None:
    """Write the flows that the analysis tells. Raises ReportError when pyarrow is not installed."""
    arrow = imported()
    from pyarrow import parquet

    types: dict[str, Any] = {
        "text": arrow.string(),
        "texts": arrow.list_(arrow.string()),
        "integer": arrow.int64(),
        "real": arrow.float64(),
        "truth": arrow.bool_(),
        "instant": arrow.timestamp("ns"),
    }
    columns = [
        arrow.array([column.of(flow) for flow in analysis.flows], types[column.kind]) for column in COLUMNS
    ]
    table = arrow.Table.from_arrays(columns, names=[column.name for column in COLUMNS])
    parquet.write_table(table, stream, compression="zstd")


def imported() -> ModuleType:
    """pyarrow. Raises ReportError, with what to install, when it is not there."""
    try:
        import pyarrow
    except ImportError:
        raise ReportError(MISSING) from None
    return pyarrow
