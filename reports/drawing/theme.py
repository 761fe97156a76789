"""Colours by what they mean, for light and dark backgrounds.

Text colours hold WCAG AA contrast against `page` and `surface` of the same background. States are told apart
without red against green and always carry their name as well. Light values are unique: a drawing made with
them can be re-coloured by looking each one up.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

COLOURS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "page": ("#ffffff", "#15181c"),
        "surface": ("#f5f6f8", "#1d2126"),
        "rule": ("#d9dde2", "#343a42"),
        "accent": ("#0b5cad", "#82baf2"),
        "good": ("#17734a", "#5fcf97"),
        "warning": ("#8a4b00", "#f2b463"),
        "ink": ("#1b1f24", "#e6e9ed"),
        "muted": ("#57606b", "#a5afba"),
        "lifeline": ("#77828e", "#8b96a3"),
        "segment": ("#2a3644", "#d0d8e1"),
        "repeat": ("#9a5400", "#f0a94a"),
        "lost": ("#b3142a", "#ff8590"),
        "suspect": ("#d0707c", "#a3525b"),
        "forged": ("#7a2a8a", "#d9a3e6"),
        "opening": ("#cfe2f5", "#1c3b5a"),
        "opening-edge": ("#3d7db8", "#5b9bd6"),
        "established": ("#cbebdd", "#163f30"),
        "established-edge": ("#2b9069", "#42b388"),
        "closing": ("#fbe4bf", "#4a3611"),
        "closing-edge": ("#b97a12", "#d49a33"),
        "waiting": ("#efd6eb", "#482644"),
        "waiting-edge": ("#a34f96", "#c57bba"),
        "closed": ("#e3e6ea", "#2c3138"),
        "closed-edge": ("#87919c", "#7a8591"),
        "fine": ("#b7c3cf", "#56636f"),
        "unfinished": ("#6f9bc8", "#5b8fc4"),
        "reset": ("#e2a72e", "#e8b64a"),
        "stuck": ("#b06aa6", "#c98bc0"),
        "refused": ("#d2600f", "#f08a45"),
        "unanswered": ("#8f1327", "#ff5f70"),
    }
)
"""Meaning to (on light, on dark)."""

PHASES: Mapping[str, str] = MappingProxyType(
    {
        "LISTEN": "opening",
        "SYN-SENT": "opening",
        "SYN-RECEIVED": "opening",
        "ESTABLISHED": "established",
        "FIN-WAIT-1": "closing",
        "FIN-WAIT-2": "closing",
        "CLOSING": "closing",
        "LAST-ACK": "closing",
        "TIME-WAIT": "closing",
        "CLOSE-WAIT": "waiting",
    }
)
"""RFC 9293 state to the colour of its band; every other is `closed`."""

OUTCOMES: Mapping[str, str] = MappingProxyType(
    {
        "unanswered": "unanswered",
        "refused": "refused",
        "reset": "reset",
        "stuck": "stuck",
        "open": "unfinished",
        "partial": "unfinished",
        "completed": "fine",
    }
)
"""How a connection ended to the colour of its count; the worst first, as charts stack them."""


def light(name: str) -> str:
    """The colour of a meaning on a light background."""
    return COLOURS[name][0]


def variables(background: str) -> str:
    """CSS custom properties for every colour: `--ink:#1b1f24;...`; `background` is `light` or `dark`."""
    which = ("light", "dark").index(background)
    return "".join(f"--{name}:{pair[which]};" for name, pair in COLOURS.items())
