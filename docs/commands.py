"""The command line as pages: one reference in Markdown, one manual page per command, from click's own tree.

    for name, command in commands():
        print(name, command.help)

Nothing here knows a command by name: what `synsight --help` offers is what the pages tell.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import PurePath

import click
from synsight import __version__
from synsight.__main__ import main

from docs.markup import escaped

EXIT_CODES = (
    ("0", "Done. `analyze` reports findings with 0 unless `--fail-on` matches."),
    ("1", "What was to hold does not: `--fail-on`, `check`."),
    ("2", "The command line is wrong: one line says what and what to do."),
    ("3", "A capture could not be read, or only in part; what could be read is reported."),
    (
        "130",
        "Interrupted: what was read until then is reported. `capture` is meant to be ended by Ctrl-C and "
        "ends with 0; a second Ctrl-C ends it with 130, its report unfinished.",
    ),
)

EXAMPLES = (
    ("The verdict on the terminal", "synsight analyze capture.pcapng"),
    ("One page to attach to a ticket", "synsight analyze capture.pcap -o report.html"),
    ("From a pipe", "tcpdump -i eth0 -w - | synsight analyze -"),
    ("Only one service", "synsight analyze capture.pcap -f 'port 5432'"),
    ("What a finding means", "synsight explain syn-unanswered"),
)

REFERENCE_HEAD = """# Command line

<!-- Made from the commands by python -m docs.generate: do not edit. -->

`synsight COMMAND --help` says the same.

Results go to standard output, progress and warnings to standard error; progress only on a terminal.
`NO_COLOR` is respected.
"""


def commands() -> Iterator[tuple[str, click.Command]]:
    """The program and every command, by what has to be typed."""
    yield "synsight", main
    for name in sorted(main.commands):
        if not main.commands[name].hidden:
            yield f"synsight {name}", main.commands[name]


def reference() -> str:
    """The whole command line as one Markdown page."""
    lines = [REFERENCE_HEAD]
    for name, command in commands():
        lines += [f"## {name}", "", "```text", usage(name, command), "```", "", *_help(command), ""]
        if isinstance(command, click.Group):
            lines += [f"- [`{each}`](#{_anchor(each)}): {escaped(summary(part))}" for each, part in _parts()]
            lines.append("")
        lines += _table(command)
    lines += ["## Exit codes", "", "| code | meaning |", "|---|---|"]
    lines += [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES]
    return "\n".join(lines) + "\n"


def manual_pages() -> dict[str, str]:
    """File name to groff source, one page per command."""
    return {f"{_page(name)}.1": manual_page(name, command) for name, command in commands()}


def manual_page(name: str, command: click.Command) -> str:
    """One manual page, section 1, in the man(7) macros."""
    lines = [
        f'.TH {_page(name).upper()} 1 "" "synsight {__version__}" "User Commands"',
        ".SH NAME",
        rf"{_page(name)} \- {_groff(summary(command))}",
        ".SH SYNOPSIS",
        f".B {_page(name) if name == 'synsight' else name}",
        _groff(usage(name, command).removeprefix(name).strip()),
        ".SH DESCRIPTION",
    ]
    lines += "\n.PP\n".join(map(_groff, _paragraphs(command))).splitlines()
    if isinstance(command, click.Group):
        lines.append(".SH COMMANDS")
        for each, part in _parts():
            lines += [".TP", f".BR {_page(each)} (1)", _groff(summary(part))]
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    if options:
        lines.append(".SH OPTIONS")
    for option in options:
        lines += [".TP", rf".B {_groff(_spelling(option))}", _groff(_told(option))]
    lines.append(".SH EXIT STATUS")
    for code, meaning in EXIT_CODES:
        lines += [".TP", f".B {code}", _groff(meaning)]
    if isinstance(command, click.Group):
        lines.append(".SH EXAMPLES")
        shown = [f"{_groff(what)}:\n.PP\n.RS 4\n.nf\n{_groff(typed)}\n.fi\n.RE" for what, typed in EXAMPLES]
        lines += "\n.PP\n".join(shown).splitlines()
    others = [each for each, _ in commands() if each != name]
    lines += [".SH SEE ALSO", *_references(others)]
    return "\n".join(lines) + "\n"


def usage(name: str, command: click.Command) -> str:
    """`synsight analyze [OPTIONS] CAPTURE...`."""
    context = click.Context(command, info_name=name)
    return " ".join((name, *command.collect_usage_pieces(context)))


def summary(command: click.Command) -> str:
    """The first sentence of a command's help, without its full stop."""
    return re.split(r"(?<=\.) ", " ".join(_paragraphs(command)[:1]))[0].rstrip(".:")


def _parts() -> list[tuple[str, click.Command]]:
    return [pair for pair in commands() if pair[1] is not main]


def _paragraphs(command: click.Command) -> list[str]:
    text = inspect.cleandoc(command.help or "").replace("\b", "")
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def _help(command: click.Command) -> list[str]:
    return [escaped(each) + "\n" for each in _paragraphs(command)]


def _table(command: click.Command) -> list[str]:
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    if not options:
        return []
    rows = [f"| `{_spelling(each)}` | {escaped(_told(each))} |" for each in options]
    return ["| option | what it does |", "|---|---|", *rows, ""]


def _spelling(option: click.Option) -> str:
    """`-f, --filter BPF`."""
    names = ", ".join(sorted([*option.opts, *option.secondary_opts], key=lambda name: name.startswith("--")))
    if option.is_flag or option.count:
        return names
    metavar = option.make_metavar(click.Context(main))
    return f"{names} {metavar.replace('|', ' or ')}"


def _told(option: click.Option) -> str:
    said = option.help or ("Show the version and exit." if option.name == "version" else "")
    return f"{said} May be given several times." if option.multiple else said


def _anchor(name: str) -> str:
    return name.replace(" ", "-")


def _page(name: str) -> str:
    return PurePath(name.replace(" ", "-")).name


def _references(names: list[str]) -> list[str]:
    last = len(names) - 1
    return [f".BR {_page(name)} (1){',' if place < last else ''}" for place, name in enumerate(names)]


def _groff(text: str) -> str:
    """Text as groff shows it: no line is taken for a request, hyphens stay hyphens to copy."""
    shown = text.replace("`", "").replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq")
    return re.sub(r"^([.'])", r"\\&\1", shown, flags=re.MULTILINE)
