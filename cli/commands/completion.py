"""`synsight completion`: what makes a shell complete commands, options, files and codes."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem, get_completion_class


def formats(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """Report formats that begin with what was typed."""
    from ..reports import format_names

    return [name for name in format_names() if name.startswith(typed)]


def codes(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Findings that begin with what was typed, with their titles."""
    import json
    from importlib.resources import files

    titles = json.loads(files("synsight.reports").joinpath("titles.json").read_text(encoding="utf-8"))
    return [CompletionItem(code, help=title) for code, title in titles.items() if code.startswith(typed)]


SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what completes synsight's commands in SHELL.

    For bash: `eval "$(synsight completion bash)"` in ~/.bashrc. For zsh: the same with zsh in ~/.zshrc, after
    compinit. For fish: `synsight completion fish > ~/.config/fish/completions/synsight.fish`.
    """
    root = context.find_root()
    made = get_completion_class(shell)
    assert made is not None, "click knows every shell of SHELLS"
    click.echo(made(root.command, {}, "synsight", "_SYNSIGHT_COMPLETE").source())
