"""The JSON report is the result tree, valid against the schema that ships beside it."""

from __future__ import annotations

import dataclasses
import io
import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from synsight.analysis import result
from synsight.reports import write

from . import samples


def report(name: str) -> Any:
    stream = io.StringIO()
    write(samples.ALL[name](), "json", stream)
    return json.loads(stream.getvalue())


@pytest.fixture(scope="module")
def schema() -> Any:
    return json.loads(files("synsight.reports").joinpath("schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", samples.ALL)
def test_report_is_valid_against_the_schema(name: str, schema: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(report(name))


def test_schema_names_exactly_the_fields_of_the_result_types(schema: Any) -> None:
    for name, definition in schema["$defs"].items():
        fields = [field.name for field in dataclasses.fields(getattr(result, name))]
        assert list(definition["properties"]) == fields, name
        assert definition["additionalProperties"] is False, name
    top = {field.name for field in dataclasses.fields(result.Analysis)} - {"tool_version"}
    assert set(schema["properties"]) == top | {"format_version", "tool"}


def test_schema_refuses_a_key_it_does_not_know(schema: Any) -> None:
    changed = report("dropped-syn")
    changed["flows"][0]["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(changed)


def test_values_are_those_of_the_tree() -> None:
    plain = report("stuck-close-wait")
    tree = samples.stuck_close_wait()
    assert plain["format_version"] == 1
    assert plain["tool"] == {"name": "synsight", "version": tree.tool_version}
    flow = plain["flows"][0]
    assert flow["server"] == {"ip": "2001:db8:20::80", "port": 8443}
    assert flow["start_ns"] == samples.START_NS
    assert flow["findings"][0]["suspects"] == [{"side": "client-app", "weight": 1.0}]
    assert len(flow["ladder"]) == len(tree.flows[0].ladder)


def test_flow_without_a_ladder_has_no_ladder_key() -> None:
    flows = report("many")["flows"]
    assert "ladder" in flows[0]
    assert "ladder" not in flows[-1]
    assert "ladder_left_out_count" not in flows[-1]


def test_text_is_ascii_with_one_flow_a_line_and_no_lone_surrogate() -> None:
    stream = io.StringIO()
    write(samples.hostile(), "json", stream)
    assert stream.getvalue().isascii()
    assert not [char for char in stream.getvalue() if ord(char) < 0x20 and char != "\n"]
    json.dumps(json.loads(stream.getvalue()), ensure_ascii=False).encode("utf-8")
    stream = io.StringIO()
    write(samples.many(), "json", stream)
    assert sum(line.startswith('{"id":') for line in stream.getvalue().splitlines()) == 2_000
