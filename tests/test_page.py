"""The page as text: complete in itself, escaped, the same every time, and there for every store."""

import base64
import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest
from page_samples import EVIL, HOSTILE, many_runs, run, sample

from toolkit.errors import UserError
from toolkit.reports.content import Section
from toolkit.reports.contents import Chapter, Contents
from toolkit.reports.export import write
from toolkit.reports.frame import Report, make_groups
from toolkit.reports.page import render_page

MOST_BYTES = 3_000_000  # of a page of a thousand runs


def page_of(records) -> str:
    groups, older = make_groups(records)
    return render_page(Report("a store", groups, older=older))


@pytest.fixture(scope="module")
def page() -> str:
    return render_page(sample())


@pytest.fixture(scope="module")
def own(page: str) -> str:
    """All but the plotting library."""
    return re.sub(r"<script>/\*\*\n\* plotly.*?</script>", "", page, flags=re.DOTALL)


def test_it_needs_nothing_from_anywhere(own: str) -> None:
    fetched = re.findall(r"(?:src|href)=[\"'](?!#|data:)[^\"']*|url\((?!#)[^)]*|@import", own)
    assert fetched == []
    assert set(re.findall(r"https?://[^\s\"'<>]*", own)) == {"http://www.w3.org/2000/svg"}


def test_only_its_own_scripts_may_run_and_nobody_may_be_asked(page: str) -> None:
    """The policy names each script by its hash: one that a name smuggled in would not be among
    them."""
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    assert len(scripts) == 3
    assert all(f"&#39;sha256-{each}&#39;" in policy for each in hashes)
    assert "default-src &#39;none&#39;" in policy
    assert "connect-src &#39;none&#39;" in policy
    assert "connect-src &#39;self&#39;" in render_page(sample(), watch="v1")


def test_hostile_names_are_text(own: str) -> None:
    assert EVIL not in own
    assert "<img" not in own
    assert own.count("<script") == own.count("</script>")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in own


def test_charts_hold_their_numbers_as_they_are(page: str) -> None:
    found = re.findall(r'<script type="application/json">(.*?)</script>', page, flags=re.DOTALL)
    charts = [json.loads(text) for text in found]
    assert [chart["name"] for chart in charts] == ["gap", "gantt", "bars", "lone", "nothing"]
    assert charts[0]["series"][0]["x"] == [1e-6, 1e-3, None, 1.0]
    assert charts[0]["series"][1]["texts"] == [HOSTILE[3], HOSTILE[2]]


def test_instances_are_packed_and_their_digests_stand_outside(page: str) -> None:
    (packed,) = re.findall(r'<script type="text/plain">(.*?)</script>', page, flags=re.DOTALL)
    details = json.loads(gzip.decompress(base64.b64decode(packed)))
    (digests,) = re.findall(r'data-digests="([^"]*)"', page)
    assert [column["name"] for column in details["columns"]] == ["run", "objective"]
    assert digests.split() == [each["digest"][:8] for each in details["instances"]]


def test_chapters_have_places_of_their_own_and_marks_have_names(page: str) -> None:
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert {"overview", "toy-paper", "toy-paper-2", "toy-paper.charts", "table.toy-methods"} < set(
        ids
    )
    assert page.count('aria-label="bad">✕') == 11
    assert page.count('aria-label="good">✓') == 1


@pytest.mark.parametrize("name", ["overview", "looks", "main", "contents", "table", "answer"])
def test_no_chapter_takes_a_place_of_the_page(name: str) -> None:
    section = Section(name="1", title="s")
    page = render_page(Contents("c", tuple(Chapter(name, name, [section]) for _ in "ab"), []))
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_tables_can_be_read_without_a_script(page: str) -> None:
    body = re.search(r"<tbody>(.*?)</tbody>", page, flags=re.DOTALL).group(1)
    assert body.count("<tr>") == 12
    assert 'data-value="">-' in body  # what is missing sorts last
    assert "<dt>took</dt><dd>of the solver; failed runs left out</dd>" in page
    assert '<span class="unit">s</span>' in page


def test_long_names_may_break_and_sentences_stay_whole() -> None:
    name = "trained[learner=sb3[algorithm=dqn,view=turns],seconds=100.0]"
    says = [f"Of 3 methods, {name} comes nearest."]
    page = render_page(
        Contents("c", (Chapter("c", "c", [Section(name="s", title="s", says=says)]),), [])
    )
    broken = (
        "Of 3 methods, trained[<wbr>learner=sb3[<wbr>algorithm=dqn,<wbr>view=turns],<wbr>seconds"
    )
    assert broken in page
    assert says[0] in page.replace("<wbr>", "")


def test_the_same_report_is_the_same_bytes(page: str) -> None:
    assert render_page(sample()) == page


def test_a_page_of_a_thousand_runs_is_small() -> None:
    page = page_of(many_runs(10, 100))
    assert len(page.encode()) <= MOST_BYTES
    assert "<caption" in page


@pytest.mark.parametrize(
    "records",
    [
        [],
        [run("a")],
        [run("a", objective=None, status="error", stop="crashed", violation=None, message=EVIL)],
        [run("a", objective=None, status="refused", stop="refused", message=EVIL)],
        [run("a", status="unknown", violation=None), run("b", objective=None, status="unknown")],
        [run("a", terms={"delay": None}, bound=float("inf"), seconds=0.0), run("a", 1, -0.0)],
    ],
    ids=["none", "one", "failed", "refused", "unjudged", "odd numbers"],
)
def test_every_store_has_a_page(records) -> None:
    page = page_of(records)
    assert EVIL not in page
    assert ("There are no runs here yet" in page) == (not records)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="name another folder"):
        write(Contents("none", (), []), tmp_path / "file" / "page", ["html"])
