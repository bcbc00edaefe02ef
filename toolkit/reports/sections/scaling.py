"""How cost grows with the number of users: seconds, gap and memory over n, and fitted growth."""

import json
import math
from collections import Counter
from dataclasses import dataclass

import numpy as np

from toolkit.reports import content
from toolkit.reports._bootstrap import draws, ends, weighted_median
from toolkit.reports.content import Axis, Cell, Chart, Column, Section, Series, Table, points, words
from toolkit.reports.frame import Group
from toolkit.reports.sections._apart import differing, told
from toolkit.reports.sections._runs import SHORTEST, Runs, runs_of
from toolkit.reports.statistics import straight_line

ORDER = 60
SIZES = 3  # that a fit needs
SURE = 0.975  # share of the resamples that decides which law fits better
FLOOR = 1e-9  # of gaps
COLUMNS = [
    Column(name="method", text=True),
    Column(name="sizes fitted", text=True, note="those at which the median is of finished runs"),
    Column(name="cut short or failed", note="runs; they count as longer than any that finished"),
    Column(name="seconds at the smallest", unit="s", note="median"),
    Column(name="seconds at the largest", unit="s", note="median"),
    Column(name="exponent", note="b of seconds ~ n^b, with a 95 % bootstrap interval"),
    Column(name="a user more", note="factor c of seconds ~ c^n, with a 95 % bootstrap interval"),
    Column(name="fits better", text=True, note="in at least 97.5 % of the resamples"),
]


@dataclass(frozen=True)
class Growth:
    """Medians of one method over the sizes at which it ran.

    low, high  95 % bootstrap interval; inf where the median is of runs that did not finish
    resampled  (resamples, sizes): the medians of instances drawn anew within each size
    """

    sizes: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    resampled: np.ndarray


def of_group(group: Group) -> Section | None:
    """Where instances that differ in nothing but their size have three sizes or more; those that
    are proven to be infeasible are left out, as that takes other work."""
    every = runs_of(group)
    answered = np.array([not group.by_digest[d].infeasible for d in every.digests], bool)
    runs = every.where(answered[every.instance])
    sizes = np.array([group.by_digest[digest].n_users for digest in runs.digests], int)
    alike = _alike(runs, sizes)
    if alike is None:
        return None
    kept = runs.where(alike[runs.instance])
    seconds = np.where(kept.ended, np.maximum(kept.seconds, SHORTEST), np.inf)
    known = kept.where(~np.isnan(kept.best))
    grown = _grown(kept, sizes, seconds)
    charts = [
        _chart(group, ("seconds", "Seconds", "median seconds", None), grown),
        _chart(group, ("gap", "Gap", "median gap", FLOOR), _grown(known, sizes, known.gap)),
        _chart(group, ("memory", "Peak memory", "median MiB", None), _memory(kept, sizes)),
    ]
    return Section(
        name="scaling",
        title="How cost grows",
        says=_says(group, runs, alike, sizes),
        tables=[_table(group, kept, grown)],
        charts=[chart for chart in charts if chart is not None],
    )


def _alike(runs: Runs, sizes: np.ndarray) -> np.ndarray | None:
    """(instances,): those that differ in size alone, of the setting with the most sizes, then the
    most instances; None where no setting has three sizes."""
    setting = np.array(_settings(runs))
    number = Counter(setting.tolist())
    found = {each: (len(np.unique(sizes[setting == each])), number[each]) for each in number}
    best = max((each for each in found if each), key=lambda each: found[each], default=None)
    return None if best is None or found[best][0] < SIZES else setting == best


def _settings(runs: Runs) -> list[str]:
    """Of each instance the generator's fields except its size, as text."""
    out = [""] * len(runs.digests)
    for run, place in enumerate(runs.instance.tolist()):
        if not out[place]:
            fields = runs.rows[run].record.problem_params
            rest = {key: value for key, value in fields.items() if key != "n_users"}
            out[place] = json.dumps(rest, sort_keys=True, default=str)
    return out


def _says(group: Group, runs: Runs, alike: np.ndarray, sizes: np.ndarray) -> list[str]:
    """Which instances these are, and what was left out."""
    found = sorted(set(sizes[alike].tolist()))
    said = f"{alike.sum():,} instances of {', '.join(map(str, found))} users"
    rest = int(runs.given.any(0).sum() - alike.sum())
    if not rest:
        return [f"{said}."]
    one = group.by_digest[runs.digests[int(np.argmax(alike))]]
    setting = told(one, differing(group.comparisons))
    which = f" with {setting}" * bool(setting)
    return [f"{said}{which}; what differs in more than its size ({rest:,}) is left out here."]


def _grown(runs: Runs, sizes: np.ndarray, values: np.ndarray) -> dict[int, Growth]:
    """Of each method its medians over its sizes."""
    size = sizes[runs.instance]
    out = {}
    for method in np.unique(runs.method).tolist():
        mine = (runs.method == method) & ~np.isnan(values)
        if mine.any():
            out[method] = _growth(size[mine], runs.instance[mine], values[mine])
    return out


def _growth(size: np.ndarray, instance: np.ndarray, values: np.ndarray) -> Growth:
    found = np.unique(size)
    drawn = [_medians(instance[size == n], values[size == n]) for n in found]
    resampled = np.stack([each[1:] for each in drawn], axis=1)
    low, high = ends(resampled)
    return Growth(found, np.array([each[0] for each in drawn]), low, high, resampled)


def _medians(instance: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The median, and then those of the resamples: instances, and the runs within each."""
    order = np.argsort(instance, kind="stable")
    counts = tuple(np.unique(instance, return_counts=True)[1].tolist())
    weights = np.concatenate([np.ones((1, len(order)), np.int32), draws(counts)])
    return weighted_median(values[order], weights)


def _memory(runs: Runs, sizes: np.ndarray) -> dict[int, Growth]:
    told = [row.record.peak_memory for row in runs.rows]
    return _grown(runs, sizes, np.array([np.nan if x is None else x / 2**20 for x in told]))


def _chart(
    group: Group, about: tuple[str, str, str, float | None], grown: dict[int, Growth]
) -> Chart | None:
    """Medians over n; a size without a median is no point of its line."""
    name, title, label, floor = about
    series = [_line(group, m, each) for m, each in grown.items() if np.isfinite(each.median).any()]
    if not series:
        return None
    return Chart(
        name=f"{group.name}-scaling-{name}",
        title=f"{title} over the number of users",
        x=Axis(label="users", log=True),
        y=Axis(label=label, log=True, floor=floor, share=name == "gap"),
        series=series,
        caption=_CAPTIONS[name],
    )


_CAPTIONS = {
    "seconds": (
        "Medians of the solver's seconds, with 95 % bootstrap intervals over the instances. Runs "
        "that a limit cut short or that failed count as longer than any: no point where they are "
        "half of the runs or more."
    ),
    "gap": (
        "Medians of the gap to the best known decision, with 95 % bootstrap intervals over the "
        "instances. No point where half of the runs or more have no feasible decision."
    ),
    "memory": "Medians of the most memory held by a run and what it started, as far as measured.",
}


def _line(group: Group, method: int, grown: Growth) -> Series:
    return Series(
        label=group.labels[method],
        x=points(grown.sizes),
        y=points(grown.median),
        low=points(grown.low),
        high=points(grown.high),
        colour=method,
    )


def _table(group: Group, runs: Runs, grown: dict[int, Growth]) -> Table:
    return Table(
        name=f"{group.name}-scaling",
        title="Growth of seconds with the number of users",
        columns=COLUMNS,
        rows=[_row(group, runs, method, each) for method, each in grown.items()],
        notes=[
            "Least squares on the logarithms of the medians, over n or over log n. A fit describes "
            "the sizes that were run, with what a run costs to start; it is no law beyond them.",
            *group.notes,
        ],
    )


def _row(group: Group, runs: Runs, method: int, grown: Growth) -> list[Cell]:
    lost = int((~runs.ended[runs.method == method]).sum())
    fitted = grown.sizes[np.isfinite(grown.median)]
    span = f"{len(fitted)} of {len(grown.sizes)}"
    return [
        words(group.labels[method]),
        words(span, "" if len(fitted) == len(grown.sizes) else "warn"),
        content.count(lost, mark="bad" if lost else ""),
        _middle(grown, 0),
        _middle(grown, -1),
        *fits(grown),
    ]


def _middle(grown: Growth, place: int) -> Cell:
    value = float(grown.median[place])
    if math.isfinite(value):
        return content.seconds(value, grown.low[place], grown.high[place])
    return words("not finished", "bad")


def fits(grown: Growth) -> list[Cell]:
    """The exponent, the factor a user, and which of the two laws fits better."""
    there = np.isfinite(grown.median)
    if there.sum() < SIZES:
        return [words("-"), words("-"), words("too few sizes")]
    n = grown.sizes[there].astype(float)
    drawn = grown.resampled[:, there]
    every = np.log(np.vstack([grown.median[there], drawn[np.isfinite(drawn).all(1)]]))
    power, power_left = straight_line(np.log(n), every)
    rate, rate_left = straight_line(n, every)
    better = float((power_left[1:] < rate_left[1:]).mean()) if len(power) > 1 else 0.5
    law = "power" if better >= SURE else "exponential" if better <= 1 - SURE else "not decided"
    return [_slope(power, ""), _slope(np.exp(rate), "×"), words(law)]


def _slope(slopes: np.ndarray, before: str) -> Cell:
    value = float(slopes[0])
    low, high = np.quantile(slopes, (0.025, 0.975), method="nearest").tolist()
    text = f"{before}{value:.3g} [{low:.3g}, {high:.3g}]"
    return Cell(value=value, text=text, low=low, high=high)
