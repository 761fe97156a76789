"""The analysis as JSON: the result tree field for field, `format_version` 1, one flow a line.

`schema.json` beside this file describes it. A name that is no valid Unicode is spelled (`\\xff`): a lone
surrogate would make the whole report unreadable to a strict reader.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple, TextIO

from synsight.analysis.result import Analysis, Flow
from synsight.reports.wording import spelled

FORMAT_VERSION = 1

OMITTED_WHEN_EMPTY = frozenset(("dissector_text", "dissection", "converted_from", "clients_at_least"))
"""Only said when tshark was asked, or of very many clients: the keys of other analyses stay as they are."""

LADDER = ("ladder", "ladder_left_out_count", "trace")
"""Keys of a Flow that was not read a second time have none of these."""

DEL = "\x7f"


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


class Fields(NamedTuple):
    """Of a result type."""

    names: tuple[str, ...]
    values: Callable[[Any], tuple[Any, ...]]  # reads them all
    omitted: frozenset[str]  # when empty


@cache
def _fields(kind: type) -> Fields:
    """Raises TypeError for what is no result type."""
    names = tuple(field.name for field in dataclasses.fields(kind))
    values = attrgetter(*names) if len(names) > 1 else lambda value: (getattr(value, names[0]),)
    return Fields(names, values, OMITTED_WHEN_EMPTY.intersection(names))


def _shallow(value: Any) -> dict[str, Any]:
    """A result as a dict of its fields, which the encoder goes on with."""
    kind = type(value)
    names, values, omitted = _fields(kind)  # type: ignore[arg-type]
    plain = dict(zip(names, values(value)))  # noqa: B905 (as many, and this is called for everything that is told)
    if kind is Flow and not value.ladder:
        for name in LADDER:
            del plain[name]
    for name in omitted:
        if not plain[name]:
            del plain[name]
    return plain


ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_shallow)


def _encoded(value: Any) -> str:
    """Compact ASCII JSON; DEL, which JSON allows raw, is escaped too."""
    text = ENCODER.encode(value)
    if text.isascii() and DEL not in text:
        return text
    return "".join(char if char < DEL else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    """A character inside a JSON string, in ASCII; what is half of one only is spelled."""
    if char == DEL:
        return "\\u007f"
    return json.dumps(spelled(char) if "\ud800" <= char <= "\udfff" else char)[1:-1]
