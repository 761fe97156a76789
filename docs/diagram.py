"""The state table as a picture, made from the table; only the places of the states are chosen by hand."""

from __future__ import annotations

import html
import math
from collections import defaultdict

from synsight.analysis.states import TABLE, Anomaly, Event, State

from docs.markup import event_words

WIDTH, HEIGHT = 1060, 790
BOX_WIDTH, BOX_HEIGHT = 150, 38

PLACES = {
    State.CLOSED: (500, 50),
    State.LISTEN: (160, 130),
    State.SYN_SENT: (840, 130),
    State.SYN_RECEIVED: (270, 290),
    State.ESTABLISHED: (640, 370),
    State.FIN_WAIT_1: (330, 500),
    State.CLOSE_WAIT: (840, 500),
    State.FIN_WAIT_2: (190, 620),
    State.CLOSING: (530, 620),
    State.LAST_ACK: (840, 640),
    State.TIME_WAIT: (330, 740),
}
BENDS = {
    (State.LAST_ACK, State.CLOSED): (1050, 400, 1060, -60),
    (State.SYN_SENT, State.FIN_WAIT_1): (560, 380, 440, 400),
    (State.LISTEN, State.FIN_WAIT_1): (90, 330, 170, 440),
    (State.LISTEN, State.ESTABLISHED): (330, 200, 500, 280),
    (State.SYN_RECEIVED, State.CLOSE_WAIT): (480, 470, 640, 480),
    (State.TIME_WAIT, State.SYN_SENT): (1000, 840, 1190, 480),
    (State.TIME_WAIT, State.SYN_RECEIVED): (0, 740, 10, 330),
}
"""Control points of the arrows that would run through others."""

ENDS_IT = frozenset({Event.SENDS_RST, Event.SENDS_STRAY_RST, Event.GETS_RST, Event.GETS_HARD_ICMP})
"""From every state, a reset leads to CLOSED: said in words, not drawn eleven times."""

STYLE = (
    "rect.card{fill:#fff}rect.state{fill:#e8eaf6;stroke:#3949ab}path{fill:none;stroke:#5c6370;stroke-width:1.4}"
    "text{font:13px sans-serif;fill:#1b1e28;text-anchor:middle}.label{font-size:11.5px;fill:#37474f;"
    "paint-order:stroke;stroke:#fff;stroke-width:4px}.state-name{font-weight:600}"
)


def states_svg() -> str:
    """The transitions between the states of RFC 9293."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-label="The states of one end and what moves it between them">',
        f"<style>{STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
        'orient="auto"><path d="M0 0L10 5L0 10z" style="fill:#5c6370;stroke:none"/></marker></defs>',
        f'<rect class="card" width="{WIDTH}" height="{HEIGHT}" rx="8"/>',
    ]
    arrows = [_arrow(source, target, events) for (source, target), events in _edges().items()]
    lines += [path for path, _ in arrows]
    for state, (x, y) in PLACES.items():
        left, top = x - BOX_WIDTH / 2, y - BOX_HEIGHT / 2
        lines.append(
            f'<rect class="state" x="{left:g}" y="{top:g}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="8"/>'
            f'<text class="state-name" x="{x}" y="{y + 4.5}">{state.text}</text>'
        )
    lines += [label for _, label in arrows]
    return "\n".join([*lines, "</svg>"]) + "\n"


def _edges() -> dict[tuple[State, State], list[Event]]:
    """What is drawn: events by the states that they lead from and to."""
    edges: dict[tuple[State, State], list[Event]] = defaultdict(list)
    for state, row in TABLE.items():
        for event, cell in row.items():
            if state in PLACES and isinstance(cell, State) and cell != state and event not in ENDS_IT:
                edges[state, cell].append(event)
    assert not any(isinstance(cell, Anomaly) for _, cell in edges)
    return edges


def _arrow(source: State, target: State, events: list[Event]) -> tuple[str, str]:
    """A path from box to box, and what stands in its middle."""
    start, end = PLACES[source], PLACES[target]
    x1, y1, x2, y2 = BENDS.get((source, target), (*start, *end))
    first, last = _edge(start, (x1, y1), end), _edge(end, (x2, y2), start)
    path = f"M{first[0]:.0f} {first[1]:.0f}C{x1} {y1} {x2} {y2} {last[0]:.0f} {last[1]:.0f}"
    if (source, target) not in BENDS:
        path = f"M{first[0]:.0f} {first[1]:.0f}L{last[0]:.0f} {last[1]:.0f}"
        x1, y1, x2, y2 = *first, *last
    x = (first[0] + 3 * x1 + 3 * x2 + last[0]) / 8
    y = (first[1] + 3 * y1 + 3 * y2 + last[1]) / 8
    words = [html.escape(event_words(event)) for event in events]
    spans = "".join(
        f'<tspan x="{x:.0f}" dy="{0 if not place else 14}">{word}</tspan>' for place, word in enumerate(words)
    )
    top = y + 4 - 7 * (len(words) - 1)
    return f'<path d="{path}" marker-end="url(#head)"/>', f'<text class="label" y="{top:.0f}">{spans}</text>'


def _edge(
    center: tuple[int, int], towards: tuple[int, int], otherwise: tuple[int, int]
) -> tuple[float, float]:
    """Where a line from a box's centre leaves the box."""
    goal = towards if towards != center else otherwise
    dx, dy = goal[0] - center[0], goal[1] - center[1]
    reach = min(
        (BOX_WIDTH / 2 + 2) / abs(dx) if dx else math.inf, (BOX_HEIGHT / 2 + 2) / abs(dy) if dy else math.inf
    )
    return center[0] + dx * reach, center[1] + dy * reach
