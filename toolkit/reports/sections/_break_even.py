"""When training has paid, beside the fastest solver that proves: sentences, a table, a chart."""

import math
from collections.abc import Iterator, Sequence

from toolkit.reports import numbers
from toolkit.reports.content import (
    Axis,
    Cell,
    Chart,
    Column,
    Series,
    Table,
    count,
    gap,
    points,
    seconds,
    words,
)
from toolkit.reports.frame import Group
from toolkit.reports.learners.lessons import BreakEven, Lesson

POINTS = 41  # of a line of costs
MOST = 8  # policies that are drawn: more would hide each other
LEAST = 1e4  # instances that are drawn at least
Pays = tuple[Lesson, BreakEven]
COLUMNS = [
    Column(name="policy", text=True),
    Column(name="training", unit="s"),
    Column(name="an instance", unit="s", note="mean, one by one"),
    Column(name="in a batch", unit="s", note="each of many decided at once"),
    Column(name="beside", text=True, note="the fastest solver that proves all these optima"),
    Column(name="it takes", unit="s", note="mean over the same instances"),
    Column(name="pays after", note="instances, one by one"),
    Column(name="pays after, in batches", note="instances"),
    Column(name="mean gap", note="to the best known: what is given up"),
]
NOTE = (
    "Pays after: training seconds / (the prover's seconds - the policy's) instances; never: it is "
    "not faster. Only for policies that are trained once and feasible on every instance."
)


def paying(lessons: Sequence[Lesson]) -> list[Pays]:
    """The policies with a break-even, `never` too."""
    return [(lesson, lesson.break_even) for lesson in lessons if lesson.break_even is not None]


def break_even_says(pays: Sequence[Pays]) -> list[str]:
    """A sentence on the policy with the smallest gap: the table has the others."""
    if not pays:
        return []
    lesson, pay = min(pays, key=lambda each: each[0].mean_gap or 0.0)
    batched = [] if pay.batched is None else [f"{_times(pay.batched)} in batches"]
    after = ", ".join([f"{_times(pay.alone)} one by one", *batched])
    which = f"The best of {len(pays)} policies that answer everything is " if len(pays) > 1 else ""
    return [
        f"{which}{lesson.label}: mean gap {numbers.gap(lesson.mean_gap)}; beside {pay.against}, "
        f"which proves, its training pays {after}."
    ]


def _times(instances: float) -> str:
    if math.isinf(instances):
        return "never"
    return f"after {instances:,.0f} instance{'s' * (instances != 1)}"


def break_even_table(group: Group, pays: Sequence[Pays]) -> list[Table]:
    """What goes into it; nothing where no policy has one."""
    if not pays:
        return []
    return [
        Table(
            name=f"{group.name}-break-even",
            title="Break-even of training beside the fastest proof",
            columns=COLUMNS,
            rows=[_row(*each) for each in pays],
            notes=[NOTE, *group.notes],
        )
    ]


def _row(lesson: Lesson, pay: BreakEven) -> list[Cell]:
    return [
        words(lesson.label),
        seconds(lesson.training_seconds),
        seconds(pay.own_seconds),
        Cell(value=lesson.batch_seconds, text=_short(lesson.batch_seconds)),
        words(pay.against),
        seconds(pay.its_seconds),
        _after(pay.alone),
        _after(pay.batched),
        gap(lesson.mean_gap),
    ]


def _short(value: float | None) -> str:
    """Seconds of an instance in a batch: microseconds, mostly."""
    return "-" if value is None else f"{value:.2g}"


def _after(instances: float | None) -> Cell:
    if instances is None:
        return words("-")
    return words("never") if math.isinf(instances) else count(int(instances))


def cost_chart(group: Group, pays: Sequence[Pays]) -> list[Chart]:
    """Seconds for so many instances, training included; lines cross where it has paid."""
    if not pays:
        return []
    drawn = sorted(pays, key=lambda each: each[0].mean_gap or 0.0)[:MOST]
    ends = [n for _, pay in drawn for n in (pay.alone, pay.batched) if n is not None]
    most = 10 * max([LEAST, *filter(math.isfinite, ends)])
    at = [most ** (step / (POINTS - 1)) for step in range(POINTS)]
    provers = {pay.against: pay.its_seconds for _, pay in drawn}
    return [
        Chart(
            name=f"{group.name}-break-even",
            title="Seconds for so many instances, training included",
            x=Axis(label="instances", log=True),
            y=Axis(label="seconds", log=True),
            series=[
                *(line for each in drawn for line in _lines(group, *each, at)),
                *(_cost(group, label, label, 0.0, its, at) for label, its in provers.items()),
            ],
            caption="Where a policy's line meets that of the solver that proves, its training has "
            "paid: there is a marker. Means over the instances of this report."
            + f" Of {len(pays)} policies the {MOST} with the smallest gaps."
            * (len(pays) > MOST),
        )
    ]


def _lines(group: Group, lesson: Lesson, pay: BreakEven, at: list[float]) -> Iterator[Series]:
    """One by one, and in batches where that was measured, each with its break-even."""
    ways = [("", pay.own_seconds, pay.alone), (", in batches", lesson.batch_seconds, pay.batched)]
    for way, each, after in ways:
        if each is None or after is None:
            continue
        label = f"{lesson.label}{way}"
        yield _cost(group, lesson.label, label, lesson.training_seconds or 0.0, each, at)
        if math.isfinite(after):
            yield Series(
                label=label,
                style="points",
                x=points([after]),
                y=points([after * pay.its_seconds]),
                texts=[f"{label}: {after:,.0f} instances"],
                colour=group.colour(lesson.label),
                faint=True,
            )


def _cost(
    group: Group, method: str, label: str, first: float, each: float, at: list[float]
) -> Series:
    """`first` seconds once, and `each` for every instance."""
    total = points(first + n * each for n in at)
    return Series(label=label, x=points(at), y=total, colour=group.colour(method))
