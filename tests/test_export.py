"""A report as files: the same numbers as the page, whole or not at all, the same bytes again."""

import csv
import errno
import io
import math
import os
import re

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from toolkit.bench._command import _report_flags
from toolkit.errors import UserError
from toolkit.reports import content, export
from toolkit.reports.content import Axis, Cell, Chart, Column, Section, Series, Table
from toolkit.reports.contents import Chapter, Contents
from toolkit.reports.export import _axes, _csv, _figure, _latex, _whole

FILES = [name for name in export.FORMATS if name != "html"]
HOSTILE = [
    "<script>alert(1)</script>",
    r"\input{/etc/passwd} $x$ #1 & 50% ~^_{}|",
    "\"quoted\", 'and' `so`, --- a\nline",
    "[] * μ ≤ é \x1b[31m 日本 \u202e",
    "_hidden" + "x" * 300,
]


def table(rows=None, **fields):
    usual = {
        "name": "t-one",
        "title": "All methods",
        "columns": [
            Column(name="method", text=True),
            Column(name="median gap to best", note="with an interval"),
            Column(name="mean", unit="s"),
            Column(name="solved"),
        ],
        "rows": rows
        or [
            [
                *(content.words("a_b"), content.gap(1e-7, 0.0, 1 / 3)),
                *(content.number(0.1 + 0.2, 3), content.count(12, 20)),
            ],
            [
                *(content.words(HOSTILE[2]), content.gap(None)),
                *(content.seconds(math.nan), content.count(0)),
            ],
        ],
        "notes": ["gap = (f - b) / |b|; 100 % of <all>."],
    }
    return Table(**{**usual, **fields})


def series(label="a", place=0, **fields):
    usual = {"x": [1e-4, 1e-2, None, 1.0], "y": [0.5, 1e-12, 0.2, 0.1], "colour": place}
    return Series(label=label, **{**usual, **fields})


def chart(*every, **fields):
    usual = {
        "name": "c-one",
        "title": "Gap",
        "x": Axis(label="seconds", log=True),
        "y": Axis(label="gap", log=True, floor=1e-9, share=True),
        "series": list(every) or [series()],
        "caption": "How it is read.",
    }
    return Chart(**{**usual, **fields})


@pytest.fixture(scope="module")
def contents():
    section = Section(name="s", title="S", tables=[table()], charts=[chart(series(HOSTILE[1]))])
    again = Section(name="s2", title="S2", tables=[table(title="Another")], charts=[chart()])
    return Contents("a store", (Chapter("g", "G", [section]),), [again])


@pytest.fixture(scope="module")
def written(contents, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    pytest.importorskip("pyarrow")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_figure, "DPI", 40)  # quicker
        yield folder, export.write(contents, folder, FILES)


def test_every_table_and_figure_has_a_file_of_its_own(written):
    folder, paths = written
    names = {str(path.relative_to(folder)) for path in paths}
    stems = [f"tables/t-one{n}.{e}" for n in ("", "-2") for e in ("csv", "tex", "parquet")]
    figures = [f"figures/c-one{n}.{e}" for n in ("", "-2") for e in ("svg", "pdf", "png")]
    assert names == {*stems, *figures, "tables/NOTES.md", "figures/CAPTIONS.md"}
    assert {p for p in folder.rglob("*") if p.is_file()} == set(paths)  # nothing is left over
    notes = (folder / "tables/NOTES.md").read_text()
    assert "gap = (f - b) / |b|" in notes
    assert "<all>" not in notes
    assert "How it is read." in (folder / "figures/CAPTIONS.md").read_text()


def test_the_same_report_gives_the_same_bytes(contents, written, tmp_path):
    folder, paths = written
    for path in export.write(contents, tmp_path, FILES):
        assert path.read_bytes() == (folder / path.relative_to(tmp_path)).read_bytes(), path
    assert len(paths) == 14


def test_csv_holds_full_precision_and_intervals_in_columns_of_their_own():
    head, one, two = csv.reader(io.StringIO(_csv.render(table()).decode()))
    assert head == [
        *("method", "median gap to best", "median gap to best low", "median gap to best high"),
        *("mean (s)", "solved"),
    ]
    assert [float(one[1]), float(one[3]), float(one[4])] == [1e-7, 1 / 3, 0.1 + 0.2]
    assert one[5] == "12"
    assert two == [HOSTILE[2], "", "", "", "", "0"]


def test_parquet_has_typed_columns_and_tells_the_notes(written):
    from pyarrow import parquet

    found = parquet.read_table(written[0] / "tables/t-one.parquet")
    assert [str(kind) for kind in found.schema.types] == ["string", *["double"] * 4, "int64"]
    assert found.column("median gap to best high").to_pylist() == [1 / 3, None]
    assert b"gap = " in found.schema.metadata[b"notes"]


def test_parquet_of_mixed_values_is_text():
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [[content.words("a"), Cell(value=v, text="")] for v in (2**70, None, "x")]
    made = table(rows=rows, columns=[Column(name=""), Column(name="")])
    found = parquet.read_table(io.BytesIO(export.TABLES["parquet"][1](made)))
    assert found.column_names == ["name", "name 2"]
    assert found.column(1).to_pylist() == [str(2**70), None, "x"]


def test_names_of_files_are_not_longer_than_file_systems_take(tmp_path):
    long = [table(name="x" * 300), table(name="x" * 301)]
    section = Section(name="s", title="S", tables=long)
    contents = Contents("title", (Chapter("g", "G", [section]),), [])
    made = [path for path in export.write(contents, tmp_path, ["latex"]) if path.suffix == ".tex"]
    assert len({path.name for path in made}) == 2
    texts = [path.read_text() for path in made]
    assert all(f"{{tab:{p.stem}}}" in text for p, text in zip(made, texts, strict=True))


def test_a_carriage_return_ends_no_line_of_a_csv():
    rows = [[content.words("a\rb"), content.gap(0), content.number(1), content.count(1)]]
    text = _csv.render(table(rows=rows)).decode()
    assert len(list(csv.reader(io.StringIO(text, newline="")))) == 2


def test_headings_are_unique_whatever_columns_are_called():
    columns = [Column(name=name) for name in ("a", "a 2", "a")]
    made = table(rows=[[content.count(i) for i in range(3)]], columns=columns)
    head, _ = csv.reader(io.StringIO(_csv.render(made).decode()))
    assert len(set(head)) == 3


# LaTeX is read by a small parser of our own: no TeX is needed to see whether it would be read.

COMMAND = re.compile(r"\\([a-zA-Z]+|.)", re.DOTALL)
KNOWN = {
    *("begin", "end", "centering", "footnotesize", "scriptsize", "caption", "label", "toprule"),
    *("midrule", "bottomrule", "par", "smallskip", "linewidth", "endhead", "endfoot", "times"),
    *("textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar"),
    *("textasciigrave", "mu", "le", "cdot", "ldots", "\\", *"{}$&#_%,"),
}


def checked_latex(text):
    """Raises where braces, dollars or environments do not match, or a command is unknown."""
    assert text.isascii() or all(c.isascii() or c.isalpha() for c in text)
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    commands = COMMAND.findall(body)
    assert set(commands) <= KNOWN, set(commands) - KNOWN
    opened = re.findall(r"\\begin\{(\w+)\}", body)
    assert sorted(opened) == sorted(re.findall(r"\\end\{(\w+)\}", body))
    bare = COMMAND.sub("", body)
    assert bare.count("$") % 2 == 0
    depth = np.cumsum([(c == "{") - (c == "}") for c in bare])
    assert depth.min() >= 0
    assert depth[-1] == 0
    assert not set(re.sub(r"\$[^$]*\$", "", bare)) & set('#^_~"<>|%`') - {"~", "^"}
    return bare


@pytest.mark.parametrize("count", [1, 60])
def test_latex_can_be_read_whatever_methods_are_called(count):
    rows = [[content.words(h), content.gap(1.2e-7), content.number(3.0), content.count(1)]
            for h in HOSTILE] * count  # fmt: skip
    text = _latex.render(table(rows=rows, title=HOSTILE[1], notes=HOSTILE)).decode()
    bare = checked_latex(text)
    lines = text.split("\\midrule")[1].split("\\bottomrule" if count == 1 else "\\end{long")[0]
    cells = [line for line in lines.splitlines() if line.endswith(r" \\")]
    assert len(cells) == len(rows)
    assert all(COMMAND.sub("", line).count("&") == 3 for line in cells)
    assert "longtable" in text if count > 1 else "longtable" not in text
    assert r"$1.2\times10^{-7}$" in text
    assert "input" in bare  # as a word: its backslash is none
    assert r"\input" not in text


def test_latex_does_not_join_hyphens_nor_take_a_bracket_for_its_own():
    assert _latex.escaped("--store ''") == "-{}-store '{}'"
    rows = [[content.words("[x]"), content.gap(0), content.number(1), content.count(1)]]
    assert "\n{}[x] & 0" in _latex.render(table(rows=rows)).decode()
    head = _latex.render(table()).decode().split("\\toprule\n")[1].split("\n\\midrule")[0]
    assert head == " & median gap &  &  \\\\\nmethod & to best & mean (s) & solved \\\\"


def lines_of(figure):
    (axes,) = figure.axes
    return axes.get_lines()


def test_a_figure_draws_the_numbers_of_its_chart():
    (line,) = lines_of(_figure.draw(chart()))
    x, y = line.get_xydata().T
    assert np.array_equal(x, [1e-4, 1e-2, np.nan, 1.0], equal_nan=True)
    assert np.array_equal(y, [0.5, 1e-9, 0.2, 0.1])  # held at the floor


def test_points_have_intervals_and_open_markers():
    fields = {"low": [0.1, 0, None, 0.1], "high": [0.6, 1e-3, None, 0.1]}
    closed = [True, False, True, False]
    figure = _figure.draw(chart(series(style="points", closed=closed, **fields)))
    full, hollow = lines_of(figure)
    assert full.get_xdata()[0] == 1e-4
    assert list(hollow.get_xdata()) == [1e-2, 1.0]
    assert hollow.get_markerfacecolor() == "none"
    found = [seg for seg in figure.axes[0].collections[0].get_segments() if len(seg)]
    assert [seg[:, 1].tolist() for seg in found] == [[0.1, 0.6], [1e-9, 1e-3], [0.1, 0.1]]


def test_bars_stand_side_by_side_or_on_each_other():
    two = [series(label, style="bars", x=[0.0, 1.0], y=[2.0, 3.0]) for label in "ab"]
    axes = {"x": Axis(label="n", names=["one", "two"]), "y": Axis(label="s")}
    beside = _figure.draw(chart(*two, **axes)).axes[0].patches
    above = _figure.draw(chart(*two, stacked=True, **axes)).axes[0].patches
    assert beside[2].get_x() == pytest.approx(beside[0].get_x() + beside[0].get_width())
    assert [bar.get_y() for bar in above] == [0, 0, 2, 3]


def test_segments_and_bands():
    four = {"style": "segments", "x2": [2e-4, 2e-2, None, 2.0], "y2": [0.5] * 4}
    (line,) = lines_of(_figure.draw(chart(series(**four))))
    assert line.get_xydata()[:2].tolist() == [[1e-4, 0.5], [2e-4, 0.5]]
    band = {"low": [0.1] * 4, "high": [0.9] * 4}
    (drawn,) = _figure.draw(chart(series(style="step", **band))).axes[0].collections
    assert {0.1, 0.9} <= set(drawn.get_paths()[0].vertices[:, 1])


@pytest.fixture(scope="module")
def crowded():
    """17 methods, some with hostile names."""
    names = [f"method[number={i}]" for i in range(12)] + HOSTILE
    every = [series(name, place) for place, name in enumerate(names)]
    figure = _figure.draw(chart(*every))
    FigureCanvasAgg(figure).draw()
    return figure


@pytest.mark.filterwarnings("ignore:Glyph")
def test_the_legend_names_all_methods_and_covers_nothing(crowded):
    (legend,) = crowded.legends
    assert len(legend.get_texts()) == 17
    assert not legend.get_window_extent().overlaps(crowded.axes[0].get_window_extent())
    for text in legend.get_texts():
        extent = text.get_window_extent()
        assert extent.x0 >= 0
        assert extent.x1 <= crowded.bbox.x1


def test_series_differ_without_colours(crowded):
    looks = {(line.get_color(), line.get_marker(), str(line.get_linestyle()))
             for line in lines_of(crowded)}  # fmt: skip
    assert len(looks) == 17


def test_the_floor_says_that_it_is_one_and_shares_are_in_per_cent(crowded):
    labels = [tick.get_text() for tick in crowded.axes[0].get_yticklabels()]
    assert labels[0] == "≤ 10⁻⁹"
    assert labels[-2:] == ["1%", "100%"]


@pytest.mark.parametrize(
    ("ends", "labels"),
    [
        ((2, 12), ["2", "5", "10"]),
        ((1e-9, 3e-9), ["10⁻⁹", "1.5·10⁻⁹", "2·10⁻⁹", "3·10⁻⁹"]),
        ((1e-3, 1e3), ["0.001", "0.01", "0.1", "1", "10", "100", "1000"]),
    ],
)
def test_a_logarithmic_axis_has_labels_however_short_it_is(ends, labels):
    axes = {"x": Axis(label="users", log=True), "y": Axis(label="s")}
    figure = _figure.draw(chart(series(x=list(ends), y=[1.0, 2.0]), **axes))
    FigureCanvasAgg(figure).draw()
    found = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert found == labels


@pytest.mark.parametrize("values", [[], [None], [0.0, -1.0]])
@pytest.mark.parametrize("style", ["line", "points", "bars", "segments"])
def test_a_logarithmic_axis_that_shows_nothing_can_be_drawn(values, style):
    axes = {"x": Axis(label="s", log=True), "y": Axis(label="gap", log=True)}
    figure = _figure.draw(chart(series(x=values, y=values, style=style), **axes))
    assert figure.axes[0].get_ylim()[0] > 0


def test_large_shares_are_written_out():
    figure = _figure.draw(chart(series(y=[1.0, 20.0, 3.0, 5.0])))
    FigureCanvasAgg(figure).draw()
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()][-1] == "2,000%"


def test_long_labels_of_axes_are_folded():
    figure = _figure.draw(chart(y=Axis(label="gap to the best known, up to the proven bound")))
    assert figure.axes[0].get_ylabel() == "gap to the best known, up to the\nproven bound"


def test_names_along_an_axis_lose_their_middle_not_their_ends():
    assert _axes.shortened("trained[learner=a,steps=60]", 12) == "train…eps=60]"[:5] + "…ps=60]"
    assert _axes.shortened("a\nb", 12) == "a b"


def test_fonts_are_embedded_as_truetype_and_nothing_tells_the_time(written):
    pdf = (written[0] / "figures/c-one.pdf").read_bytes()
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    assert b"/CreationDate" not in pdf
    svg = (written[0] / "figures/c-one.svg").read_text()
    assert "<text" not in svg  # letters are outlines
    assert "dc:date" not in svg


def test_an_unknown_format_is_one_sentence():
    with pytest.raises(UserError, match=r"No format is called 'pfd'; did you mean 'pdf'\?"):
        export.parse_formats("html,pfd")
    with pytest.raises(UserError, match="No format is named"):
        export.parse_formats(" ,")
    assert export.parse_formats("csv, csv,pdf") == ["csv", "pdf"]
    assert set(_report_flags.FORMATS) == set(export.FORMATS)
    assert set(_report_flags.WIDTHS) == set(export.WIDTHS)


def test_parquet_without_pyarrow_is_one_sentence(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install pyarrow"):
        export.parse_formats("parquet")


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    path = _whole.write_whole(tmp_path / "a" / "t.csv", b"before")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match=r"No space left on device.*name another folder"):
        _whole.write_whole(path, b"after")
    assert path.read_bytes() == b"before"
    assert list(path.parent.iterdir()) == [path]
