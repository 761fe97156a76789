"""The analysis as JSON: the result tree field for field, `format_version` 1, one flow a line.

`schema.json` beside this file describes it. A name that is no valid Unicode is spelled (`\\xff`): a lone
surrogate would make the whole report unreadable to a strict reader.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from synsight.analysis.result import Analysis, Flow
from synsight.reports.wording import spelled

FORMAT_VERSION = 1


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
    yield from _array("flows", map(_flow, analysis.flows))
    yield f'"flows_left_out_count":{analysis.flows_left_out_count}}}\n'


def _array(name: str, items: Iterable[Any]) -> Iterator[str]:
    yield f'"{name}":['
    separator = "\n"
    for item in items:
        yield separator + _encoded(item)
        separator = ",\n"
    yield "],\n"


def _flow(flow: Flow) -> dict[str, Any]:
    """A flow without its ladder when it has none."""
    plain: dict[str, Any] = _plain(flow)
    if not flow.ladder:
        del plain["ladder"], plain["ladder_left_out_count"]
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else _well_formed(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value


def _well_formed(text: str) -> str:
    return "".join(spelled(char) if "\ud800" <= char <= "\udfff" else char for char in text)


def _encoded(value: Any) -> str:
    """Compact ASCII JSON; DEL, which JSON allows raw, is escaped too."""
    return json.dumps(_plain(value), separators=(",", ":"), allow_nan=False).replace("\x7f", "\\u007f")
