"""The next measurement is the one that splits what is left of the suspicion."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from synsight.analysis.measures import Step, best_first
from synsight.analysis.result import Suspect
from synsight.reports.shell_lines import parts

from tests.findings.runner import LADDERS, run

HALVES = (Suspect("server-host", 0.5), Suspect("path", 0.3), Suspect("client-network", 0.2))


def step(name: str, *sides: str) -> Step:
    """A measurement that tells these sides from the rest."""
    return Step(name, "here", frozenset(sides))


def test_what_halves_the_suspicion_comes_first() -> None:
    steps = best_first(HALVES, step("a", "client-network"), step("b", "server-host"), step("c", "path"))
    assert [text[0] for text in steps] == ["b", "c", "a"]


def test_equal_worth_keeps_the_rules_own_order() -> None:
    steps = best_first(HALVES, step("a", "server-host"), step("b", "path", "client-network"))
    assert [text[0] for text in steps] == ["a", "b"]


def test_a_step_that_tells_nothing_comes_last_and_a_pointless_one_not_at_all() -> None:
    steps = best_first(HALVES, step("a"), None, step("b", "path"))
    assert [text[0] for text in steps] == ["b", "a"]


@pytest.mark.parametrize(
    ("ladder", "first"),
    [
        (
            "syn-unanswered/four_syns_and_silence",
            "tcpdump -ni any 'host 10.0.0.1 and tcp port 80'    # on 10.0.0.2",
        ),
        (
            "syn-unanswered/on_the_server_only_its_host_is_left",
            "nft list ruleset; iptables -nvL INPUT    # on 10.0.0.2",
        ),
        ("pmtu-blackhole/small_pass_large_vanish", "tracepath -n 10.0.0.2    # from 10.0.0.1"),
    ],
)
def test_the_first_step_names_command_place_and_addresses(ladder: str, first: str) -> None:
    worst = run(Path(LADDERS / f"{ladder}.ladder")).worst
    assert worst is not None
    assert worst.next[0].startswith(first)


@pytest.mark.parametrize(
    "path", sorted(LADDERS.glob("*/*.ladder")), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_what_to_run_next_is_a_command_and_the_question_it_answers(path: Path) -> None:
    for told in run(path).findings:
        for text in told.next:
            command, question = parts(text)
            assert question, text
            assert shlex.split(command), text
