"""Every finding's first sentence, for formats that say what a code means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def titles() -> Mapping[str, str]:
    """Code to sentence, from `titles.json`, which `python -m docs.generate` makes from the rules."""
    text = files("synsight.reports").joinpath("titles.json").read_text(encoding="utf-8")
    return dict(json.loads(text))
