"""The verb `report`: text on a terminal, files in a folder, one sentence where that cannot be."""

import csv
import os
import re
import shlex
import shutil
import signal
from pathlib import Path

import pytest
from stored import instance, record

from toolkit.bench.__main__ import main
from toolkit.bench._store import Store
from toolkit.reports import terminal
from toolkit.reports._sparks import drawn
from toolkit.reports.content import Axis, Chart, Column, Section, Series, Table, count, words
from toolkit.reports.contents import Chapter, Contents
from toolkit.reports.export import _figure

EVIL = "\x1b[31m<b>evil</b>\nname"
PROVED = {"status": "optimal", "verdict": "proved", "bound": 0.5, "gap": 0.0}


def runs():
    """Two methods on three instances; the worse one proves nothing and fails once."""
    for i in range(3):
        at = {"instance": instance(i).name, "digest": instance(i).digest, "seconds": 0.01}
        yield i, record(f"e{i}", solver="exact", label="exact", **PROVED, **at)
        bad = {"status": "error", "stop": "crashed", "objective": None, "violation": None}
        own = bad if i == 2 else {"objective": 0.51}
        yield i, record(f"g{i}", label=EVIL, trace=[[0.001, 1, 0.6, None]], **{**at, **own})


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "runs.sqlite"
    with Store(path) as opened:
        for i, run in runs():
            opened.add(run, instance(i))
    return path


def test_without_a_folder_it_prints_the_answer(store, capsys):
    assert main(["report", str(store)]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[0] == "runs.sqlite"
    assert "cpdrl tiny\n==========" in out
    assert "exact proves all of them" in out
    assert max(map(len, lines)) <= 100
    assert "\x1b" not in out
    assert "?[31m<b>evil</b> name" in out
    assert "1 of 6 runs failed" in out


def test_files_hold_what_the_terminal_shows(store, tmp_path, capsys):
    folder = tmp_path / "out"
    assert main(["report", str(store), "--out", str(folder), "--format", "csv,html"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == str(folder / "index.html")
    with (folder / "tables/cpdrl-tiny-methods.csv").open() as file:
        rows = {row["method"]: row for row in csv.DictReader(file)}
    assert rows["exact"]["proved optimal"] == "3"
    (other,) = (row for name, row in rows.items() if name != "exact")
    assert float(other["worst gap to best"]) == pytest.approx(0.02)
    assert other["failed"] == "1"
    assert "<b>evil" not in (folder / "index.html").read_text()


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--out", "{tmp}", "--format", "pgf"], "No format is called 'pgf'"),
        (["--format", "csv"], "name their folder with --out"),
        (["--port", "1"], "--port is for --watch"),
        (["--watch", "--out", "{tmp}"], "leave --out and --format out"),
        (["--problem", "cpdr"], "did you mean 'cpdrl'?"),
        (["--out", "{tmp}/runs.sqlite/x"], "Cannot write to --out"),
    ],
)
def test_what_cannot_be_is_one_sentence(store, tmp_path, capsys, flags, says):
    (tmp_path / "runs.sqlite").write_text("a file")
    assert main(["report", str(store), *(f.format(tmp=tmp_path) for f in flags)]) == 2
    found = capsys.readouterr().err
    assert says in found
    assert found.count("\n") == 1


def test_who_asks_for_an_end_finds_no_half_of_a_file(store, tmp_path, capsys, monkeypatch):
    flags = ["report", str(store), "--out", str(tmp_path), "--format", "csv"]
    monkeypatch.setattr(os, "replace", lambda *_: signal.raise_signal(signal.SIGTERM))
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        assert main(flags) == 130
    finally:
        signal.signal(signal.SIGTERM, before)
    assert capsys.readouterr().err == "Interrupted.\n"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_plan_counts_once_however_often_it_is_named(store, capsys):
    paper = Path(__file__).parent.parent / "plans/paper"
    twice = [str(paper / "cpdrl-fig7.toml"), f"{paper}/../paper/cpdrl-fig7.toml"]
    assert main(["report", str(store), "--plan", *twice]) == 0
    assert "No runs here of the plan cpdrl-fig7;" in capsys.readouterr().err


def test_an_empty_store_says_so(tmp_path, capsys):
    Store(tmp_path / "empty.sqlite").close()
    assert main(["report", str(tmp_path / "empty.sqlite")]) == 0
    assert capsys.readouterr().out.startswith("empty.sqlite")


def test_the_commands_of_the_documentation_do_what_it_says(store, tmp_path, monkeypatch, capsys):
    """All but the run, and without drawing, which take their time and are tested elsewhere."""
    monkeypatch.setattr(
        _figure, "render", lambda chart, formats, width: dict.fromkeys(formats, b"")
    )
    monkeypatch.chdir(tmp_path)
    shutil.copy(store, "study.sqlite")
    page = (Path(__file__).parent.parent / "docs/reports.md").read_text()
    (block,) = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
    first, *lines = block.splitlines()
    assert "--store study.sqlite" in first
    for line in lines:
        assert main(shlex.split(line.removeprefix("python -m toolkit.bench "))) == 0, line
    assert "exact proves all of them" in capsys.readouterr().out
    assert Path("page/index.html").stat().st_size < 3 * 2**20
    assert {f.suffix for f in Path("paper").glob("*/*")} == {".csv", ".tex", ".pdf", ".md"}
    assert "exact" in Path("board/index.html").read_text()


# The text itself, from contents made by hand.


def lines(*series, log=True):
    x, y = Axis(label="seconds", log=log), Axis(label="gap", log=log, floor=1e-9, share=True)
    return Chart(name="c", title="Gap over time", x=x, y=y, series=list(series))


def contents(*charts, columns=3, cells=(1, 0, 0)):
    named = [Column(name="method", text=True)]
    named += [Column(name=f"number of things {i}") for i in range(columns)]
    rows = [[words(f"m{i}"), *(count(c, mark="bad" if c else "") for c in cells)] for i in (0, 1)]
    table = Table(name="t", title="T", columns=named, rows=rows, notes=["As it is."])
    section = Section(name="s", title="S", says=["So."], tables=[table], charts=list(charts))
    return Contents("title", (Chapter("g", "G", [section]),), [])


def test_columns_of_zeros_are_named_and_wide_tables_are_cut_in_parts():
    text = terminal.summary(contents())
    assert "0 throughout: number of things 1, number of things 2" in text
    wide = terminal.summary(contents(columns=12, cells=(1,) * 12))
    assert max(map(len, wide.splitlines())) <= 100
    assert wide.count("\nm1 ") == 2  # parts, each with the names


def test_long_names_are_folded_and_a_narrow_terminal_gets_short_lines():
    found = contents(lines(Series(label="x" * 300, x=[0.1, 1.0], y=[1.0, 0.1])))
    found.chapters[0].sections[0].tables[0].rows[0][0] = words("y" * 300)
    for width in (100, 50):
        text = terminal.summary(found, width=width)
        assert max(map(len, text.splitlines())) <= width
        assert (text.count("x" * 20), text.count("y")) >= (300 // width, 300)


def test_colours_are_for_marks_alone_and_only_where_asked_for():
    assert "\x1b[31m" in terminal.summary(contents(), colour=True)
    assert "\x1b" not in terminal.summary(contents())


def test_a_curve_falls_as_its_line_does_and_is_blank_before_it_begins():
    falling = Series(label="a", x=[1e-2, 1e-1, 1.0], y=[1.0, 1e-4, 1e-9], style="step")
    late = Series(label="b", x=[1e-3, 0.5, 1.0], y=[None, 0.5, 0.5])
    found = drawn([lines(falling, late)])
    curves = dict(found.rows)
    assert curves["a"].lstrip()[0] == "█"
    assert curves["a"][-1] == "▁"
    assert curves["a"].strip() == "".join(sorted(curves["a"].strip(), reverse=True))
    assert curves["b"].startswith(" " * 15)
    assert found.title == (
        "Gap over time: from 0.001 to 1 seconds, as high as gap, at most 1.0e-09 to 100% "
        "(logarithmic)"
    )


def test_points_become_a_distribution_where_there_are_no_lines():
    dots = Series(label="a", style="points", x=[1.0] * 4, y=[1e-3, 1e-3, 1.0, None])
    ((label, curve),) = drawn([lines(dots)]).rows
    assert label == "a"
    assert (curve[0], curve[-1], curve[1:-1].strip()) == ("█", "▅", "")


def test_streams_without_blocks_get_plain_characters():
    falling = Series(label="a", x=[0.1, 1.0], y=[1.0, 1e-4])
    for encoding in ("ascii", "latin-1", "no such thing"):
        terminal.summary(contents(lines(falling)), encoding=encoding).encode("latin-1")
    ((_, curve),) = drawn([lines(falling)], full=False).rows
    assert set(curve.strip()) == {"%", "_"}
