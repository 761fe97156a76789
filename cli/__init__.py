"""Which side dropped the TCP exchange, with the evidence.

>>> import synsight
>>> result = synsight.analyze("fixtures/lab/syn-dropped-by-server-host/server.pcap")
>>> result.incidents[0].code
'syn-unanswered'

The names below are stable. Each is imported when it is first used: importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .analysis.result import (
        Analysis,
        CaptureFacts,
        Dissected,
        Dissection,
        Distribution,
        Endpoint,
        Errno,
        Evidence,
        Finding,
        Flow,
        Handshake,
        HandshakeTimes,
        Incident,
        LadderRow,
        Quality,
        Retransmissions,
        RuledOut,
        Series,
        StateChange,
        StatesOverTime,
        Suspect,
        Totals,
        Trace,
        Vantage,
    )
    from .api import analyze
    from .capture.source import CaptureError
    from .reports import ReportError
    from .reports import write_file as write_report

__all__ = [
    "Analysis",
    "CaptureError",
    "CaptureFacts",
    "Dissected",
    "Dissection",
    "Distribution",
    "Endpoint",
    "Errno",
    "Evidence",
    "Finding",
    "Flow",
    "Handshake",
    "HandshakeTimes",
    "Incident",
    "LadderRow",
    "Quality",
    "ReportError",
    "Retransmissions",
    "RuledOut",
    "Series",
    "StateChange",
    "StatesOverTime",
    "Suspect",
    "Totals",
    "Trace",
    "Vantage",
    "__version__",
    "analyze",
    "write_report",
]
__version__ = "0.1.0"

_ELSEWHERE = {
    "CaptureError": ("capture.source", "CaptureError"),
    "ReportError": ("reports", "ReportError"),
    "analyze": ("api", "analyze"),
    "write_report": ("reports", "write_file"),
}
"""Names that are not among the result types: module and name there."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module, there = _ELSEWHERE.get(name, ("analysis.result", name))
    value = globals()[name] = getattr(import_module(f"{__name__}.{module}"), there)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
