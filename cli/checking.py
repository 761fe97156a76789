"""Captures held to the expectations beside them: `x.pcap` to `x.expect.toml`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .analysis.checked import CheckedFile, CheckRun
from .analysis.expectations.holding import hold
from .analysis.expectations.reading import ExpectationError, Expectations, read
from .analysis.expectations.writing import updated, written
from .api import analyze
from .capture.source import CaptureError

if TYPE_CHECKING:
    from .analysis.result import Analysis

SUFFIX = ".expect.toml"
CAPTURES = (".pcap", ".pcapng", ".cap")
PACKED = ("", ".gz", ".bz2", ".xz", ".zst", ".lz4")


class NothingToCheck(Exception):
    """A path that leads to no expectations: one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Held:
    """One file of expectations, held: the result for reports, and what `--update` did."""

    file: CheckedFile
    done: tuple[str, ...] = ()
    analysis: Analysis | None = None  # of its captures, when they could be read


def find(paths: Iterable[str | Path], new: bool = False) -> list[Path]:
    """The files of expectations that paths stand for, each once, in order.

    A directory stands for every one below it, a capture for the one beside it; with `new`, a capture that
    has none stands for the one that would be there. Raises NothingToCheck.
    """
    found: dict[Path, None] = {}
    for each in paths:
        found.update(dict.fromkeys(_below(Path(each), new)))
    return list(found)


def _below(path: Path, new: bool) -> list[Path]:
    if path.is_dir():
        inside = sorted(path.rglob(f"*{SUFFIX}"))
        if not inside:
            raise NothingToCheck(
                f"{path}: no *{SUFFIX} below it; `synsight check --update CAPTURE` writes the first"
            )
        return inside
    if not path.exists():
        raise NothingToCheck(f"{path}: no such file or directory; check the path")
    if path.name.endswith(SUFFIX):
        return [path]
    beside = expectations_beside(path)
    if not new and not beside.exists():
        raise NothingToCheck(
            f"{path}: no {beside.name} beside it; `synsight check --update {path}` writes it"
        )
    return [beside]


def expectations_beside(capture: Path) -> Path:
    """`x.expect.toml` for `x.pcap`, `x.pcapng.gz`, ...

    >>> expectations_beside(Path("a/x.y.pcap.gz")).name
    'x.y.expect.toml'
    """
    name = capture.name
    for suffix in PACKED[1:]:
        name = name.removesuffix(suffix)
    for suffix in CAPTURES:
        name = name.removesuffix(suffix)
    return capture.with_name(name + SUFFIX)


def captures_of(path: Path, expectations: Expectations) -> list[Path]:
    """The captures that a file is about. Raises ExpectationError when it is none, or which is not clear."""
    if expectations.paths:
        return [path.parent / each for each in expectations.paths]
    stem = path.name.removesuffix(SUFFIX)
    beside = [
        path.with_name(stem + suffix + packed)
        for suffix in CAPTURES
        for packed in PACKED
        if path.with_name(stem + suffix + packed).exists()
    ]
    if len(beside) == 1:
        return beside
    told = (
        f"several captures beside it ({', '.join(each.name for each in beside)})"
        if beside
        else (f"no capture called {stem}.pcap, {stem}.pcapng, ... beside it")
    )
    raise ExpectationError(1, f'{told}: name it with path = "..." in [capture]')


def check(path: Path, update: bool = False) -> Held:
    """Hold one file's captures to it; with `update`, bring it up to date first where it is not met."""
    try:
        text = path.read_text(encoding="utf-8") if not update or path.exists() else ""
        expectations = read(text)
        captures = captures_of(path, expectations)
    except (OSError, UnicodeDecodeError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8"
        return Held(CheckedFile(str(path), error=f"cannot be read: {why}", invalid=True))
    except ExpectationError as problem:
        return Held(CheckedFile(str(path), error=str(problem), error_line=problem.line, invalid=True))
    told = CheckedFile(str(path), tuple(str(each) for each in captures))
    try:
        analysis = analyze(
            *captures, bpf=expectations.bpf, vantage=expectations.vantage, all_flows=True, flows_limit=None
        )
    except CaptureError as problem:
        return Held(replace(told, error=str(problem)))
    done: tuple[str, ...] = ()
    if update:
        expectations, done = _update(path, text, expectations, analysis, captures)
    damage = [f"{facts.path}: {facts.error}" for facts in analysis.captures if facts.error]
    error = None
    if damage and not expectations.partial:
        error = f"{damage[0]}; if it is meant to be so, write partial = true in [capture]"
    return Held(replace(told, checks=hold(expectations, analysis), error=error), done, analysis)


def _update(
    path: Path, text: str, expectations: Expectations, analysis: Analysis, captures: list[Path]
) -> tuple[Expectations, tuple[str, ...]]:
    """Write the file anew where it is not met."""
    done: tuple[str, ...]
    if not text:
        new, done = written(analysis, captures[0].name), ("written",)
    else:
        made = updated(text, expectations, hold(expectations, analysis), analysis)
        new, done = made.text, made.done
    if new != text:
        temporary = path.with_name(f".{path.name}.new")
        temporary.write_text(new, encoding="utf-8", newline="")
        os.replace(temporary, path)
    return read(new), done


def run(paths: Iterable[Path], update: bool = False) -> Iterator[Held]:
    """Each file in turn."""
    for path in paths:
        yield check(path, update)


def gathered(held: Iterable[Held]) -> CheckRun:
    """All of them, for a report."""
    from . import __version__

    return CheckRun(__version__, tuple(each.file for each in held))
