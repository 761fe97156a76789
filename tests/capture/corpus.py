"""The corpus: captures made elsewhere, in a folder beside the repository or named by SYNSIGHT_CORPUS."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent


def corpus_captures() -> list[tuple[str, dict[str, Any]]]:
    """(path, row of captures.jsonl) of every capture; skips the test when the folder is missing."""
    folder = Path(os.environ.get("SYNSIGHT_CORPUS", ROOT.parent / "shared" / "corpus"))
    index = folder / "captures.jsonl"
    if not index.is_file():
        pytest.skip(f"the corpus is not at {folder}; set SYNSIGHT_CORPUS to its folder")
    rows = [json.loads(line) for line in index.read_text().splitlines()]
    return [(str(folder / "captures" / row["file"]), row) for row in rows]
