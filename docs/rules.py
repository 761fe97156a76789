"""What the code of a rule says of itself: the thresholds it compares with, and the errno it can tell.

Read from the syntax trees of the rule's module and of every function of `analysis/` that its `candidates` and
`judge` reach by name, so the pages cannot say anything else than the code does.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from synsight.analysis.evidence import icmp

PACKAGE = "synsight.analysis"
ENTRANCES = ("candidates", "judge")
ERRNO = re.compile(r"E[A-Z0-9]{3,}")
NANOSECONDS_A_SECOND = 1_000_000_000
NO_THRESHOLDS = frozenset(
    (
        "MS", "SECOND", "ROUNDS_UP",  # how durations are written
        "COUNTED", "PROBED", "RECALLED",  # what an answer to a next measurement is worth
        "MAPPED", "NO_SOCKET", "LIVE_SOCKET",  # codes
        "ICMP_BYTES", "STAMP_BYTES", "TCP_BYTES",  # sizes of headers
    )
)  # fmt: skip
"""Numbers that rules use and compare nothing with."""

ROOT = Path(__file__).parent.parent
UNITS = {"_S": "s", "_MS": "ms", "_BYTES": "bytes", "_PERCENT": "%"}


@dataclass(frozen=True, slots=True)
class Threshold:
    """A named number that a rule compares with."""

    name: str
    value: str  # with its unit
    reason: str  # the docstring or comment beside it; empty when it has none


@dataclass(slots=True)
class Source:
    """One module as a syntax tree, by name."""

    name: str  # `synsight.analysis.evidence.silence`
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)  # constant -> what stands beside it
    origins: dict[str, tuple[str, str]] = field(default_factory=dict)  # imported name -> module, name there


def thresholds(rule: ModuleType) -> list[Threshold]:
    """Every number a rule compares with, in the order of their names."""
    found = {}
    for module, node in _reached(rule.__name__):
        if not isinstance(node, ast.Name) or not node.id.isupper() or node.id in NO_THRESHOLDS:
            continue
        home, name = _home(module, node.id)
        value = getattr(import_module(home), name, None) if home.startswith(PACKAGE) else None
        if type(value) in (int, float):
            reason = _source(home).reasons.get(name, "")
            found[name, home] = Threshold(name, _with_unit(name, value), reason)
    return [found[place] for place in sorted(found)]


def errnos(rule: ModuleType) -> list[str]:
    """Every errno that a rule can say a program got, `["ECONNREFUSED", "ETIMEDOUT"]`."""
    found = set()
    for _, node in _reached(rule.__name__):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and ERRNO.fullmatch(node.value):
            found.add(node.value)
        elif isinstance(node, ast.Name) and node.id == icmp.errno_name.__name__:
            found.update(_of_icmp(rule))
    return sorted(found)


def _of_icmp(rule: ModuleType) -> set[str]:
    """What Linux makes of the ICMP errors that a rule is about: those it lists, else every one."""
    listed = ((getattr(rule, "KINDS", icmp.ERRNOS), False), (getattr(rule, "KINDS6", icmp.ERRNOS6), True))
    names = {icmp.errno_name(*pair, v6) for pairs, v6 in listed for pair in pairs}
    return {name for name in names if name is not None}


def _reached(rule: str) -> Iterator[tuple[str, ast.AST]]:
    """(module, node) of everything in the entrances of a rule's module and in the functions they name."""
    waiting = [(rule, name) for name in ENTRANCES]
    seen = set(waiting)
    while waiting:
        module, name = waiting.pop()
        body = _source(module).functions.get(name)
        if body is None:
            continue
        for node in ast.walk(body):
            yield module, node
            called = _named(module, node)
            if called is not None and called not in seen:
                seen.add(called)
                waiting.append(called)


def _named(module: str, node: ast.AST) -> tuple[str, str] | None:
    """Where a function of the package that a node names is defined: `f`, or `module.f`."""
    if isinstance(node, ast.Name):
        home, name = _home(module, node.id)
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        package, part = _home(module, node.value.id)
        home, name = f"{package}.{part}", node.attr
    else:
        return None
    return (home, name) if home.startswith(PACKAGE) and _is_module(home) else None


def _home(module: str, name: str) -> tuple[str, str]:
    """The module that a name used in another comes from, and its name there."""
    return _source(module).origins.get(name, (module, name))


@cache
def _is_module(name: str) -> bool:
    return name == PACKAGE or _path(name).exists()


def _path(module: str) -> Path:
    """The file of a module of the package; one that does not exist for what is no Python module."""
    parts = module.removeprefix("synsight.").split(".")
    file = ROOT.joinpath(*parts).with_suffix(".py")
    return file if file.exists() else ROOT.joinpath(*parts, "__init__.py")


@cache
def _source(module: str) -> Source:
    source = Source(module)
    path = _path(module)
    if not path.exists():
        return source
    text = path.read_text(encoding="utf-8")
    tree, lines = ast.parse(text), text.splitlines()
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for place, node in reversed([*enumerate(tree.body)]):
        if isinstance(node, ast.FunctionDef):
            source.functions[node.name] = node
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            home = ".".join(part for part in (base, node.module) if part)
            source.origins.update({each.asname or each.name: (home, each.name) for each in node.names})
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            reason = _reason(tree.body[place + 1 :], lines, node)
            for name in _assigned(node):
                source.reasons[name] = reason or _shared(tree.body[place + 1 :], node, source)
    return source


def _assigned(node: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)]


def _reason(following: list[ast.stmt], lines: list[str], node: ast.stmt) -> str:
    """The string below an assignment, or the comment behind it."""
    if following and isinstance(following[0], ast.Expr) and isinstance(following[0].value, ast.Constant):
        return " ".join(str(following[0].value.value).split())
    _, mark, comment = lines[(node.end_lineno or node.lineno) - 1].partition("  # ")
    return comment.strip() if mark else ""


def _shared(following: list[ast.stmt], node: ast.stmt, source: Source) -> str:
    """What stands beside the constant on the next line, for two that have one reason."""
    if not following or following[0].lineno != (node.end_lineno or 0) + 1:
        return ""
    below = following[0]
    names = _assigned(below) if isinstance(below, ast.Assign | ast.AnnAssign) else []
    return source.reasons.get(names[0], "") if names else ""


def _with_unit(name: str, value: float) -> str:
    """A number in the unit that its name ends with."""
    if name.endswith("_NS"):
        return f"{value / NANOSECONDS_A_SECOND:g} s" if value >= 10_000_000 else f"{value / 1_000_000:g} ms"
    for suffix, unit in UNITS.items():
        if name.endswith(suffix):
            return f"{value:g} {unit}"
    return f"{value:g}"
