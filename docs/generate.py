"""What is made from code: reference pages, manual pages, and the titles of findings for reports.

`python -m docs.generate` writes them; with `--check` it fails when one is stale.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

from synsight.analysis.questions.handbook import RULES
from synsight.analysis.states import TABLE, Anomaly

from docs import commands
from docs.coverage_page import coverage_page
from docs.diagram import states_svg
from docs.findings_page import findings_page
from docs.markup import event_words
from docs.schema_page import schema_page

ROOT = Path(__file__).parent.parent

STATES_HEAD = """# States

<!-- Made from analysis/states.py by python -m docs.generate: do not edit. -->

The states of one end of a connection, as RFC 9293 section 3.3.2 has them, and the events that move it from
one to another. An event that is not listed leaves the state as it is.
[Proven and believed](explanation/proven-and-believed.md) tells how the state of an end is known from outside.

![The states of one end and what moves it between them](assets/states.svg)

A reset, and an ICMP error that is fatal to an attempt, lead to CLOSED and are not drawn. Nor is UNKNOWN, the
state of an end of which nothing was seen yet.
"""


def states_page() -> str:
    """The transition table, state by state, and the pairs that are anomalies."""
    strange: dict[Anomaly, list[str]] = defaultdict(list)
    lines = [STATES_HEAD]
    for state, row in TABLE.items():
        moves = {
            event: cell for event, cell in row.items() if not isinstance(cell, Anomaly) and cell != state
        }
        lines += [f"## {state.text}", "", "| when it | it becomes |", "|---|---|"]
        lines += [
            f"| {event_words(event)} | [{cell.text}](#{cell.text.lower()}) |" for event, cell in moves.items()
        ]
        lines.append("")
        for event, cell in row.items():
            if isinstance(cell, Anomaly):
                strange[cell].append(f"{event_words(event)} in {state.text}")
    lines += ["## Anomalies", "", "What no rule expects has a name, and leaves the state as it is:", ""]
    for anomaly, pairs in strange.items():
        lines.append(f"- **{event_words(anomaly)}**: {', '.join(pairs)}")
    return "\n".join(lines) + "\n"


def titles_file() -> str:
    """Every finding's first sentence, which reports show beside its code."""
    titles = {rule.CODE: (rule.__doc__ or "").strip().partition("\n")[0] for rule in RULES}
    return json.dumps(titles, indent=1, sort_keys=True) + "\n"


PAGES = {
    "docs/states.md": states_page,
    "docs/findings.md": findings_page,
    "docs/coverage.md": coverage_page,
    "docs/assets/states.svg": states_svg,
    "docs/cli.md": commands.reference,
    "docs/json.md": schema_page,
    "reports/titles.json": titles_file,
}
MANUAL = "docs/man"


def made() -> dict[str, str]:
    """Every generated file, by its path in the repository, and what it should hold."""
    files = {name: page() for name, page in PAGES.items()}
    return files | {f"{MANUAL}/{name}": page for name, page in commands.manual_pages().items()}


def main(arguments: list[str]) -> int:
    """Write the files, or say which are stale."""
    files = made()
    stale = [name for name, text in files.items() if _current(name) != text]
    left_over = [path for path in (ROOT / MANUAL).glob("*.1") if f"{MANUAL}/{path.name}" not in files]
    if "--check" in arguments:
        for name in (*stale, *left_over):
            print(f"{name} is stale: run python -m docs.generate")
        return 1 if stale or left_over else 0
    for path in left_over:
        path.unlink()
    for name in stale:
        (ROOT / name).parent.mkdir(exist_ok=True)
        (ROOT / name).write_text(files[name])
    return 0


def _current(name: str) -> str:
    path = ROOT / name
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
