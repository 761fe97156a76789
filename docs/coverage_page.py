"""How every failure of the catalogue is covered, from `docs/coverage/*.toml`: one file per section.

A file has `letter`, `title`, and `same`: the codes that are told under their own name. Every other code is
a table with `how`, a sentence, and exactly one of the WAYS. What a row names has to exist: CoverageError
says which does not, so the page cannot promise what the code does not do.
"""

from __future__ import annotations

import ast
import re
import tomllib
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from synsight.analysis import findings, piles

from docs.markup import escaped

ROOT = Path(__file__).parent.parent
FOLDER = Path(__file__).parent / "coverage"
NOTES = ("analysis/scene/quality.py",)
"""Where notes on the capture are made."""

CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")

WAYS = {
    "finding": "Finding {link}.",
    "pile": "Pile {link}.",
    "note": "Note on the capture `{name}`.",
    "reason": "An alternative that {link} names.",
    "code": "In `{name}`.",
    "healthy": "No failure, so no finding.",
    "hidden": "No capture shows it.",
    "open": "Not yet.",
}
"""How a row is covered, and how the page says it. `reason` names the finding whose words name the row."""

NAMING = ("finding", "pile", "note", "reason", "code")
"""Ways whose value is a name; that of the others is `true`."""

INTRODUCTION = """# What is covered

<!-- Made from docs/coverage/ by python -m docs.generate: do not edit. -->

The known ways in which a TCP exchange fails, and what becomes of each: a finding, a pile or a note of its
own; an alternative that another finding names, where the captured bytes are the same and only a measurement
tells them apart; or nothing, because no capture can show it.
"""


class CoverageError(Exception):
    """A row that says nothing, or names what does not exist."""


@dataclass(frozen=True, slots=True)
class Row:
    """One failure of the catalogue."""

    code: str
    way: str  # one of WAYS
    name: str  # of what covers it; empty where nothing does
    how: str


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the catalogue."""

    letter: str
    title: str
    same: tuple[str, ...]  # told under their own code
    rows: tuple[Row, ...]  # the others


def sections() -> list[Section]:
    """Every section, by letter. Raises CoverageError."""
    read = [_section(path) for path in sorted(FOLDER.glob("*.toml"))]
    return sorted(read, key=lambda section: section.letter)


def _section(path: Path) -> Section:
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    letter, title, same = told.pop("letter"), told.pop("title"), tuple(told.pop("same", ()))
    rows = tuple(_row(f"{path.name}: {code}", code, told[code]) for code in told)
    for code in same:
        _own(f"{path.name}: {code}", code)
    twice = sorted(set(same) & set(told))
    if twice:
        raise CoverageError(f"{path.name}: told twice: {', '.join(twice)}")
    return Section(letter, title, same, rows)


def _row(where: str, code: str, told: dict[str, Any]) -> Row:
    ways = [way for way in WAYS if way in told]
    if len(ways) != 1 or set(told) != {*ways, "how"} or not told["how"].endswith("."):
        raise CoverageError(f"{where}: needs a sentence `how` and exactly one of {', '.join(WAYS)}")
    way = ways[0]
    name = told[way] if way in NAMING else ""
    _exists(where, code, way, name)
    return Row(code, way, name, told["how"])


def _exists(where: str, code: str, way: str, name: str) -> None:
    """Whether what a row names is there; a reason has to stand in the words of its finding."""
    if way in ("finding", "reason") and name not in findings.BY_CODE:
        raise CoverageError(f"{where}: there is no finding {name}")
    if way == "reason" and code not in (findings.BY_CODE[name].__doc__ or ""):
        raise CoverageError(f"{where}: the words of {name} do not name {code}")
    if way == "pile" and name not in piles.BY_CODE:
        raise CoverageError(f"{where}: there is no pile {name}")
    if way == "note" and name not in notes():
        raise CoverageError(f"{where}: there is no note {name}")
    if way == "code":
        module, _, attribute = name.partition(":")
        if not hasattr(import_module(f"synsight.{module}"), attribute):
            raise CoverageError(f"{where}: there is no {name}")


def _own(where: str, code: str) -> str:
    """The way in which a code is told under its own name."""
    for way, codes in (("finding", findings.BY_CODE), ("pile", piles.BY_CODE), ("note", notes())):
        if code in codes:
            return way
    raise CoverageError(f"{where}: there is no finding, pile or note of that name")


def notes() -> frozenset[str]:
    """The codes of notes on the capture, as their module spells them."""
    return frozenset(
        node.value
        for name in NOTES
        for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value)
    )


def coverage_page() -> str:
    """The page: a table per section."""
    lines = [INTRODUCTION]
    for section in sections():
        lines += [f"## {section.letter}. {escaped(section.title)}", ""]
        lines += ["| | told as | |", "|---|---|---|"]
        lines += [f"| `{code}` | {_told(_own(section.title, code), code)} | |" for code in section.same]
        lines += [
            f"| `{row.code}` | {_told(row.way, row.name)} | {escaped(row.how)} |" for row in section.rows
        ]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _told(way: str, name: str) -> str:
    return WAYS[way].format(link=f"[`{name}`](findings.md#{name})", name=name)
