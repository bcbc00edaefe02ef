"""Contents made by hand that pages are tested with: every kind of chart and cell, hostile names."""

import msgspec
from toy_record import TOY

from toolkit.reports.content import Axis, Cell, Chart, Column, Section, Series, Table, count, words
from toolkit.reports.contents import Chapter, Contents
from toolkit.reports.record import Record

EVIL = "<script>alert(1)</script>"
HOSTILE = (
    EVIL,
    "</script><img src=x onerror=alert(2)>",
    "<!-- <script> \"quoted\" 'name' %{x} $x^2$",
    "\u202eright to left\u202c and\nnew lines & <b>bold</b>",
    "n" * 300,
)
LOG = Axis(label="seconds", log=True, floor=1e-5)
GAP = Axis(label="gap", log=True, floor=1e-9, share=True)
RECORD = msgspec.structs.replace(
    TOY, preset="paper", evaluations=5, environment={"python": "3", "threads": 1, "jobs": 1}
)


def run(label: str, index: int = 0, objective: float | None = 10.0, **fields: object) -> Record:
    at = {"instance": f"toy-{index}", "digest": f"d{index}", "key": f"{label}-{index}"}
    given = {"label": label, "objective": objective, **at, **fields}
    return msgspec.structs.replace(RECORD, **given)


def many_runs(methods: int, instances: int) -> list[Record]:
    """As many runs as that, on instances whose optimum the first method proves."""
    proof = {"status": "optimal", "verdict": "proved", "bound": 10.0, "gap": 0.0}
    return [
        run(
            f"method {m}",
            i,
            10.0 + m * (1 + i % 7) / 100,
            seconds=0.01 * (1 + m) * (1 + i % 5),
            trace=[[0.005, 1, 12.0, None], [0.01, 5, 10.0 + m * (1 + i % 7) / 100, None]],
            **(proof if m == 0 else {}),
        )
        for i in range(instances)
        for m in range(methods)
    ]


def sample() -> Contents:
    """Two chapters, a section about both, instances to open."""
    first = Chapter("toy-paper", "toy paper", [_answer(), _charts(), _instances()])
    second = Chapter("toy-paper", EVIL, [Section(name="answer", title=EVIL, says=[EVIL])])
    closing = [Section(name="made", title="What it was made with", says=["Python 3."])]
    return Contents(f"store of {EVIL}", (first, second), closing)


def _answer() -> Section:
    columns = [
        Column(name="method", text=True),
        Column(name="runs"),
        Column(name="took", unit="s", note="of the solver; failed runs left out"),
    ]
    rows = [
        [words(f"method {i}" if i else EVIL), count(i, 12, "good" if i == 11 else "bad"), _took(i)]
        for i in range(12)
    ]
    table = Table(name="toy-methods", title="All methods", columns=columns, rows=rows)
    return Section(name="answer", title="The answer", says=["One method wins."], tables=[table])


def _took(i: int) -> Cell:
    value = None if i == 3 else (i * 7 % 12) / 10
    return Cell(value=value, text="-" if value is None else f"{value:.1f}")


def _charts() -> Section:
    x = [1e-6, 1e-3, None, 1.0]
    line = Series(label=HOSTILE[0], x=x, y=[1.0, 0.1, None, 0.0], low=[0.5, 0.05, None, 0.0])
    line = msgspec.structs.replace(line, high=[2.0, 0.2, None, 1e-3])
    runs = Series(
        label=HOSTILE[1],
        style="points",
        x=[0.1, 1.0],
        y=[0.0, 0.5],
        low=[0.0, 0.4],
        high=[0.1, 0.6],
        closed=[True, False],
        texts=[HOSTILE[3], HOSTILE[2]],
        colour=1,
        faint=True,
    )
    other = Series(label=HOSTILE[4], style="step", x=[0.01, 10.0], y=[0.3, 0.01], colour=9)
    names = Axis(label=HOSTILE[2], names=list(HOSTILE))
    gantt = Series(label=HOSTILE[1], style="segments", x=[0.0, 2.0], y=[0.0, 4.0], thick=True)
    gantt = msgspec.structs.replace(gantt, x2=[1.0, 3.0], y2=[0.0, 4.0])
    bars = Series(label=HOSTILE[0], style="bars", x=[0.0, 1.0, 2.0], y=[1.0, None, 3.0], colour=2)
    lone = Series(label="lone", x=[1.0], y=[1.0])
    nothing = Series(label="nothing", style="points", x=[None], y=[None])
    linear = Axis(label="amount")
    return Section(
        name="charts",
        title="Charts",
        charts=[
            _chart("gap", LOG, GAP, [line, runs, other]),
            _chart("gantt", Axis(label="time"), names, [gantt]),
            _chart("bars", names, linear, [bars]),
            _chart("lone", linear, linear, [lone]),
            _chart("nothing", LOG, GAP, [nothing]),
        ],
    )


def _chart(name: str, x: Axis, y: Axis, series: list[Series]) -> Chart:
    return Chart(name=name, title=f"{name} {EVIL}", x=x, y=y, series=series, caption=EVIL)


def _instances() -> Section:
    bars = Series(label="load", style="bars", x=[0.0, 1.0], y=[1.0, 2.0])
    drawn = _chart("load", Axis(label="user"), Axis(label="bits"), [bars])
    view = {"row": 1, "facts": [["verdict", EVIL], ["energy", "2 J"]], "charts": [drawn]}
    entry = {"size": "3 users", "sense": "min", "best": count(10), "says": [EVIL], "views": [view]}
    rows = [[words(EVIL), count(1)], [words("b"), count(2)]]
    columns = [Column(name="run", text=True), Column(name="objective", unit="J")]
    every = [
        {"digest": f"{i:016x}", "name": f"toy-{i} {EVIL}", "rows": rows, **entry}
        for i in range(0x10, 0x28)
    ]
    details = {"columns": columns, "instances": every}
    return Section(name="instances", title="Every instance", details=details)
