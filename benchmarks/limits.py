"""What synsight promises, checked against the table of one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MANY_FLOWS, WHOLE_FRAMES, TEN = "headers.pcap", "frames.pcap", "ten.pcap"
NFPCAPD_RATIO_MIN = 4.0
TCPTRACE_RATIO_MIN = 8.0
LIBPCAP_RATIO_MIN = 1.0  # reading whole frames with libpcap takes at least as long as synsight's analysis
PEAK_MIB_MAX = 600.0  # with 100,000 connections
HELP_S_MAX = 0.15
TEN_PACKETS_S_MAX = 0.4


@dataclass(frozen=True)
class Verdict:
    """One promise. `held` is None when it could not be measured."""

    promise: str
    measured: float | None
    held: bool | None

    def __str__(self) -> str:
        word = {True: "holds", False: "BROKEN", None: "not measured"}[self.held]
        return f"{word:13} {self.promise}" + (f": {self.measured:.3g}" if self.measured is not None else "")


def judge(rows: list[dict[str, Any]], some: bool) -> list[Verdict]:
    """Every promise; with `some`, only those that the chosen tools and captures allow to check."""
    found = {(row["capture"], row["tool"]): row for row in rows if not row.get("failure")}

    def figure(capture: str, tool: str, name: str) -> float | None:
        return found.get((capture, tool), {}).get(name)

    verdicts = [
        _at_least("nfpcapd takes 4 times as long", figure(MANY_FLOWS, "nfpcapd", "ratio"), NFPCAPD_RATIO_MIN),
        _at_least(
            "tcptrace takes 8 times as long", figure(MANY_FLOWS, "tcptrace", "ratio"), TCPTRACE_RATIO_MIN
        ),
        _at_least(
            "libpcap's bare read of whole frames takes as long",
            figure(WHOLE_FRAMES, "libpcap read", "ratio"),
            LIBPCAP_RATIO_MIN,
        ),
        _at_most(
            "peak MiB for 100,000 connections is at most 600",
            figure(MANY_FLOWS, "synsight", "peak_mib"),
            PEAK_MIB_MAX,
        ),
        _at_most("--help takes less than 0.15 s", figure("startup", "synsight --help", "wall_s"), HELP_S_MAX),
        _at_most("ten packets take less than 0.4 s", figure(TEN, "synsight", "wall_s"), TEN_PACKETS_S_MAX),
    ]
    return [verdict for verdict in verdicts if verdict.held is not None or not some]


def _at_least(promise: str, measured: float | None, least: float) -> Verdict:
    return Verdict(promise, measured, None if measured is None else measured >= least)


def _at_most(promise: str, measured: float | None, most: float) -> Verdict:
    return Verdict(promise, measured, None if measured is None else measured <= most)
