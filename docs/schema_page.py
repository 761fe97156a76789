"""The JSON reference, from the schema that ships with the reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docs.markup import escaped

SCHEMA = Path(__file__).parent.parent / "reports" / "schema.json"

HEAD = """# JSON

<!-- Made from reports/schema.json by python -m docs.generate: do not edit. -->

`synsight analyze CAPTURE --format json` writes one object, in ASCII, one flow a line. The names are stable:
`format_version` changes when one of them is taken away or means something else; new ones may come. The same
names are the attributes of what `synsight.analyze` returns in [Python](library.md). The schema itself is in
the package:

```sh
python -c 'from importlib.resources import files; print(files("synsight.reports") / "schema.json")'
```

Times are integer nanoseconds since the epoch. Frame numbers count from 1, as Wireshark's do. A quantity has
its unit in its name.
"""


def schema_page() -> str:
    """Every object of the report, with every key."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    lines = [HEAD, "## The report", "", *_table(schema), ""]
    for name, definition in sorted(schema["$defs"].items()):
        lines += [f"## {name}", "", escaped(definition.get("description", "")), "", *_table(definition), ""]
    return "\n".join(lines).rstrip() + "\n"


def _table(definition: dict[str, Any]) -> list[str]:
    required = set(definition.get("required", ()))
    lines = ["| key | type | meaning |", "|---|---|---|"]
    for name, part in definition.get("properties", {}).items():
        told = escaped(part.get("description", ""))
        optional = "" if name in required or "absent" in told else " *(may be absent)*"
        lines.append(f"| `{name}` | {_kind(part)} | {told}{optional} |")
    return lines


def _kind(part: dict[str, Any]) -> str:
    """A type in words: `string or null`, `list of [Flow](#flow)`, the words an enumeration allows."""
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in part:
        return f"`{json.dumps(part['const'])}`"
    if "enum" in part:
        return ", ".join(f"`{json.dumps(each)}`" for each in part["enum"])
    if "anyOf" in part or "oneOf" in part:
        return " or ".join(_kind(each) for each in part.get("anyOf") or part["oneOf"])
    kinds = part.get("type", "any")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    return " or ".join(_simple(kind, part) for kind in kinds)


def _simple(kind: str, part: dict[str, Any]) -> str:
    if kind == "array":
        return f"list of {_kind(part.get('items', {}))}"
    if kind == "object" and isinstance(part.get("additionalProperties"), dict):
        return f"object of {_kind(part['additionalProperties'])}"
    return kind
