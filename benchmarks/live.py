"""Capturing live: who loses how many packets at the highest rate this machine sends, and at what cost.

python -m benchmarks.live                     needs root: network namespaces; about 3 minutes
python -m benchmarks.live --rate 200000       at a given rate
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import DATA
from .resident import resident
from .tools import LOOPS, PEERS, synsight

NAMESPACE = "synbench"
FROM, TO = "sends", "arrives"
READY_S, SETTLE_S = 3.0, 1.5
"""Until every tool listens; until every tool has read what its kernel buffer holds."""


@dataclass(frozen=True)
class Tool:
    """One line of the table. `{scratch}` and `{seconds}` in the command are filled in."""

    name: str
    command: tuple[str, ...]
    does: str
    captured: Callable[[str, Path], int]  # packets, from what it said and its folder
    missing: str = ""
    ends_alone: bool = False  # after `{seconds}`; others are sent SIGINT


@dataclass(frozen=True)
class Result:
    """One run of one tool."""

    sent_s: float  # packets handed to the kernel per second
    arrived: int  # at the interface that is captured from
    captured: int
    seconds: float
    cpu_s: float
    peak_mib: float
    failure: str = ""

    @property
    def lost_ratio(self) -> float:
        return 1 - self.captured / self.arrived if self.arrived else 0.0


def tools() -> list[Tool]:
    """Every tool, also those that are not here."""
    ours = (*synsight(), "capture", "-i", TO, "--format", "jsonl", "-o", "{scratch}/it.json")
    dump = (shutil.which("tcpdump") or "tcpdump", "-i", TO, "-Z", "root", "-w", "{scratch}/it.pcap")
    shark = (shutil.which("tshark") or "tshark", "-i", TO, "-n", "-q", "-z", "conv,tcp")
    verdict = (
        str(PEERS / "bin" / "netverdict"),
        "capture",
        "--duration",
        "{seconds}",
        "--out",
        "{scratch}/nv",
    )
    no_dump = "" if shutil.which("tcpdump") else "apt install tcpdump"
    no_shark = "" if shutil.which("tshark") else "apt install tshark"
    no_verdict = "" if Path(verdict[0]).exists() else "python -m benchmarks --install-peers"
    return [
        Tool("synsight -w", (*ours, "-w", "{scratch}/it.pcap"), "judges and records", _told_by_synsight),
        Tool("synsight", ours, "judges, spools 256 MiB", _told_by_synsight),
        Tool("tcpdump -w", dump, "records", _told_by_tcpdump, no_dump),
        Tool("tcpdump -B", (*dump, "-B", "65536"), "records, 64 MiB buffer", _told_by_tcpdump, no_dump),
        Tool("tshark conv", shark, "a line per connection", _told_by_tcpdump, no_shark),
        Tool(
            "netverdict", verdict, "tcpdump -s 96 for a time", _told_by_tcpdump, no_verdict or no_dump, True
        ),
    ]


def main() -> int:
    asked = _arguments()
    if os.geteuid() != 0:
        sys.exit("network namespaces need root")
    sender = _sender()
    for name in asked.captures.split(","):
        path = DATA / name
        if not path.exists():
            sys.exit(f"{path} is not there: python -m benchmarks.bulk makes it")
        results: dict[str, list[Result]] = {}
        with resident([path]):
            for _ in range(asked.runs):
                for tool in tools():
                    if not tool.missing and asked.only in (None, tool.name.split()[0]):
                        result = _run(tool, sender, path, asked.seconds, asked.rate)
                        results.setdefault(tool.name, []).append(result)
        _print(name, results)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.live", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "--runs", type=int, default=3, help="of each tool, in turns; medians are told (%(default)s)"
    )
    parser.add_argument("--seconds", type=int, default=5, help="of sending (%(default)s)")
    parser.add_argument(
        "--rate", type=int, default=0, help="packets per second; 0: as fast as it goes (%(default)s)"
    )
    parser.add_argument("--only", metavar="TOOL", help="this tool, by the first word of its name")
    parser.add_argument("--captures", default="headers.pcap,frames.pcap", metavar="A,B", help="%(default)s")
    return parser.parse_args()


def _sender() -> str:
    """The program that sends, compiled."""
    source, program = LOOPS / "send_pcap.c", DATA / "send_pcap"
    DATA.mkdir(exist_ok=True)
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["gcc", "-O2", "-o", str(program), str(source)], check=True)
    return str(program)


def _run(tool: Tool, sender: str, capture: Path, seconds: int, rate: int) -> Result:
    """One tool in a namespace of its own, with nothing but the sender beside it."""
    scratch = Path(tempfile.mkdtemp(prefix="benchmark-"))
    _ip("netns", "add", NAMESPACE)
    try:
        _wire()
        fill = {"scratch": str(scratch), "seconds": str(seconds + int(READY_S + SETTLE_S) + 1)}
        words = [word.format(**fill) for word in tool.command]
        said = open(scratch / "said", "w+")  # noqa: SIM115
        child = subprocess.Popen(_inside(*words), stdout=said, stderr=said, cwd=scratch)
        time.sleep(READY_S)
        sending = _inside(sender, FROM, str(capture), str(seconds), str(rate))
        sent, took = subprocess.run(sending, check=True, capture_output=True, text=True).stdout.split()
        time.sleep(SETTLE_S)
        if not tool.ends_alone:
            child.send_signal(signal.SIGINT)
        _, _, usage = os.wait4(child.pid, 0)
        child.returncode = 0
        return _result(tool, said, scratch, float(sent), float(took), usage)
    finally:
        _ip("netns", "del", NAMESPACE)
        shutil.rmtree(scratch, ignore_errors=True)


def _result(tool: Tool, said: object, scratch: Path, sent: float, took: float, usage: object) -> Result:
    said.seek(0)
    text = said.read()
    said.close()
    try:
        captured, failure = tool.captured(text, scratch), ""
    except (ValueError, OSError, KeyError) as problem:
        captured, failure = 0, (text.strip().splitlines() or [str(problem)])[-1][:60]
    cpu_s = usage.ru_utime + usage.ru_stime
    return Result(sent / took, _arrived(), captured, took, cpu_s, usage.ru_maxrss / 1024, failure)


def _wire() -> None:
    """Two ends of a veth pair without addresses: nothing answers."""
    quiet = [f"net.ipv6.conf.{part}.disable_ipv6=1" for part in ("all", "default")]
    subprocess.run(_inside("sysctl", "-qw", *quiet), check=True)
    _ip("-n", NAMESPACE, "link", "add", FROM, "type", "veth", "peer", "name", TO)
    for link in (FROM, TO):
        _ip("-n", NAMESPACE, "link", "set", link, "up")


def _arrived() -> int:
    """Packets that the captured interface received; what veth dropped for want of room is not among them."""
    told = subprocess.run(
        _inside("ip", "-s", "-j", "link", "show", TO), check=True, capture_output=True, text=True
    )
    return int(json.loads(told.stdout)[0]["stats64"]["rx"]["packets"])


def _told_by_synsight(said: str, scratch: Path) -> int:
    return int(json.loads((scratch / "it.json").read_text())["captures"][0]["packets_count"])


def _told_by_tcpdump(said: str, scratch: Path) -> int:
    """tshark says it in the same words."""
    found = re.findall(r"(\d+) packets? captured", said)
    if not found:
        raise ValueError(said)
    return int(found[-1])


def _print(capture: str, results: dict[str, list[Result]]) -> None:
    heads = ("sent/s", "arrived", "captured/s", "lost %", "CPU us/pkt", "x synsight", "peak MiB")
    print(f"\n{capture}\n{'tool':16}" + "".join(f"{head:>12}" for head in heads) + "  does")
    ours = _median(results["synsight -w"], _cost_us) if "synsight -w" in results else 0.0
    for tool in tools():
        if tool.missing:
            print(f"{tool.name:16} not installed ({tool.missing})")
        elif tool.name in results:
            print(_line(tool, results[tool.name], ours))


def _line(tool: Tool, runs: list[Result], ours_us: float) -> str:
    cost = _median(runs, _cost_us)
    figures = (
        f"{_median(runs, lambda run: run.sent_s):,.0f}",
        f"{_median(runs, lambda run: run.arrived):,.0f}",
        f"{_median(runs, lambda run: run.captured / run.seconds):,.0f}",
        f"{100 * _median(runs, lambda run: run.lost_ratio):.2f}",
        f"{cost:.2f}",
        f"{cost / ours_us:.2f}" if ours_us else "",
        f"{_median(runs, lambda run: run.peak_mib):.0f}",
    )
    failure = next((run.failure for run in runs if run.failure), "")
    return f"{tool.name:16}" + "".join(f"{figure:>12}" for figure in figures) + f"  {failure or tool.does}"


def _cost_us(run: Result) -> float:
    """Processor time per captured packet, starting and ending included."""
    return 1e6 * run.cpu_s / max(run.captured, 1)


def _median(runs: list[Result], figure: Callable[[Result], float]) -> float:
    return statistics.median(figure(run) for run in runs)


def _inside(*command: str) -> list[str]:
    return ["ip", "netns", "exec", NAMESPACE, *command]


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


if __name__ == "__main__":
    sys.exit(main())
