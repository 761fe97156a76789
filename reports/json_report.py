"""The analysis as JSON: the result tree field for field, `format_version` 1, one flow a line.

`schema.json` beside this file describes it. A name that is no valid Unicode is spelled (`\\xff`): a lone
surrogate would make the whole report unreadable to a strict reader.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Hashable, Iterable, Iterator
from functools import cache
from typing import Any, TextIO

from synsight.analysis.result import Analysis, Flow
from synsight.reports.wording import spelled

FORMAT_VERSION = 1

OMITTED_WHEN_EMPTY = frozenset(("dissector_text", "dissection", "converted_from", "clients_at_least"))
"""Only said when tshark was asked, or of very many clients: the keys of other analyses stay as they are."""

FLOW_WITHOUT_LADDER = tuple(
    field.name
    for field in dataclasses.fields(Flow)
    if field.name not in ("ladder", "ladder_left_out_count", "trace")
)


def write(analysis: Analysis, stream: TextIO) -> None:
    """Write the analysis as one JSON object, in ASCII, flows one at a time."""
    stream.writelines(_pieces(analysis))


def _pieces(analysis: Analysis) -> Iterator[str]:
    yield f'{{"format_version":{FORMAT_VERSION},\n'
    yield f'"tool":{_encoded({"name": "synsight", "version": analysis.tool_version})},\n'
    yield f'"headline":{_encoded(analysis.headline)},\n'
    yield from _array("captures", analysis.captures)
    yield from _array("incidents", analysis.incidents)
    yield f'"totals":{_encoded(analysis.totals)},\n'
    yield f'"series":{_encoded(analysis.series)},\n'
    yield from _array("flows", analysis.flows)
    if analysis.dissection is not None:
        yield f'"dissection":{_encoded(analysis.dissection)},\n'
    yield f'"flows_left_out_count":{analysis.flows_left_out_count},\n'
    yield f'"known_findings_count":{analysis.known_findings_count},\n'
    yield f'"redacted":{_encoded(analysis.redacted)}}}\n'


def _array(name: str, items: Iterable[Any]) -> Iterator[str]:
    yield f'"{name}":['
    separator = "\n"
    for item in items:
        yield separator + _encoded(item)
        separator = ",\n"
    yield "],\n"


@cache
def _names(kind: Hashable) -> tuple[str, ...]:
    """Field names of a result type; () for anything else."""
    if not dataclasses.is_dataclass(kind):
        return ()
    return tuple(field.name for field in dataclasses.fields(kind))


PLAIN = frozenset({type(None), int, float, bool})


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in PLAIN:
        return value
    if isinstance(value, str):
        return value if value.isascii() else _well_formed(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    names = _names(kind)  # type: ignore[arg-type]
    if not names:
        return value
    if isinstance(value, Flow) and not value.ladder:
        names = FLOW_WITHOUT_LADDER
    plain = {}
    for name in names:
        item = getattr(value, name)
        if item or name not in OMITTED_WHEN_EMPTY:
            plain[name] = item if type(item) in PLAIN else _plain(item)
    return plain


def _well_formed(text: str) -> str:
    return "".join(spelled(char) if "\ud800" <= char <= "\udfff" else char for char in text)


def _encoded(value: Any) -> str:
    """Compact ASCII JSON; DEL, which JSON allows raw, is escaped too."""
    return json.dumps(_plain(value), separators=(",", ":"), allow_nan=False).replace("\x7f", "\\u007f")
