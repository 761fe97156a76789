"""The page as a browser shows it: from disk, offline, narrow and wide, light and dark, under attack."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from synsight.reports import write_file

from . import samples

pytestmark = pytest.mark.browser

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def missing(what: str) -> Any:
    """Without a browser these tests are skipped at a desk and fail in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing, and in CI the page must be tested")
    return pytest.skip(f"{what} is missing")


@pytest.fixture(scope="module")
def context_factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        missing("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright")
    with sync_playwright() as playwright:

        def start(**options: Any) -> Any:
            profile = tmp_path_factory.mktemp("profile")
            return playwright.chromium.launch_persistent_context(
                str(profile), executable_path=chromium, args=ARGUMENTS, offline=True, **options
            )

        yield start


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pages")
    for name, make in samples.ALL.items():
        write_file(make(), made / f"{name}.html")
    return made


class Visit:
    """A page opened from disk, with everything it said and asked for."""

    def __init__(self, context: Any, path: Path) -> None:
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page = context.new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append(dialog.message))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())
        self.uri = path.as_uri()


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_whole_quiet_and_fits(context_factory: Any, folder: Path, width: int, scheme: str) -> None:
    context = context_factory(viewport={"width": width, "height": 800}, color_scheme=scheme)
    for name in samples.ALL:
        visit = Visit(context, folder / f"{name}.html")
        page = visit.page
        assert visit.said == []
        assert visit.asked == [visit.uri]
        assert page.evaluate("document.documentElement.scrollWidth") == width, name
        assert page.get_by_role("heading", level=1).is_visible()
        assert page.get_by_role("main").count() == 1
        assert page.evaluate("window.pwned") is None
        assert page.evaluate("document.querySelectorAll('img, main script, iframe').length") == 0
        outside = page.evaluate(
            "[...document.querySelectorAll('main :not(.scroll *):not(svg *)')]"
            ".filter(e => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1)"
            ".map(e => e.outerHTML.slice(0, 80))"
        )
        assert outside == [], name
        page.close()
    context.close()


def test_first_screen_of_a_phone_is_the_answer(context_factory: Any, folder: Path) -> None:
    context = context_factory(viewport={"width": 360, "height": 740})
    page = Visit(context, folder / "dropped-syn.html").page
    for text in ("never answered", "server network", "ruled out", "captured here"):
        box = page.get_by_text(text).first.bounding_box()
        assert box["y"] + box["height"] <= 740, text
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_drawn_text_is_legible_in_either_mode(context_factory: Any, folder: Path, scheme: str) -> None:
    context = context_factory(viewport={"width": 1440, "height": 900}, color_scheme=scheme)
    page = Visit(context, folder / "stuck-close-wait.html").page
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(21, 24, 28)")
    fills = page.evaluate(
        "[...new Set([...document.querySelectorAll('.timeline text')].map(e => getComputedStyle(e).fill))]"
    )
    for fill in fills:
        brightness = sum(int(part) for part in fill.strip("rgb()").split(","))
        assert brightness < 400 if scheme == "light" else brightness > 380, fill
    sizes = page.evaluate(
        "[...document.querySelectorAll('.timeline text')].map(e => e.getBoundingClientRect().height)"
    )
    assert min(sizes) > 8
    context.close()


def test_script_copies_a_command_and_opens_what_a_link_points_at(context_factory: Any, folder: Path) -> None:
    context = context_factory(permissions=["clipboard-read", "clipboard-write"])
    visit = Visit(context, folder / "many.html")
    page = visit.page
    page.get_by_role("button", name="Copy").first.click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").startswith("tcpdump -ni any 'tcp port 5432")
    page.goto(f"{visit.uri}#connection-9")
    page.wait_for_function("document.getElementById('connection-9').open")
    assert visit.said == []
    context.close()


def test_everything_is_there_without_javascript(context_factory: Any, folder: Path) -> None:
    context = context_factory(java_script_enabled=False, viewport={"width": 360, "height": 740})
    page = Visit(context, folder / "dropped-syn.html").page
    assert page.get_by_role("button", name="Copy").count() == 0
    for text in ("Who dropped it", "Evidence", "ETIMEDOUT", "Ruled out"):
        assert page.get_by_text(text).first.is_visible(), text
    context.close()


def test_connections_open_with_the_keyboard(context_factory: Any, folder: Path) -> None:
    context = context_factory(viewport={"width": 1440, "height": 900})
    page = Visit(context, folder / "many.html").page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the answer"
    page.locator("#connection-7 > summary").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.getElementById('connection-7').open")
    context.close()
