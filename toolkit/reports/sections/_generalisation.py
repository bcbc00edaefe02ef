"""One policy on several numbers of users, as a chart and a table."""

from collections.abc import Sequence

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
    words,
)
from toolkit.reports.frame import Group
from toolkit.reports.learners._generalise import Policy, Size

FLOOR = 1e-9  # gaps below this are drawn on this line
COLUMNS = [
    Column(name="policy", text=True),
    Column(name="users"),
    Column(name="trained on", note="users in training, where the run tells it; - : its file does"),
    Column(name="runs"),
    Column(name="feasible"),
    Column(name="median gap to best", note="of the feasible runs, with a 95 % bootstrap interval"),
]


def size_chart(group: Group, policies: Sequence[Policy]) -> list[Chart]:
    """Gap over n; nothing where no policy met several."""
    if not policies:
        return []
    return [
        Chart(
            name=f"{group.name}-generalisation",
            title="One policy on several numbers of users",
            x=Axis(label="users", log=True),
            y=Axis(label="gap to best known", log=True, floor=FLOOR, share=True),
            series=[_line(group, policy) for policy in policies],
            caption="The same weights at every size: medians of the feasible runs, with 95 % "
            "bootstrap intervals over the instances; gaps up to 1e-9 are drawn on that line.",
        )
    ]


def size_table(group: Group, policies: Sequence[Policy]) -> list[Table]:
    """The same with its counts."""
    if not policies:
        return []
    return [
        Table(
            name=f"{group.name}-generalisation",
            title="One policy on several numbers of users",
            columns=COLUMNS,
            rows=[_row(policy, size) for policy in policies for size in policy.sizes],
            notes=group.notes,
        )
    ]


def _line(group: Group, policy: Policy) -> Series:
    return Series(
        label=policy.label,
        x=points(size.users for size in policy.sizes),
        y=points(size.gap for size in policy.sizes),
        low=points(size.low for size in policy.sizes),
        high=points(size.high for size in policy.sizes),
        texts=[f"{size.users:,} users, {size.runs} runs" for size in policy.sizes],
        colour=group.colour(policy.label),
    )


def _row(policy: Policy, size: Size) -> list[Cell]:
    trained = words("-") if policy.trained is None else count(policy.trained)
    return [
        words(policy.label),
        count(size.users),
        trained,
        count(size.runs),
        count(size.feasible, size.runs, "" if size.feasible == size.runs else "warn"),
        gap(size.gap, size.low, size.high),
    ]
