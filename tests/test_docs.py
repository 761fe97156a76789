"""Every command that the README and the pages show is run, and what they show of its output is what it says.

A fenced block marked `console` holds commands after `$ ` and their output. `…` alone on a line stands for any
lines, none included.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from synsight.__main__ import main

from docs import commands, findings_page, rules
from tests.tools import need

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Shown:
    """One command on a page, and the output that the page shows."""

    page: str
    line: int
    command: str
    output: str


def shown() -> list[Shown]:
    """Every command of every page, in the order of the pages."""
    found = []
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        text = page.read_text(encoding="utf-8")
        for block in BLOCK.finditer(text):
            for part in re.split(r"^(?=\$ )", block[1], flags=re.MULTILINE)[1:]:
                command, _, output = part[2:].partition("\n")
                line = text[: block.start() + block[0].index(part)].count("\n") + 1
                found.append(Shown(str(page.relative_to(ROOT)), line, command, output))
    return found


def pattern(output: str) -> str:
    """What a page shows as a regular expression."""
    lines = output.rstrip("\n").split("\n")
    parts = [r"(?:.*\n)*?" if line.strip() == "…" else re.escape(line.rstrip()) + r"[ ]*\n" for line in lines]
    return "".join(parts) if output.strip() else ""


PAGES = sorted({each.page for each in shown()})


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder like the repository's root, where commands may write, with `synsight` on the path."""
    folder = tmp_path
    for name in ("fixtures", "docs"):
        (folder / name).symlink_to(ROOT / name)
    program = folder / "bin" / "synsight"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m synsight "$@"\n')
    program.chmod(0o755)
    return folder


@pytest.mark.parametrize("page", PAGES)
def test_shown_commands_say_what_is_shown(page: str, place: Path) -> None:
    environment = {**os.environ, "PATH": f"{place / 'bin'}:{os.environ['PATH']}", "COLUMNS": "80"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    outputs: dict[str, str] = {}
    for each in (one for one in shown() if one.page == page):
        if each.command not in outputs:
            command = ["bash", "-c", each.command]
            done = subprocess.run(
                command, cwd=place, env=environment, capture_output=True, timeout=60, check=False
            )
            assert done.returncode == 0, f"{page}:{each.line} {done.stderr.decode()}"
            outputs[each.command] = done.stdout.decode()
        said = outputs[each.command]
        assert re.fullmatch(pattern(each.output), said), f"{page}:{each.line} shows other output than\n{said}"


def test_pages_show_commands_at_all() -> None:
    assert {"README.md", "docs/tutorial.md", "docs/index.md"} <= set(PAGES)


def test_every_page_is_in_the_navigation() -> None:
    listed = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").as_posix()
        times = listed.count(f": {name}\n")
        assert name.startswith("decisions/") or times == 1, f"{name} is {times} times in mkdocs.yml"


def test_every_rule_documents_itself() -> None:
    for rule in findings_page.RULES:
        title, texts = findings_page.sections(rule)
        assert title.endswith("."), rule.CODE
        assert all(texts.values()), rule.CODE
        assert all(each.reason for each in rules.thresholds(rule)), rule.CODE


def test_a_rule_without_a_heading_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = findings_page.RULES[0]
    monkeypatch.setattr(rule, "__doc__", (rule.__doc__ or "").replace("Confused with", "Else"))
    with pytest.raises(findings_page.RuleError, match="missing: Confused with; unknown: Else"):
        findings_page.sections(rule)


def test_thresholds_and_errnos_are_those_of_the_code() -> None:
    by_code = findings_page.BY_CODE
    thresholds = {each.name: each.value for each in rules.thresholds(by_code["close-wait-stuck"])}
    assert thresholds["STUCK_NS"] == "60 s"
    assert rules.errnos(by_code["port-closed"]) == ["ECONNREFUSED"]
    assert rules.errnos(by_code["icmp-port-unreach"]) == ["ECONNREFUSED"]
    assert rules.errnos(by_code["segment-loss-up"]) == []


def test_the_reference_knows_every_command_and_option() -> None:
    page = commands.reference()
    for name, command in main.commands.items():
        assert f"\n## synsight {name}\n" in page
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help or option.name == "version", f"{name} {option.name} needs a help text"
                assert all(spelling in page for spelling in option.opts)


def test_manual_pages_are_without_fault(tmp_path: Path) -> None:
    need("mandoc")
    for name, text in commands.manual_pages().items():
        (tmp_path / name).write_text(text)
        said = subprocess.run(
            ["mandoc", "-T", "lint", "-W", "warning", tmp_path / name], capture_output=True, check=False
        ).stdout.decode()
        # No date: it would have to be changed by hand with every release, and the version says more.
        assert [line for line in said.splitlines() if "missing date" not in line] == []
