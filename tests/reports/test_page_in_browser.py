"""The page as a browser shows it: from disk, offline, narrow and wide, light and dark, under attack."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import synsight
from synsight.analysis.result import Analysis
from synsight.reports import write_file

from tests.hostile_capture import hostile_capture

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
    assert page.evaluate("navigator.clipboard.readText()").endswith("' -w server.pcap")
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


def test_long_list_says_without_javascript_what_it_leaves_out(context_factory: Any, folder: Path) -> None:
    context = context_factory(java_script_enabled=False, viewport={"width": 360, "height": 740})
    page = Visit(context, folder / "many.html").page
    assert page.locator("#connection-list tbody tr").count() == 100
    assert page.get_by_text("1,900 connections of this list left out here").is_visible()
    assert not page.locator(".tools").first.is_visible()
    assert not page.locator(".pages").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    context.close()


def test_segment_shows_its_fields_and_gives_a_filter(context_factory: Any, folder: Path) -> None:
    context = context_factory(
        viewport={"width": 1440, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
    )
    visit = Visit(context, folder / "stuck-close-wait.html")
    page = visit.page
    page.locator("[data-row='4']").hover()
    tip = page.locator(".tip")
    for words in ("Seconds", "0.225100", "PSH-ACK 312 B", "64,240", "tail loss probe"):
        assert words in tip.inner_text()
    page.locator("[data-row='4']").click()
    page.get_by_text("Copied: frame.number == 5").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "frame.number == 5"
    page.mouse.move(0, 0)
    assert not tip.is_visible()
    assert visit.said == []
    context.close()


def test_segments_are_reached_with_the_arrow_keys(context_factory: Any, folder: Path) -> None:
    context = context_factory(viewport={"width": 1440, "height": 900})
    page = Visit(context, folder / "stuck-close-wait.html").page
    page.locator("[data-row='0']").focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.row") == "1"
    assert "Segment SYN-ACK" in page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert page.locator(".tip").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator(".tip").is_visible()
    assert page.locator("svg.timeline [tabindex='0']").count() == 1
    context.close()


def test_incidents_are_searched_filtered_and_sorted(context_factory: Any, folder: Path) -> None:
    context = context_factory(viewport={"width": 1440, "height": 900})
    page = Visit(context, folder / "many.html").page
    rows = page.locator("#incident-list tbody tr")
    tools = page.get_by_role("search", name="Incidents")
    page.get_by_role("button", name="Connections").first.click()
    assert "close-wait-stuck" in rows.first.inner_text()
    assert page.locator("#incident-list th[aria-sort=ascending]").inner_text().startswith("Connections")
    page.get_by_role("button", name="Connections").first.click()
    assert "syn-unanswered" in rows.first.inner_text()
    tools.get_by_label("Severity").select_option("warning")
    assert tools.get_by_role("status").inner_text() == "1 of 3 shown"
    tools.get_by_label("Severity").select_option("")
    tools.get_by_label("Search").fill("firewall")
    assert tools.get_by_role("status").inner_text() == "0 of 3 shown"
    tools.get_by_label("Search").fill("5432 answered")
    assert tools.get_by_role("status").inner_text() == "1 of 3 shown"
    context.close()


@pytest.fixture(scope="module")
def ten_thousand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("big") / "big.html"
    write_file(samples.many(10_000), path)
    return path


def test_ten_thousand_connections_are_all_found_and_few_are_laid_out(
    context_factory: Any, ten_thousand: Path
) -> None:
    context = context_factory(viewport={"width": 1440, "height": 900})
    visit = Visit(context, ten_thousand)
    page = visit.page
    assert page.evaluate("document.querySelectorAll('*').length") < 8_000
    tools = page.get_by_role("search", name="Connections")
    rows = page.locator("#connection-list tbody tr")
    assert tools.get_by_role("status").inner_text() == "1 to 50 of 10,000"
    assert rows.count() == 50
    page.get_by_role("button", name="Next").click()
    assert tools.get_by_role("status").inner_text() == "51 to 100 of 10,000"
    tools.get_by_label("Search").fill("10.39.249.9")
    assert tools.get_by_role("status").inner_text() == "1 to 1 of 1 found, 10,000 in all"
    rows.get_by_role("button").click()
    assert "The client sent its SYN 6 times" in rows.nth(1).inner_text()
    tools.get_by_label("Search").fill("")
    tools.get_by_label("Outcome").select_option("refused")
    assert tools.get_by_role("status").inner_text() == "1 to 50 of 3,333 found, 10,000 in all"
    page.locator("#connection-list").get_by_role("button", name="First frame").click()
    assert rows.first.inner_text()
    assert visit.said == []
    context.close()


def test_hostile_capture_runs_nothing_and_asks_for_nothing(context_factory: Any, tmp_path: Path) -> None:
    capture = tmp_path / "<img src=x onerror=alert(4)>.pcap"
    capture.write_bytes(hostile_capture())
    path = tmp_path / "hostile.html"
    write_file(synsight.analyze(capture, all_flows=True), path)
    context = context_factory(viewport={"width": 1440, "height": 900})
    for page_path in (path, _written(samples.hostile(), tmp_path / "every-string.html")):
        visit = Visit(context, page_path)
        page = visit.page
        page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        for row in page.locator("[data-row]").all():
            row.hover(force=True)
        for button in page.locator(".sort, .row-name").all():
            button.click()
        assert "script" in page.locator("main").inner_text()
        assert visit.said == []
        assert visit.asked == [visit.uri]
        assert page.evaluate("document.querySelectorAll('img, main script, main svg svg').length") == 0
        assert page.evaluate("document.querySelectorAll('[onerror], [onload]').length") == 0
        page.close()
    context.close()


def _written(analysis: Analysis, path: Path) -> Path:
    write_file(analysis, path)
    return path


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 360)])
def test_axe_finds_nothing_serious(context_factory: Any, folder: Path, scheme: str, width: int) -> None:
    context = context_factory(viewport={"width": width, "height": 900}, color_scheme=scheme)
    for name in ("stuck-close-wait", "many", "healthy"):
        page = Visit(context, folder / f"{name}.html").page
        page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        page.evaluate("document.querySelectorAll('.connection ~ .connection').forEach(e => e.remove())")
        found = axe().run(page).response["violations"]
        told = [
            (each["id"], each["help"], [node["html"][:120] for node in each["nodes"][:3]])
            for each in found
            if each["impact"] in ("serious", "critical")
        ]
        assert told == [], name
        page.close()
    context.close()


def axe() -> Any:
    """axe-core, as its Python package carries it."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        missing("axe-playwright-python")
    return Axe()


def test_connections_open_with_the_keyboard(context_factory: Any, folder: Path) -> None:
    context = context_factory(viewport={"width": 1440, "height": 900})
    page = Visit(context, folder / "many.html").page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the answer"
    page.locator("#connection-7 > summary").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.getElementById('connection-7').open")
    context.close()
