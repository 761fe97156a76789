"""What limits an analysis, told once although many captures may share it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from synsight.analysis.result import CaptureFacts
from synsight.reports import units
from synsight.reports.wording import clipped, sentence

_NAMED = 3


@dataclass(frozen=True, slots=True)
class Remark:
    """One problem of the captures, in sentences."""

    problem: str
    effect: str
    where: str  # empty when it is true of every capture
    severe: bool  # reading stopped early


def remarks(captures: Sequence[CaptureFacts]) -> list[Remark]:
    """Every reading error, then every quality problem, each once, in the order of the captures."""
    paths: dict[tuple[bool, str, str], list[str]] = {}
    for facts in captures:
        if facts.error is not None:
            paths.setdefault((True, f"Reading stopped early: {facts.error}", ""), []).append(facts.path)
    for facts in captures:
        for quality in facts.quality:
            if quality.text != facts.error:
                paths.setdefault((False, quality.text, quality.effect), []).append(facts.path)
    return [
        Remark(sentence(problem), sentence(effect), _where(names, len(captures)), severe)
        for (severe, problem, effect), names in paths.items()
    ]


def _where(paths: Sequence[str], captures_count: int) -> str:
    if len(paths) == captures_count:
        return ""
    named = ", ".join(clipped(path, 120) for path in paths[:_NAMED])
    rest = f" and {units.count(len(paths[_NAMED:]), 'more capture')}" if paths[_NAMED:] else ""
    return f"({named}{rest})"
