"""The table of fixtures, written from what each scenario left beside its captures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .scenario import VANTAGES

HEAD = """# Captures made by the lab

Made by `python -m tests.lab` (see `tests/lab/README.md`) with real kernels in network namespaces; this file
too. Each folder holds the same traffic captured at the client, in the middle and at the server, and
`truth.json`: what was done, the errno that each program got (every call with its time under `calls`), the
state that each kernel reported when the captures ended, the kernel counters that moved, and what a perfect
analyst concludes from each capture alone.

A connection whose four-tuple was used again has `"superseded": true`, and its states are those just before
that. Codes in **bold**: that capture alone decides who dropped the connection.

| scenario | IP | what happens | dropped by | client sees | middle sees | server sees | states at the end |
|---|---|---|---|---|---|---|---|
"""


def write(folder: Path) -> None:
    """Write ``README.md`` of `folder` from every ``truth.json`` below it."""
    truths = [json.loads(path.read_text()) for path in sorted(folder.glob("*/truth.json"))]
    (folder / "README.md").write_text(HEAD + "".join(_row(truth) for truth in truths))


def _row(truth: dict[str, Any]) -> str:
    last = truth["connections"][-1]
    cells = [
        f"[{truth['scenario']}]({truth['scenario']})",
        str(truth["family"]),
        truth["title"],
        truth["fault"]["dropper"],
        *(_codes(truth["expect"][vantage]) for vantage in VANTAGES),
        f"{last['client_state']}, {last['server_state']}",
    ]
    return f"| {' | '.join(cells)} |\n"


def _codes(sight: dict[str, Any]) -> str:
    codes = " ".join(sight["codes"]) or "—"
    return f"**{codes}**" if sight["dropper_knowable"] else codes
