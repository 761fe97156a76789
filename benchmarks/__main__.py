"""One table: what each tool takes for each capture, and how many times as long as synsight that is.

python -m benchmarks --install-peers     once: the peers from PyPI, into an environment of their own
python -m benchmarks                     the table
python -m benchmarks --check             the same, and exit code 1 when a limit is broken
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from . import DATA, limits, measure, tools
from .resident import resident

CAPTURES = ("headers.pcap", "frames.pcap", "ten.pcap")
Row = dict[str, Any]


def main() -> int:
    asked = _arguments()
    if asked.install_peers:
        tools.install_peers()
        return 0
    held = _captures(asked)
    chosen = _chosen(asked.only)
    rows: list[Row] = []
    for name in asked.captures.split(","):
        rows += _measure_capture(name, held, chosen, asked.runs)
    rows += _measure_startup(asked.runs)
    _print(rows, held)
    verdicts = limits.judge(rows, asked.only is not None)
    print("\nLimits")
    for verdict in verdicts:
        print(f"  {verdict}")
    if asked.json:
        facts: dict[str, Any] = {"date": datetime.date.today().isoformat(), "cpus_count": os.cpu_count()}
        facts |= {"runs_count": asked.runs, "captures": held, "rows": rows}
        facts["limits"] = [vars(verdict) for verdict in verdicts]
        asked.json.write_text(json.dumps(facts, indent=1))
    return int(asked.check and any(verdict.held is not True for verdict in verdicts))


def _arguments() -> argparse.Namespace:
    summary = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=summary)
    parser.add_argument("--runs", type=int, default=3, help="of each tool; medians are told (%(default)s)")
    parser.add_argument("--only", metavar="A,B", help="these tools, by the first word of their names")
    parser.add_argument("--captures", default=",".join(CAPTURES), metavar="A,B", help="%(default)s")
    parser.add_argument("--frames-mib", type=int, default=4096, help="size of frames.pcap (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the results")
    parser.add_argument("--check", action="store_true", help="exit 1 when a limit is broken or unmeasured")
    parser.add_argument(
        "--install-peers", action="store_true", help="install netverdict and nfstream, and end"
    )
    return parser.parse_args()


def _captures(asked: argparse.Namespace) -> dict[str, dict[str, int]]:
    """Packets, bytes and flows by file. NumPy stays in the child, see `measure.run`."""
    command = [sys.executable, "-m", "benchmarks.bulk", "--frames-mib", str(asked.frames_mib)]
    subprocess.run(command, check=True, stdout=sys.stderr, cwd=Path(__file__).parents[1])
    return dict(json.loads((DATA / "captures.json").read_text())["captures"])


def _chosen(only: str | None) -> list[tools.Tool]:
    every = tools.tools()
    if only is None:
        return every
    wanted = {"synsight", *only.split(",")}
    if unknown := wanted - {tool.name.split()[0] for tool in every}:
        sys.exit(f"no such tool: {', '.join(sorted(unknown))}")
    return [tool for tool in every if tool.name.split()[0] in wanted]


def _measure_capture(
    name: str, held: dict[str, dict[str, int]], chosen: list[tools.Tool], runs: int
) -> list[Row]:
    """A row per tool. Runs are interleaved, so that a slow minute of the machine hits every tool.

    What the others are compared with, synsight, runs before each of them.
    """
    cut = name.replace(".pcap", "-cut.pcap")
    files = {tool.name: cut if tool.cut and cut in held else name for tool in chosen}
    costs: dict[str, list[measure.Cost]] = {tool.name: [] for tool in chosen}
    with resident([DATA / file for file in sorted(set(files.values()))]):
        for turn in range(runs):
            for tool in _turn(chosen):
                if not tool.missing:
                    _progress(f"{name}: {turn + 1}/{runs} {tool.name}")
                    path = str(DATA / files[tool.name])
                    command = [word.replace("{capture}", path) for word in tool.command]
                    costs[tool.name].append(measure.run(command, tool.exits))
    rows = [_row(name, files[tool.name], held, tool, costs[tool.name]) for tool in chosen]
    ours = next((row for row in rows if row["tool"] == "synsight" and "wall_s" in row), None)
    for row in rows:
        if ours is not None and "wall_s" in row:
            row["ratio"] = row["wall_s"] / ours["wall_s"]
    return rows


def _turn(chosen: list[tools.Tool]) -> list[tools.Tool]:
    """What runs one after the other."""
    ours = [tool for tool in chosen if tool.name == "synsight"]
    others = [tool for tool in chosen if tool.name != "synsight"]
    return [each for tool in others for each in (*ours, tool)] or ours


def _row(
    capture: str, file: str, held: dict[str, dict[str, int]], tool: tools.Tool, costs: list[measure.Cost]
) -> Row:
    """Times are for the whole capture: those from a cut are multiplied by the packets left out."""
    row: Row = {"capture": capture, "tool": tool.name, "does": tool.does, "missing": tool.missing}
    if not costs:
        return row
    cost = measure.median(costs)
    scale = held[capture]["packets"] / held[file]["packets"]
    row |= {
        "wall_s": cost.wall_s * scale,
        "cpu_s": cost.cpu_s * scale,
        "peak_mib": cost.peak_mib,
        "scale": scale,
    }
    row |= {"packets_per_s": held[file]["packets"] / cost.wall_s, "failure": cost.failure}
    return row


def _measure_startup(runs: int) -> list[Row]:
    costs: dict[str, list[measure.Cost]] = {tool.name: [] for tool in tools.startup()}
    for _ in range(2 * runs + 1):
        for tool in tools.startup():
            costs[tool.name].append(measure.run(tool.command))
    rows = []
    for tool in tools.startup():
        cost = measure.median(costs[tool.name])
        row: Row = {"capture": "startup", "tool": tool.name, "does": tool.does, "missing": "", "scale": 1.0}
        row |= {
            "wall_s": cost.wall_s,
            "cpu_s": cost.cpu_s,
            "peak_mib": cost.peak_mib,
            "failure": cost.failure,
        }
        rows.append(row | {"ratio": cost.wall_s / measure.median(costs["synsight --help"]).wall_s})
    return rows


def _print(rows: list[Row], held: dict[str, dict[str, int]]) -> None:
    """The table; a `~` marks what was scaled up from the beginning of the capture."""
    heads = ("tool", "wall s", "CPU s", "peak MiB", "packets/s", "x synsight")
    before = None
    for row in rows:
        if row["capture"] != before:
            before = row["capture"]
            facts = held.get(before)
            size = f": {facts['packets']:,} packets, {facts['bytes'] / 2**20:,.1f} MiB" if facts else ""
            print(
                f"\n{before}{size}\n{heads[0]:16}" + "".join(f"{head:>12}" for head in heads[1:]) + "  does"
            )
        print(_line(row))
    if any(row.get("scale", 1.0) != 1.0 for row in rows):
        first = held["headers-cut.pcap"]["packets"]
        print(f"\n~ read only the first {first:,} packets; times are scaled to all.")


def _line(row: Row) -> str:
    if "wall_s" not in row:
        return f"{row['tool']:16} not installed ({row['missing']})"
    mark = "~" if row["scale"] != 1.0 else " "
    packets = f"{row['packets_per_s']:,.0f}" if "packets_per_s" in row else ""
    figures = f"{mark}{row['wall_s']:.3f}", f"{mark}{row['cpu_s']:.3f}", f"{row['peak_mib']:.0f}", packets
    told = "".join(f"{figure:>12}" for figure in (*figures, f"{row['ratio']:.2f}" if "ratio" in row else ""))
    return f"{row['tool']:16}{told}  {row['failure'] or row['does']}"


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="\r", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
