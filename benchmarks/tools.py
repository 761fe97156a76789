"""The tools that are compared: what each is told to do, and whether it is here."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from . import DATA

LOOPS = Path(__file__).parent / "loops"
PEERS = DATA / "venv"
PYPI_PEERS = ("netverdict", "nfstream")
TCP_FIELDS = (
    "frame.time_epoch",
    "tcp.stream",
    "tcp.analysis.flags",
    "tcp.analysis.retransmission",
    "tcp.flags",
)


@dataclass(frozen=True)
class Tool:
    """One line of the table. `{capture}` and `{scratch}` in the command are filled in."""

    name: str
    command: tuple[str, ...]
    does: str
    cut: bool = False  # too slow for the whole capture: reads its beginning, and is scaled
    missing: str = ""  # what to install; empty when it is here
    exits: tuple[int, ...] = (0,)  # codes that mean success


def synsight() -> tuple[str, ...]:
    """The command installed beside this Python."""
    script = Path(sysconfig.get_path("scripts")) / "synsight"
    return (str(script),) if script.exists() else (sys.executable, "-m", "synsight")


def tools() -> list[Tool]:
    """Every tool, also those that are not here."""
    peer = str(PEERS / "bin" / "python")
    fields = [word for name in TCP_FIELDS for word in ("-e", name)]
    return [
        Tool(
            "synsight",
            (*synsight(), "analyze", "--format", "json", "{capture}"),
            "whole analysis, JSON report",
        ),
        _program("nfpcapd", ("-r", "{capture}", "-w", "{scratch}"), "flow records", "nfdump"),
        _program(
            "argus", ("-F", "/dev/null", "-r", "{capture}", "-w", "/dev/null"), "flow records", "argus-server"
        ),
        _program("tcptrace", ("-n", "{capture}"), "a line per connection", "tcptrace"),
        _program(
            "tshark conv",
            ("-n", "-q", "-z", "conv,tcp", "-r", "{capture}"),
            "a line per connection",
            "tshark",
            True,
        ),
        _program(
            "tshark fields",
            ("-n", "-T", "fields", *fields, "-r", "{capture}"),
            "TCP analysis per packet",
            "tshark",
            True,
        ),
        _in_venv(
            Tool(
                "netverdict",
                (str(PEERS / "bin" / "netverdict"), "analyze", "--json", "{capture}"),
                "verdicts",
                True,
                exits=(0, 1),
            )
        ),
        _in_venv(
            Tool(
                "nfstream", (peer, str(LOOPS / "nfstream_loop.py"), "{capture}"), "flows, no dissection", True
            )
        ),
        Tool(
            "dpkt loop", (sys.executable, str(LOOPS / "dpkt_loop.py"), "{capture}"), "counts segments", True
        ),
        _libpcap(),
        Tool(
            "pcapy-ng", (sys.executable, str(LOOPS / "pcapy_loop.py"), "{capture}"), "reads only, from Python"
        ),
        _program("tcpdump", ("-n", "-r", "{capture}", "-w", "/dev/null"), "reads and copies", "tcpdump"),
    ]


def startup() -> list[Tool]:
    """What a person waits for."""
    return [
        Tool("synsight --help", (*synsight(), "--help"), "help text"),
        Tool("python -c pass", (sys.executable, "-c", "pass"), "the interpreter alone"),
        Tool("import numpy", (sys.executable, "-c", "import numpy"), "the largest library alone"),
    ]


def install_peers() -> None:
    """Put the peers from PyPI into an environment of their own."""
    subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
    subprocess.run(
        [str(PEERS / "bin" / "python"), "-m", "pip", "install", "--quiet", *PYPI_PEERS], check=True
    )


def _program(name: str, words: Sequence[str], does: str, package: str, cut: bool = False) -> Tool:
    program = name.split()[0]
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    return Tool(name, (path or program, *words), does, cut, "" if path else f"apt install {package}")


def _in_venv(tool: Tool) -> Tool:
    here = Path(tool.command[0]).exists() and any(PEERS.glob(f"lib/*/site-packages/{tool.name}"))
    missing = "" if here else "python -m benchmarks --install-peers"
    return replace(tool, missing=missing)


def _libpcap() -> Tool:
    """A C program that reads with libpcap and does nothing, compiled when it is not there or is older."""
    source, program = LOOPS / "read_pcap.c", DATA / "read_pcap"
    missing = ""
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        try:
            subprocess.run(
                ["gcc", "-O2", "-o", str(program), str(source), "-lpcap"], check=True, capture_output=True
            )
        except (OSError, subprocess.CalledProcessError):
            missing = "apt install gcc libpcap-dev"
    return Tool("libpcap read", (str(program), "{capture}"), "reads only, in C", missing=missing)
