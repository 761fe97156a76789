"""What is made from code: the state diagram, the list of findings, and their titles for reports.

`python -m docs.generate` writes them; with `--check` it fails when one is stale.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

from synsight.analysis.findings import RULES
from synsight.analysis.states import TABLE, Anomaly, State

from docs.findings_page import findings_page

ROOT = Path(__file__).parent.parent


def states_page() -> str:
    """The transition table as a Mermaid diagram, and the pairs that are anomalies."""
    edges: dict[tuple[State, State], list[str]] = defaultdict(list)
    strange: dict[Anomaly, list[str]] = defaultdict(list)
    for state, row in TABLE.items():
        for event, cell in row.items():
            words = event.name.replace("_", " ").lower()
            if isinstance(cell, Anomaly):
                strange[cell].append(f"{words} in {state.text}")
            elif cell != state:
                edges[state, cell].append(words)
    lines = [
        "# The states of one end",
        "",
        "Made from `analysis/states.py` by `python -m docs.generate`; do not edit.",
        "",
        "```mermaid",
        "stateDiagram-v2",
    ]
    for (source, target), events in edges.items():
        lines.append(f"    {source.name} --> {target.name}: {' / '.join(events)}")
    lines += ["```", "", "What no rule expects has a name, and leaves the state as it is:", ""]
    for anomaly, pairs in strange.items():
        lines.append(f"- **{anomaly.name.replace('_', ' ').lower()}**: {', '.join(pairs)}")
    return "\n".join(lines) + "\n"


def titles_file() -> str:
    """Every finding's first sentence, which reports show beside its code."""
    titles = {rule.CODE: (rule.__doc__ or "").strip().partition("\n")[0] for rule in RULES}
    return json.dumps(titles, indent=1, sort_keys=True) + "\n"


PAGES = {
    "docs/states.md": states_page,
    "docs/findings.md": findings_page,
    "reports/titles.json": titles_file,
}


def main(arguments: list[str]) -> int:
    """Write the pages, or say which are stale."""
    stale = [name for name, page in PAGES.items() if _current(name) != page()]
    if "--check" in arguments:
        for name in stale:
            print(f"{name} is stale: run python -m docs.generate")
        return 1 if stale else 0
    for name in stale:
        (ROOT / name).write_text(PAGES[name]())
    return 0


def _current(name: str) -> str:
    path = ROOT / name
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
