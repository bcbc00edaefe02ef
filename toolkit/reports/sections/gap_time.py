"""One axis for exact, heuristic and learned: the gap against time, as intervals of proof."""

from collections.abc import Mapping
from statistics import median

from toolkit.reports._bootstrap import median_of
from toolkit.reports.compare import Comparison, Row, certified
from toolkit.reports.content import Axis, Chart, Section, Series, points
from toolkit.reports.frame import Group
from toolkit.reports.numbers import MOST, gap, seconds
from toolkit.reports.record import Record
from toolkit.reports.sections._apart import apart

ORDER = 20
FLOOR = 1e-9  # gaps below this are drawn on this line
FIRST = 1e-5  # seconds: shorter runs are drawn there
MOST_RUNS = 3000  # drawn one by one: more would hide each other
CAPTION = (
    "Each thin bar is a run: from its gap to the best known decision, which it is at least, to its "
    "gap to the best proven bound, which it is at most. A filled marker is proven optimal. Large "
    "markers are medians over the runs, with 95 % bootstrap intervals over the instances. "
    "Gaps up to 1e-9 are drawn on that line, those above 10,000 % on that one. Seconds are the "
    "solver's own."
)


def of_group(group: Group) -> Section | None:
    """Gap against time, log-log: every run, and the median of every method."""
    every = [(c, row) for c in group.comparisons for row in c.ran if row.gap_to_best is not None]
    if not every:
        return None
    step, names = -(-len(every) // MOST_RUNS), apart(group.comparisons)
    series = []
    for label in group.labels:
        runs = [(c, row) for c, row in every if row.record.label == label]
        if runs:
            series.append(_runs(runs[::step], names, label, group.colour(label)))
            series.append(_median(runs, label, group.colour(label)))
    said = [f"Every {step}th run is drawn; the medians are of all."] if step > 1 else []
    if lost := len(group.ran) - len(every):
        said.append(f"{lost:,} of {len(group.ran):,} runs have no feasible decision, and no place.")
    chart = Chart(
        name=f"{group.name}-gap-time",
        title="Gap against time",
        x=Axis(label="seconds", log=True, floor=FIRST),
        y=Axis(
            label="gap to the best known, up to the proven bound", log=True, floor=FLOOR, share=True
        ),
        series=series,
        caption=" ".join([CAPTION, *said]),
    )
    return Section(name="gap-time", title="How far from the best, and how fast", charts=[chart])


def _runs(
    runs: list[tuple[Comparison, Row]], names: Mapping[str, str], label: str, colour: int
) -> Series:
    """Intervals of proof; `names`: what tells instances of one name apart."""
    ends = [certified(*run) for run in runs]
    return Series(
        label=label,
        style="points",
        x=points(row.record.seconds for _, row in runs),
        y=points(min(low, MOST) for low, _ in ends),
        low=points(min(low, MOST) for low, _ in ends),
        high=points(min(low if high is None else high, MOST) for low, high in ends),
        closed=[c.optimal and low <= 1e-6 for (c, _), (low, _) in zip(runs, ends, strict=True)],
        texts=[_told(row.record, names, end) for (_, row), end in zip(runs, ends, strict=True)],
        colour=colour,
        faint=True,
    )


def _told(record: Record, names: Mapping[str, str], ends: tuple[float, float | None]) -> str:
    high = "no proven bound" if ends[1] is None else f"at most {gap(ends[1])}"
    took = seconds(record.seconds)
    which = ", ".join(filter(None, (record.instance, names.get(record.digest))))
    return f"{which}, seed {record.seed}: at least {gap(ends[0])}, {high}; {took} s"


def _median(runs: list[tuple[Comparison, Row]], label: str, colour: int) -> Series:
    cells = {(row.record.digest, row.record.seed): row.gap_to_best or 0.0 for _, row in runs}
    value, low, high = (min(each, MOST) for each in median_of(cells))
    return Series(
        label=label,
        style="points",
        x=points([median(row.record.seconds for _, row in runs)]),
        y=points([value]),
        low=points([low]),
        high=points([high]),
        colour=colour,
    )
