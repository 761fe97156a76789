"""Completion as the shells do it: each sources what `synsight completion` prints and completes a line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .tools import need

SCRIPTS = {
    "bash": """
        eval "$(synsight completion bash)"
        complete -p synsight >/dev/null || exit 9
        COMP_WORDS=({words}) COMP_CWORD={last}
        _synsight_completion synsight
        printf '%s\\n' "${{COMPREPLY[@]}}"
        """,
    # What zsh's completion system would be asked to show: it needs a terminal, its functions do not.
    "zsh": """
        compdef() {{ :; }}
        compadd() {{ print -rl -- "${{(@P)@[-1]}}"; }}
        _describe() {{ local -a found=("${{(@P)3}}"); print -rl -- "${{(@)found%%:*}}"; }}
        eval "$(synsight completion zsh)"
        words=({words}); CURRENT=$(( {last} + 1 )); _synsight_completion
        """,
    "fish": """
        synsight completion fish | source
        complete --do-complete "{line}"
        """,
}


def completed(shell: str, line: str, tmp_path: Path) -> list[str]:
    """What a shell offers for the last word of a line."""
    need(shell)
    program = tmp_path / "bin" / "synsight"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m synsight "$@"\n')
    program.chmod(0o755)
    words = [*line.split(), *([""] if line.endswith(" ") else [])]
    script = SCRIPTS[shell].format(
        words=" ".join(f"'{word}'" for word in words), last=len(words) - 1, line=line
    )
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    done = subprocess.run(
        [shell, "-c", script], env=environment, capture_output=True, timeout=60, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr.decode()
    return [offer.split("\t")[0] for offer in done.stdout.decode().splitlines()]


@pytest.mark.parametrize("shell", SCRIPTS)
def test_commands_options_formats_and_codes_are_completed(shell: str, tmp_path: Path) -> None:
    assert completed(shell, "synsight ana", tmp_path) == ["analyze"]
    assert "--vantage" in completed(shell, "synsight analyze --va", tmp_path)
    assert completed(shell, "synsight analyze --vantage s", tmp_path) == ["server"]
    assert "json" in completed(shell, "synsight analyze --format j", tmp_path)
    assert completed(shell, "synsight explain syn-un", tmp_path) == ["syn-unanswered"]


def test_an_unknown_shell_is_a_mistake_of_usage() -> None:
    command = [sys.executable, "-m", "synsight", "completion", "tcsh"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"bash" in done.stderr
