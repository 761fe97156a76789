"""What was read of one input, as the report tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .analysis.result import CaptureFacts
    from .capture.source import FileFacts


def told(facts: FileFacts, stopped_because: str | None = None) -> CaptureFacts:
    """Vantage and quality are filled in later; `stopped_because` is told unless there is an error already."""
    from .analysis.result import CaptureFacts, Vantage

    return CaptureFacts(
        facts.path,
        tuple(facts.link_types),
        facts.packets_count,
        facts.tcp_segments_count,
        facts.skipped,
        facts.kernel_dropped_count,
        facts.start_ns,
        facts.end_ns,
        Vantage("unknown", 0.0, ()),
        error=facts.error or stopped_because,
        converted_from=facts.converted_from,
    )
