"""What the documentation shows is what happens: its examples run, its links lead somewhere, and the
site is built from it without asking anything from outside."""

import csv
import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from toolkit.bench.__main__ import main

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), *(ROOT / f"{n}.md" for n in ("README", "CONTRIBUTING"))]
PAGES += [ROOT / "CHANGELOG.md", ROOT / "examples" / "README.md"]
FENCE = re.compile(
    r'(?P<skip><!-- not run[^\n]*\n)?^```(?P<language>\w*)(?: title="(?P<title>[^"]+)")?\n'
    r"(?P<text>.*?)^```$",
    re.M | re.S,
)
VARIES = ("seconds", "violation")  # columns that differ from machine to machine


@dataclass(frozen=True)
class Block:
    language: str
    title: str | None
    text: str


def blocks(page: Path, *languages: str) -> Iterator[Block]:
    """The fenced blocks of a page in order, but for those that a comment says not to run."""
    for found in FENCE.finditer(page.read_text()):
        if not found["skip"] and (not languages or found["language"] in languages):
            yield Block(found["language"], found["title"], found["text"])


# Examples


def run_block(block: Block, names: dict[str, object]) -> str:
    """What a block prints; a TOML block becomes the file of its title."""
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        if block.language == "python":
            exec(compile(block.text, "<documentation>", "exec"), names)
        elif block.language == "bash":
            for line in block.text.replace("\\\n", "").splitlines():
                python, minus_m, module, *argv = shlex.split(line, comments=True)
                assert (python, minus_m, module) == ("python", "-m", "toolkit.bench")
                assert main(argv) == 0, line
        elif block.language == "toml":
            assert block.title
            Path(block.title).write_text(block.text)
    return printed.getvalue()


def lines_of(text: str) -> set[str]:
    """Lines without what varies: seconds, the width of columns, the order of rows.

    Of a policy the name alone: networks sum in another order on another processor.
    """
    made: set[str] = set()
    spans: list[tuple[int, int]] = []
    above = ""
    for line in text.splitlines():
        if re.fullmatch(r"-+(  +-+)+", line):
            spans = [found.span() for found in re.finditer("-+", line)]
            spans = [(a, b) for a, b in spans if not above[a:b].strip().startswith(VARIES)]
        elif not line.strip():
            spans = []
        else:
            kept = " ".join(line[a:b] for a, b in spans) if spans else line
            kept = re.sub(r"[\d.]+ m?s\b", "# s", " ".join(kept.split()))
            made.add(kept.split()[0] if kept.startswith("policy[") else kept)
        above = line
    return made


def test_the_tour_prints_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    printed = ""
    shown = 0
    for block in blocks(DOCS / "tour.md"):
        if block.language == "text":
            assert lines_of(block.text) <= lines_of(printed)
            shown += 1
        else:
            printed = run_block(block, names)
    assert shown >= 8


def test_a_wrong_number_on_a_page_would_be_seen() -> None:
    table = "solver  gap  seconds\n------  ---  -------\nexact   {}%     {}\n"
    assert lines_of(table.format("1.2", "0.3")) == lines_of(table.format("1.2", "9.9"))
    assert not lines_of(table.format("1.2", "0.3")) <= lines_of(table.format("1.3", "0.3"))


@pytest.mark.parametrize("page", ["README.md", "docs/envs.md", "docs/command.md"])
def test_python_on_a_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = list(blocks(ROOT / page, "python"))
    assert found
    names: dict[str, object] = {}
    for block in found:
        run_block(block, names)


def test_the_verdicts_are_counted_from_the_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    code, shown = blocks(DOCS / "reproducing.md", "python", "text")
    assert lines_of(run_block(code, {})) == lines_of(shown.text)


def test_growth_is_fitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five instances a size whose time is a square: the exponents are 2."""
    monkeypatch.chdir(tmp_path)
    with Path("growth.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["problem", "problem_params", "solver", "seconds", "peak_memory", "verdict"])
        for n in (10, 20, 80) * 5:
            fields = json.dumps({"n_users": n})
            table.writerow(["toy", fields, "exact", 1e-3 * n**2, 2**20 * n, "proved"])
    (code,) = blocks(DOCS / "how-cost-grows.md", "python")
    row = run_block(code, {}).split("|")
    assert [cell.strip() for cell in row[4:8]] == ["2.00", "2.00", "10–80", "15/15"]


# Links


def prose(page: Path) -> str:
    """A page without code, in which brackets are no links."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text()))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as hosts of repositories and the site make them."""
    text = FENCE.sub("", page.read_text())
    made: list[str] = []
    for heading in re.findall(r"^#+ (.*)$", text, re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        made.append(re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-"))
    return {*made, *re.findall(r'<a id="([^"]+)"', text)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


# The site


def test_every_page_stands_in_the_navigation() -> None:
    named = set(re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M))
    assert {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")} <= named


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("material", reason="mkdocs-material is not installed")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_is_built(site: Path) -> None:
    assert "proven" in (site / "tour.html").read_text()
    assert "A solver never scores itself" in (site / "CONTRIBUTING.html").read_text()
    assert 'href="suites.html"' in (site / "CONTRIBUTING.html").read_text()


def test_the_site_asks_for_nothing_from_outside(site: Path) -> None:
    loads = re.compile(r'<(?:script|link|img|iframe|source)\b[^>]*(?:src|href)="(?:https?:)?//')
    for page in site.rglob("*.html"):
        text = page.read_text()
        assert not loads.search(text), page
        assert 'class="mermaid"' not in text  # the theme's script would fetch the renderer
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(?:https?:)?//|@import", sheet.read_text()), sheet
