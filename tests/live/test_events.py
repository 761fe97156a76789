"""The event stream: documented JSON lines, and lines for people."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from synsight.analysis.snapshot import Newest
from synsight.reports.events import as_json, in_words, write_words

from ..reports.samples import HOSTILE
from .scenes import OPENED, REFUSED


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json.loads(files("synsight.reports").joinpath("event_schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("event", ["opened", "grew", "revised", "closed"])
def test_every_kind_of_event_is_valid_against_the_schema(event: str, validator: Any) -> None:
    validator.validate(json.loads(as_json(replace(OPENED, event=event))))


def test_an_event_without_evidence_is_valid(validator: Any) -> None:
    bare = replace(OPENED, incident=replace(REFUSED, newest=None, suspects=()))
    validator.validate(json.loads(as_json(bare)))


def test_the_schema_refuses_a_key_it_does_not_know(validator: Any) -> None:
    plain = json.loads(as_json(OPENED)) | {"surprise": 1}
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(plain)


def test_an_event_says_what_where_who_and_since_when() -> None:
    plain = json.loads(as_json(replace(OPENED, incident=REFUSED)))
    assert plain["code"] == "port-closed"
    assert plain["server"] == {"ip": "10.0.0.5", "port": 3306}
    assert plain["suspects"][0] == {"side": "server-app", "weight": 0.85}
    assert (plain["flows_count"], plain["clients_count"], plain["withdrawn_count"]) == (417, 12, 2)
    assert plain["newest"]["frame"] == 1204


def test_hostile_text_stays_one_harmless_line() -> None:
    newest = Newest("a-b", 1, 1, HOSTILE)
    event = replace(OPENED, reason=HOSTILE, incident=replace(REFUSED, summary=HOSTILE, newest=newest))
    for line in (as_json(event), in_words(event)):
        assert "\n" not in line
        assert not [char for char in line if ord(char) < 0x20 or char in "\x7f\x9b\u202e"]
    assert as_json(event).isascii()
    json.dumps(json.loads(as_json(event)), ensure_ascii=False).encode("utf-8")


def test_words_for_a_stream_without_unicode_are_ascii() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    write_words(OPENED, stream)
    assert raw.getvalue().startswith(b"03:04:05 opened #1 x port-closed")
    assert b"server application 85 %" in raw.getvalue()
