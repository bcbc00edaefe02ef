"""The page in a real browser: the system's Chromium, offline. Skipped where there is none, unless
TOOLKIT_BROWSER=required says that there has to be one."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_samples import EVIL, many_runs, sample

from toolkit.reports.contents import Contents
from toolkit.reports.frame import Report, make_groups
from toolkit.reports.page import render_page

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
PLACE = "toy-paper"
DRAWN = "[data-drawn]"


def missing(what: str) -> None:
    text = f"the page's tests need {what}"
    if os.environ.get("TOOLKIT_BROWSER") == "required":
        pytest.fail(text)
    pytest.skip(text)


@pytest.fixture(scope="module")
def browser() -> Iterator:
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        missing("the package playwright")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        missing("Chromium")
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(sample(), tmp_path_factory.mktemp("page"))


def written(report: Report | Contents, folder: Path) -> str:
    path = folder / "index.html"
    path.write_text(render_page(report), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def visit(browser, address: str) -> Iterator:
    """Opens the page; at the end nothing may have gone wrong, and nothing been asked for."""
    wrong: list[str] = []
    contexts = []

    def _visit(fragment: str = "", width: int = 1400, url: str = address, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        context.route("**/*", lambda route: _refuse(route, wrong))
        page = context.new_page()
        page.on("console", lambda m: wrong.append(m.text) if m.type != "log" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        page.goto(f"{url}#{fragment}" if fragment else url)
        return page

    yield _visit
    for context in contexts:
        context.close()
    assert wrong == []


def _refuse(route, wrong: list[str]) -> None:
    if route.request.url.startswith("file:"):
        route.continue_()
    else:
        wrong.append(route.request.url)
        route.abort()


def chart(page, name: str):
    """A chart that has been drawn, because it came into view."""
    figure = page.locator(f'[id="chart.{name}"]')
    figure.scroll_into_view_if_needed()
    figure.locator(DRAWN).wait_for()
    return figure


def drawn(figure) -> list[dict]:
    """What the plotting library shows: names and styles of the traces."""
    return figure.locator(".chart").evaluate(
        "(area) => area._fullData.map(({name, mode, type, x, y}) => ({name, mode, type, x, y}))"
    )


def axis(figure, way: str) -> dict:
    return figure.locator(".chart").evaluate(
        f"(area) => (({{type, range, ticktext}}) => ({{type, range, ticktext}}))"
        f"(area._fullLayout.{way}axis)"
    )


def fragment_of(page) -> str:
    page.wait_for_timeout(200)  # the address follows typing with a delay
    return page.url.partition("#")[2]


def rows(page, name: str) -> list[str]:
    return page.locator(f'[id="table.{name}"] tbody tr').all_inner_texts()


def test_the_overview_comes_first_and_leads_to_one_chapter_at_a_time(visit) -> None:
    page = visit()
    assert page.locator("#overview").is_visible()
    assert not page.locator(f"#{PLACE}").is_visible()
    page.get_by_role("link", name="toy paper").first.click()
    assert page.locator(f"#{PLACE}").is_visible()
    assert not page.locator("#overview").is_visible()
    page.go_back()
    assert page.locator("#overview").is_visible()


def test_charts_are_drawn_when_they_come_into_view(visit) -> None:
    page = visit(PLACE)
    assert page.locator('[id="chart.nothing"]').locator(DRAWN).count() == 0
    for name in ("gap", "gantt", "bars", "lone", "nothing"):
        assert chart(page, name).locator("svg.main-svg").first.is_visible()
    figure = chart(page, "gap")
    assert sum(trace["mode"] == "lines" for trace in drawn(figure)) == 4  # two, a band, intervals
    assert axis(figure, "y")["ticktext"][0] == "≤ 1e-9"
    assert all(text.endswith("%") for text in axis(figure, "y")["ticktext"][-2:])


def test_hostile_names_are_shown_as_they_are(visit) -> None:
    """No dialog, no request (the fixture sees both), and the name itself on the page."""
    page = visit(PLACE)
    figure = chart(page, "gap")
    assert page.locator("h1").inner_text() == f"store of {EVIL}"
    assert figure.get_by_role("button", name=EVIL, exact=True).count() == 1
    names = chart(page, "gantt").locator(".ytick text").all_text_contents()
    assert names[0] == EVIL
    assert page.evaluate("document.querySelectorAll('main img, main b').length") == 0


def test_a_hidden_series_is_hidden_on_all_charts_of_its_chapter(visit) -> None:
    page = visit(PLACE)
    figure, other = chart(page, "gap"), chart(page, "bars")
    before = len(drawn(figure))
    key = figure.get_by_role("button", name=EVIL, exact=True)
    key.click()
    assert key.get_attribute("aria-pressed") == "false"
    assert len(drawn(figure)) == before - 2  # its line and its band
    assert drawn(other) == []
    assert "hide.toy-paper=" in fragment_of(page)
    key.click()
    assert len(drawn(figure)) == before


def test_axes_switch_and_zoom_and_come_back(visit) -> None:
    page = visit(PLACE)
    figure = chart(page, "gap")
    assert axis(figure, "y")["type"] == "log"
    figure.get_by_role("button", name=re.compile("^log y")).click()
    assert axis(figure, "y")["type"] == "linear"
    before = axis(figure, "x")["range"]
    box = figure.locator(".nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 200, steps=4)
    page.mouse.up()
    reset = figure.get_by_role("button", name=re.compile("Reset"))
    reset.wait_for()
    inner = axis(figure, "x")["range"]
    assert before[0] < inner[0] < inner[1] < before[1]
    assert "scale.gap=y" in fragment_of(page)
    assert "zoom.gap=" in fragment_of(page)
    reset.click()
    assert axis(figure, "x")["range"] == before


def test_tables_sort_with_what_is_missing_last_and_filter(visit) -> None:
    page = visit(PLACE)
    name = "toy-methods"
    original = rows(page, name)
    head = page.locator(f'[id="table.{name}"] thead').get_by_role(
        "button", name=re.compile("^took")
    )
    for way, first in (("ascending", "0.0"), ("descending", "1.1")):
        head.click()
        assert page.locator(f'th[aria-sort="{way}"]').count() == 1
        found = rows(page, name)
        assert found[0].endswith(first)
        assert found[-1].endswith("-")
    head.click()
    assert rows(page, name) == original
    page.get_by_role("searchbox", name=re.compile("All methods")).fill("METHOD 10/")
    assert len(rows(page, name)) == 1
    assert "1 of 12 rows" in page.locator('[id="table.toy-methods"] [role=status]').inner_text()


def test_a_link_shows_the_same_view_again(visit) -> None:
    page = visit(PLACE)
    page.get_by_role("searchbox", name=re.compile("All methods")).fill("method")
    page.locator('[id="table.toy-methods"] thead button').nth(1).click()
    figure = chart(page, "gap")
    figure.get_by_role("button", name=re.compile("^log x")).click()
    figure.get_by_role("button", name=EVIL, exact=True).click()
    link = fragment_of(page)
    shown, traces = rows(page, "toy-methods"), len(drawn(figure))
    again = visit(link)
    assert rows(again, "toy-methods") == shown
    assert len(shown) == 11
    assert len(drawn(chart(again, "gap"))) == traces
    assert axis(chart(again, "gap"), "x")["type"] == "linear"


def test_an_instance_opens_with_its_run_its_facts_and_its_chart(visit) -> None:
    page = visit("instance=0000000000000012")
    opened = page.locator(".opened")
    opened.wait_for()
    assert page.locator(f"#{PLACE}").is_visible()
    assert opened.locator("h4").inner_text() == f"toy-18 {EVIL}"
    assert "2 J" in opened.locator("dl").inner_text()
    opened.locator(".chart").scroll_into_view_if_needed()
    opened.locator(DRAWN).wait_for()
    opened.get_by_role("button", name="Next instance").click()
    assert opened.locator("h4").inner_text() == f"toy-19 {EVIL}"
    opened.get_by_role("button", name=re.compile("^Close")).click()
    assert not opened.is_visible()
    assert "instance" not in fragment_of(page)
    page.get_by_role("searchbox", name=re.compile("24 instances")).fill("toy-20")
    page.get_by_role("link", name=re.compile("toy-20")).click()
    assert opened.locator("h4").inner_text() == f"toy-20 {EVIL}"


def test_escape_closes_an_instance_and_returns_to_its_link(visit) -> None:
    page = visit(f"{PLACE}.instances")
    link = page.get_by_role("link", name=re.compile("toy-20"))
    link.click()
    opened = page.locator(".opened")
    opened.get_by_role("searchbox").or_(opened.get_by_role("button")).first.focus()
    page.keyboard.press("Escape")
    assert not opened.is_visible()
    assert link.evaluate("(link) => link === document.activeElement")


def test_charts_are_drawn_anew_only_where_something_has_changed(visit) -> None:
    page = visit(PLACE)
    chart(page, "gap")
    chart(page, "bars")
    page.evaluate("""() => { const own = Plotly.react; window.drawings = 0;
        Plotly.react = (...given) => { window.drawings += 1; return own(...given); }; }""")
    page.locator("#contents").get_by_role("link", name="Charts").click()
    page.wait_for_timeout(100)
    assert page.evaluate("drawings") == 0
    figure = chart(page, "gap")
    figure.get_by_role("button", name=re.compile("^log y")).click()
    assert page.evaluate("drawings") == 1


def test_the_numbers_of_a_chart_stand_in_a_table(visit) -> None:
    page = visit(PLACE)
    figure = chart(page, "gap")
    assert figure.get_by_role("img", name=re.compile("^Chart: gap")).count() == 1
    figure.get_by_text("Numbers of this chart").click()
    figure.locator("tbody tr").first.wait_for()
    texts = figure.locator("tbody tr").all_inner_texts()
    assert len(texts) == 8
    assert texts[0].split("\t")[1:5] == ["1e-6", "100%", "50%", "200%"]


@pytest.mark.parametrize("width", [390, 1400])
def test_the_page_is_as_wide_as_the_window(visit, width: int) -> None:
    page = visit(PLACE, width)
    chart(page, "gap")
    chart(page, "gantt")
    wide = "document.documentElement.scrollWidth"
    assert page.evaluate(wide) == width
    follow = page.evaluate("location.hash = 'instance=0000000000000012'")
    assert follow
    page.locator(".opened .chart").wait_for()
    assert page.evaluate(wide) == width
    menu = page.get_by_role("button", name="Contents")
    assert menu.is_visible() == (width == 390)
    if width == 390:
        assert not page.locator("#contents").is_visible()
        menu.click()
        page.locator("#contents").get_by_role("link", name="Overview").click()
        assert page.locator("#overview").is_visible()
        assert not page.locator("#contents").is_visible()


def test_dark_where_it_is_asked_for_and_as_it_is_chosen(visit) -> None:
    page = visit(PLACE, color_scheme="dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    ink = "document.querySelector('[id=\"chart.gap\"] .chart')._fullLayout.xaxis.title.font.color"
    chart(page, "gap")
    dark = page.evaluate(paper), page.evaluate(ink)
    for theme in ("light", "dark"):
        page.get_by_role("button", name=re.compile("^Theme")).click()
        shown = page.evaluate(paper), page.evaluate(ink)
        assert (shown == dark) == (theme == "dark")
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_everything_is_reached_by_keyboard_and_has_a_name(visit) -> None:
    page = visit()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator(f"#{PLACE}").is_visible()
    chart(page, "gap")
    page.get_by_role("searchbox", name=re.compile("All methods")).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator('th[aria-sort="ascending"]').inner_text().startswith("method")
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    nameless = """[...document.querySelectorAll("button, a, input, summary, [role=region], th")]
        .filter((e) => e.checkVisibility() && !(e.textContent.trim() || e.ariaLabel)).length"""
    assert page.evaluate(nameless) == 0
    ids = "[...document.querySelectorAll('[id]:not(svg *)')].map((e) => e.id)"
    found = page.evaluate(ids)
    assert len(found) == len(set(found))


def test_paper_shows_everything_and_no_controls(visit, tmp_path: Path) -> None:
    page = visit("overview", color_scheme="dark")
    page.evaluate(
        "addEventListener('beforeprint', () => { window.shown = [...document"
        ".querySelectorAll('[id^=\"chart.\"]')].map((e) => e.querySelector("
        "'.main-svg')?.clientWidth) })"
    )
    made = page.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True)
    assert made.startswith(b"%PDF")
    assert page.evaluate("window.shown") == [690] * 5  # those of the hidden chapter as well
    assert page.locator("#overview").is_visible()
    assert not page.locator(f"#{PLACE}").is_visible()
    page.emulate_media(media="print")
    assert not page.get_by_role("button", name=re.compile("^Theme")).is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_it_can_be_read_without_a_script(visit) -> None:
    page = visit(java_script_enabled=False)
    assert page.locator(f"#{PLACE}").is_visible()
    assert page.get_by_text("every table stands here without it").is_visible()
    instead = "getComputedStyle(document.querySelector('.chart'), '::before').content"
    assert "JavaScript" in page.evaluate(instead)


def test_a_thousand_runs_are_drawn_and_their_instances_paged(visit, tmp_path: Path) -> None:
    """How long that takes, benchmarks/report_page.py tells."""
    groups, _ = make_groups(many_runs(10, 100))
    page = visit("toy-paper.gap-time", url=written(Report("a store", groups), tmp_path))
    page.locator(DRAWN).first.wait_for()
    table = page.locator('[id="table.toy-paper-instances"]')
    assert table.locator("tbody tr").count() == 30
    table.get_by_role("button", name="Show all 100 rows").click()
    assert table.locator("tbody tr").count() == 100


def test_a_watched_page_is_loaded_anew_when_its_store_has_changed(browser) -> None:
    """The place and the filter stay; the server is played by the test, and so is the time."""
    served = {"version": "v1"}

    def answer(route) -> None:
        asked = route.request.url.endswith("/version")
        text = served["version"] if asked else render_page(sample(), watch=served["version"])
        route.fulfill(body=text, content_type="text/plain" if asked else "text/html")

    with browser.new_context() as context:
        context.route("**/*", answer)
        page = context.new_page()
        page.clock.install()
        page.goto(f"http://watched.test/#{PLACE}.charts&find.toy-methods=7")
        scrolled = page.evaluate("scrollY")
        page.clock.run_for(2100)
        served["version"] = "v2"
        with page.expect_navigation():
            page.clock.run_for(2100)
        page.locator('body[data-watch="v2"]').wait_for()
        assert page.evaluate("scrollY") == scrolled > 0
        assert page.get_by_role("searchbox").first.input_value() == "7"


def test_an_empty_store_says_how_to_fill_it(visit, tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    path.write_text(render_page(Report("empty.sqlite", ())))
    page = visit(url=path.as_uri())
    assert page.get_by_text("There are no runs here yet").is_visible()
