"""The findings reference: every rule's own words, and the thresholds and errnos that its code has."""

from __future__ import annotations

import re
import textwrap
from types import ModuleType

from synsight.analysis.questions.handbook import BY_CODE, RULES
from synsight.analysis.result import PHASES

from docs import rules
from docs.markup import escaped

HEADINGS = ("Signature", "Meaning", "Confused with", "Dropped by", "Next", "Authority")
"""What the docstring of every rule has, in this order."""

PHASE_TITLES = {
    "dns": "Name resolution",
    "handshake": "Handshake",
    "established": "Established connections",
    "close": "Closing",
    "application": "Application",
    "capture": "The capture itself",
}

INTRODUCTION = """# Findings

<!-- Made from the rules by python -m docs.generate: do not edit. -->

`synsight explain CODE` prints the same words.

A finding is one thing that went wrong, or is worth knowing, about one connection; a pile is what only many
connections show together. Of each there is: the
**signature**, which is the evidence it needs; what it **means**; the **thresholds** that its rule compares
with and why they are what they are; what it is **confused with**, and what tells them apart; the sides that
can have **dropped** the exchange, by where the capture was taken; the **errno** that a program got, where
packets can show it; what to run **next**; and the **authority**: the clause of a standard, the kernel's
setting.
"""


class RuleError(Exception):
    """A rule does not document itself as every rule has to."""


def sections(rule: ModuleType) -> tuple[str, dict[str, str]]:
    """Title, and text by heading, of a rule's docstring. Raises RuleError when a heading is missing."""
    title, _, rest = (rule.__doc__ or "").strip().partition("\n")
    parts = re.split(r"^(\w[^\n]*)\n(?= {4}\S)", rest, flags=re.MULTILINE)
    found = {
        heading.strip(): textwrap.dedent(text).strip()
        for heading, text in zip(parts[1::2], parts[2::2], strict=True)
    }
    if tuple(found) != HEADINGS:
        missing = [heading for heading in HEADINGS if not found.get(heading)]
        unknown = [heading for heading in found if heading not in HEADINGS]
        raise RuleError(
            f"{rule.__name__}: its docstring needs the headings {', '.join(HEADINGS)}, in this order; "
            f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}"
        )
    return title, found


def findings_page() -> str:
    """Every finding, by phase and in the order in which rules are asked."""
    lines = [INTRODUCTION]
    for phase in PHASES:
        inside = [rule for rule in RULES if phase == rule.PHASE]
        if inside:
            lines += [f"## {PHASE_TITLES[phase]}", ""]
            lines += [f"- [`{rule.CODE}`](#{rule.CODE}): {escaped(sections(rule)[0])}" for rule in inside]
            lines.append("")
        for rule in inside:
            lines += _entry(rule)
    return "\n".join(lines).rstrip() + "\n"


def _entry(rule: ModuleType) -> list[str]:
    title, texts = sections(rule)
    lines = [f"### {rule.CODE}", "", f"*{escaped(title)}*", ""]
    for heading in HEADINGS:
        lines += [f"**{heading}**", "", _linked(rule.CODE, escaped(texts[heading])), ""]
        if heading == "Meaning":
            lines += _thresholds(rule)
        if heading == "Dropped by":
            lines += _errnos(rule)
    return lines


def _thresholds(rule: ModuleType) -> list[str]:
    lines = ["**Thresholds**", ""]
    for each in rules.thresholds(rule):
        if not each.reason:
            raise RuleError(f"{rule.__name__}: {each.name} has no reason: say it in a string below it")
        lines.append(f"- `{each.name}` = {each.value}: {escaped(each.reason)}")
    if len(lines) == 2:
        lines.append("None: it holds or it does not.")
    return [*lines, ""]


def _errnos(rule: ModuleType) -> list[str]:
    names = [f"`{name}`" for name in rules.errnos(rule)]
    if not names:
        return ["**Errno**", "", "None that packets can show.", ""]
    return ["**Errno**", "", f"{', '.join(names)}, told where the packets show that the program got it.", ""]


def _linked(own: str, text: str) -> str:
    """Codes of other findings as links."""
    pattern = (
        r"(?<![\w`-])(" + "|".join(sorted(map(re.escape, BY_CODE), key=len, reverse=True)) + r")(?![\w`-])"
    )
    return re.sub(
        pattern, lambda found: found[0] if found[0] == own else f"[`{found[0]}`](#{found[0]})", text
    )
