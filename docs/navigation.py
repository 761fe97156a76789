"""A hook of mkdocs: the decision records, all of them, in the order of their numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SECTION = "Decisions"


def on_config(config: Any) -> Any:
    """List every record under the section of that name; mkdocs takes its title from the page."""
    folder = Path(config["docs_dir"])
    records = [path.relative_to(folder).as_posix() for path in sorted((folder / "decisions").glob("*.md"))]
    for part in config["nav"]:
        for pages in part.values():
            if isinstance(pages, list):
                pages[:] = [{SECTION: records} if page == SECTION else page for page in pages]
    return config
