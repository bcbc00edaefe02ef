"""The chart of a leaderboard: the gap of each method against its time."""

import math
from collections.abc import Sequence

from toolkit.reports.board._standing import Standing
from toolkit.reports.content import Axis, Chart, Series, points

FLOOR = 1e-9


def chart_of(name: str, standing: Sequence[tuple[str, Standing]]) -> list[Chart]:
    """None for fewer than two methods with an answer; colours by rank."""
    series = [
        Series(
            label=label,
            style="points",
            x=points([found.seconds]),
            y=points([found.gap[0]]),
            low=points([found.gap[1]]),
            high=points([found.gap[2]]),
            closed=[found.proved == 1.0],
            colour=place,
        )
        for place, (label, found) in enumerate(standing)
        if math.isfinite(found.gap[0])
    ]
    if len(series) < 2:
        return []
    chart = Chart(
        name=f"{name}-gap-time",
        title="Median gap against mean time",
        x=Axis(label="seconds", log=True, floor=1e-5),
        y=Axis(label="gap to the best known", log=True, floor=FLOOR, share=True),
        series=series,
        caption="A marker a method, filled where it proves every optimum: its median gap with the "
        "95 % bootstrap interval over the instances, and its shifted geometric mean of seconds, "
        "unanswered instances counted as the limit. Gaps up to 1e-9 are drawn on that line.",
    )
    return [chart]
