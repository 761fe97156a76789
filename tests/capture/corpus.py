"""The corpus: captures made elsewhere, in a folder beside the repository or named by SYNSIGHT_CORPUS."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
FOLDER = Path(os.environ.get("SYNSIGHT_CORPUS", ROOT.parent / "shared" / "corpus"))


def corpus_rows(name: str) -> list[dict[str, Any]]:
    """The rows of one of the corpus's tables; skips the test when the folder is missing."""
    table = FOLDER / f"{name}.jsonl"
    if not table.is_file():
        pytest.skip(f"the corpus is not at {FOLDER}; set SYNSIGHT_CORPUS to its folder")
    return [json.loads(line) for line in table.read_text().splitlines()]


def corpus_captures() -> list[tuple[str, dict[str, Any]]]:
    """(path, row of captures.jsonl) of every capture."""
    return [(str(FOLDER / "captures" / row["file"]), row) for row in corpus_rows("captures")]
