"""The words of the learners' tables: columns, legends and warnings, for a terminal and a page."""

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.reports import numbers
from toolkit.reports.learners._savings import WHY
from toolkit.reports.learners.lessons import ENOUGH, Count, Lesson, Worth
from toolkit.solvers import OPTIMAL_GAP


@dataclass(frozen=True)
class Column:
    """A head of two lines, what stands below it, and how that is written."""

    head: tuple[str, str]
    value: Callable[[Lesson], Any]
    text: Callable[[Any], str]


@dataclass(frozen=True)
class Table:
    """A table ready to draw: `rows` of a label and (text, number to sort by) a column."""

    title: str
    heads: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, tuple[tuple[str, float | None], ...]], ...]
    legend: tuple[str, ...]


def _times(value: float | None) -> str:
    if value is None:
        return "-"
    return "never" if math.isinf(value) else f"{value:,.0f}"


def _of(count: Count | None) -> str:
    return "-" if count is None else f"{count.hits}/{count.total}"


def _pays(name: str) -> Callable[[Lesson], float | None]:
    return lambda lesson: getattr(lesson.break_even, name) if lesson.break_even else None


def _paid_gap(lesson: Lesson) -> float | None:
    """The gap at which a break-even holds."""
    return lesson.mean_gap if lesson.break_even else None


def _costs(batch: str) -> tuple[Column, ...]:
    return (
        Column(("training", "seconds"), lambda s: s.training_seconds, numbers.seconds),
        Column(("steps a", "second"), lambda s: s.steps_per_second, numbers.rate),
        Column(("one instance", "seconds"), lambda s: s.seconds, numbers.seconds),
        Column((batch, "µs each"), lambda s: s.batch_seconds, numbers.micros),
        Column(("break-even", "one by one"), _pays("alone"), _times),
        Column(("break-even", "in batches"), _pays("batched"), _times),
        Column(("at a mean", "gap of"), _paid_gap, numbers.gap),
    )


GAPS = 3  # columns of CHOICES before what is missed
CHOICES = (
    Column(("", "feasible"), lambda s: s.feasible, _of),
    Column(("median", "gap"), lambda s: s.median_gap, numbers.gap),
    Column(("mean", "gap"), lambda s: s.mean_gap, numbers.gap),
    Column(("1st guess", "feasible"), lambda s: s.first_feasible, _of),
    Column(("tried", "feasible"), lambda s: s.explored, numbers.share),
    Column(("final", "gap"), lambda s: s.final_gap, numbers.gap),
    Column(("final", "feasible"), lambda s: s.final_feasible, _of),
    Column(("", "uniform"), lambda s: s.uniform, _of),
    Column(("", "choices"), lambda s: s.choices, _of),
)


def tables(lessons: Sequence[Lesson]) -> list[Table]:
    """What learners cost, and what they decide beside the bars; none where nothing has learnt."""
    learners = [lesson for lesson in lessons if lesson.learner]
    if not learners:
        return []
    sizes = sorted({lesson.batch for lesson in learners if lesson.batch})
    batch = "batch of " + "/".join(map(str, sizes)) if sizes else "batch"
    return [
        _table("learners: what they cost", _costs(batch), learners, _cost_legend(learners)),
        _table(_beside_bars(lessons), _choices(lessons), lessons, _choice_legend(lessons)),
    ]


def _beside_bars(lessons: Sequence[Lesson]) -> str:
    """The title of the table in which methods stand that never learn, as what is to be beaten."""
    bars = dict.fromkeys(s.label.partition("[")[0] for s in lessons if not s.learner)
    do = "does" if len(bars) == 1 else "do"
    beside = f" (beside {', '.join(bars)}, which {do} not learn)" if bars else ""
    return f"learners: what they decide{beside}"


def _choices(lessons: Sequence[Lesson]) -> tuple[Column, ...]:
    """CHOICES, and what is missed of what offloading brings, where any instance tells it."""
    if not _told(lessons):
        return CHOICES
    missed = Column((_brought(lessons), "missed"), lambda s: s.missed, numbers.gap)
    told = Column(("", "on"), lambda s: s.missed_on, _of)
    return (*CHOICES[:GAPS], missed, told, *CHOICES[GAPS:])


def _told(lessons: Sequence[Lesson]) -> bool:
    return any(lesson.missed is not None for lesson in lessons)


def _brought(lessons: Sequence[Lesson]) -> str:
    """What offloading brings, by the problem's sense."""
    return "gain" if lessons[0].sense == "max" else "saving"


def _table(
    title: str, columns: Sequence[Column], lessons: Sequence[Lesson], legend: list[str]
) -> Table:
    rows = []
    for lesson in lessons:
        values = [(column, column.value(lesson)) for column in columns]
        rows.append((lesson.label, tuple((c.text(v), _sortable(v)) for c, v in values)))
    heads = (("", "solver"), *(column.head for column in columns))
    return Table(title, heads, tuple(rows), tuple(legend))


def _sortable(value: Any) -> float | None:
    """A finite number, which every browser knows to sort: "never" comes after all others."""
    if isinstance(value, Count):
        return value.hits / value.total
    return value if value is None else min(float(value), sys.float_info.max)


def _cost_legend(learners: Sequence[Lesson]) -> list[str]:
    lines = [
        "training = seconds before the first decision; one instance = median seconds of a run, "
        "which for learn[...] include its training; batch = each of so many decided at once"
    ]
    pays = [(s.label, s.break_even) for s in learners if s.break_even]
    if pays:
        lines.append(
            "break-even = training seconds / (a prover's seconds - the policy's): instances until "
            "training has paid; never: not faster. Means over the instances, against the fastest "
            "solver that proves the optimum of all of them"
        )
    lines += [
        f"  {label}: {numbers.seconds(pay.own_seconds)} s beside "
        f"{numbers.seconds(pay.its_seconds)} s of {pay.against}"
        for label, pay in pays
    ]
    if any(s.explored is None and s.break_even is None for s in learners):
        lines.append(
            "break-even stays - unless the policy is feasible on every instance and another "
            "solver proves the optimum of every one (exact)"
        )
    return lines


def _choice_legend(lessons: Sequence[Lesson]) -> list[str]:
    lines = [
        "gaps are to the best known, over feasible runs",
        _missed_legend(lessons) + _left_out(lessons),
        "1st guess = a policy's likeliest decision, before any repair; uniform = all its entries "
        "alike, of several; choices = distinct discrete choices / instances (seeds may differ)",
    ]
    if any(lesson.final_feasible for lesson in lessons):
        lines.append(
            "tried = decisions met while learning; final = the policy without noise at the end, to "
            "which uniform and choices apply; the gaps before it are those of the best decision met"
        )
    return lines


def _missed_legend(lessons: Sequence[Lesson]) -> str:
    """What the column is; where there is none, that no instance tells it."""
    word = _brought(lessons)
    if not _told(lessons):
        return f"{word} missed, as a share of all that offloading brings: no instance tells it"
    share = (
        "(opt - value) / (opt - all-local)"
        if word == "gain"
        else "(cost - opt) / (all-local - opt)"
    )
    brings = f"of what offloading can {word.replace('saving', 'save')}"
    return f"{word} missed = mean {share}, {brings}; on = instances that tell it"


def _left_out(lessons: Sequence[Lesson]) -> str:
    """Why the saving missed rests on fewer instances than there are; empty where it does not."""
    untold = {pair for lesson in lessons for pair in lesson.untold}
    counts = [(why, sum(reason == why for reason, _ in untold)) for why in WHY]
    said = [f"{why} ({count} instance{'s' * (count > 1)})" for why, count in counts if count]
    return f"; left out: {'; '.join(said)}" if said else ""


def warnings(lessons: Sequence[Lesson]) -> list[str]:
    """A line for each learner that decides without looking."""
    return [line for lesson in lessons if (line := _warning(lesson))]


def _warning(lesson: Lesson) -> str:
    """An all-clear takes every run: its decision feasible, and as good as a proven optimum."""
    what, worth, first = _degenerate(lesson), lesson.worth, lesson.first_feasible
    if not what:
        return ""
    reached = worth.worst_gap is not None and worth.worst_gap <= OPTIMAL_GAP
    every = worth.feasible.hits == worth.feasible.total
    guessed = first is None or first.hits == first.total
    if not (reached and every and guessed and worth.proven):
        return f"warning, degenerate policy: {lesson.label}: {what} ({_beside(worth, first)})"
    if worth.sole:
        return f"{lesson.label}: {what}, and so is the best known: these instances are no test"
    return f"{lesson.label}: {what}; the best of its guesses is optimal"


def _degenerate(lesson: Lesson) -> str:
    """What is wrong with a learner's decisions; empty where nothing is."""
    uniform, choices = lesson.uniform, lesson.choices
    noun, it = ("decision", "choice") if lesson.worth.sole else ("first guess", "first guess")
    if uniform and uniform.hits == uniform.total:
        return f"{_all(uniform.total, noun)} uniform, the same for every user"
    if choices and choices.hits == 1 and choices.total >= ENOUGH:
        return f"its {it} is the same on all {choices.total} instances"
    return ""


def _beside(worth: Worth, first: Count | None) -> str:
    """What the decisions are worth, as far as it is no all-clear."""
    if worth.worst_gap is None:
        return "no feasible one"
    said = [f"worst gap {numbers.gap(worth.worst_gap)}"]
    if worth.feasible.hits < worth.feasible.total:
        said.append(f"feasible in {worth.feasible.hits} of {worth.feasible.total} runs")
    if first and first.hits < first.total and not worth.sole:
        said.append(f"first guess feasible in {first.hits} of {first.total} runs")
    if not worth.proven and worth.worst_gap <= OPTIMAL_GAP:
        said.append("to a best known that is not proven")
    return ", ".join(said)


def _all(total: int, noun: str) -> str:
    if total == 1:
        return f"its 1 {noun} is"
    return f"all {total} {noun}{'es' if noun.endswith('s') else 's'} are"
