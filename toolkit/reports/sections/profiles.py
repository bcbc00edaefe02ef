"""Performance profiles over seconds, and the share of targets reached over time and evaluations."""

from collections.abc import Callable

import numpy as np

from toolkit.reports import _bootstrap, numbers
from toolkit.reports.content import Axis, Chart, Section, Series, points
from toolkit.reports.frame import Group
from toolkit.reports.sections._runs import SHORTEST, Field, Runs, fair, listed, runs_of, with_best
from toolkit.reports.statistics import first_hits, performance_profile, targets_reached, wilson

ORDER = 30
NEAR = 0.01  # the gap to the best known decision that the second profile asks for
TARGETS = np.geomspace(1e-1, 1e-6, 26)  # five a decade
POINTS = 100  # of a curve
STRETCH = 1.1
MOST_BANDS = 12  # more would hide the curves
Share = Callable[[np.ndarray], np.ndarray]


def of_group(group: Group) -> Section | None:
    """Two profiles and two curves of targets reached, each where two methods have something."""
    runs = runs_of(group)
    proving, known = fair(_proving(runs)), fair(with_best(runs))
    charts: list[Chart | None] = [_proofs(group, proving) if proving else None]
    if known is not None:
        charts += [_near(group, known)]
        charts += [_targets(group, known, of) for of in ("seconds", "evaluations")]
    drawn = [chart for chart in charts if chart is not None]
    if not drawn:
        return None
    title = "Profiles: how often, and how much slower than the fastest"
    says = [f"Proofs: {proving.said}"] if proving and charts[0] else []
    says += [f"Decisions and targets: {known.said}"] if known else []
    return Section(name="profiles", title=title, says=says, charts=drawn)


def _proving(runs: Runs) -> Runs:
    """The runs of methods that prove something: the others have no say on which instances."""
    return runs.where(np.isin(runs.method, runs.method[np.isfinite(runs.proof)]))


def _proofs(group: Group, field: Field) -> Chart | None:
    return _profile(
        group,
        field,
        field.runs.proof,
        ("proof", "the proof", "Solved: the run's own proof was re-checked and closes the gap"),
    )


def _near(group: Group, field: Field) -> Chart | None:
    steps = field.runs.steps
    hits = first_hits(steps.run, steps.seconds, steps.gap, np.array([NEAR]))[:, 0]
    within = f"within {numbers.share(NEAR)} of the best known"
    solved = f"Solved: a feasible decision {within} that the run also answers with"
    return _profile(group, field, hits, ("near", f"a decision {within}", solved))


def _profile(
    group: Group, field: Field, seconds: np.ndarray, about: tuple[str, str, str]
) -> Chart | None:
    """Dolan & Moré's profile of seconds, inf: not solved; None where fewer than two solve any."""
    name, of, solved = about
    costs = _median(field.take(field.runs.grid(np.maximum(seconds, SHORTEST))))
    solving = np.flatnonzero(np.isfinite(costs).any(1))
    if len(solving) < 2:
        return None
    costs = costs[solving]
    ratios = _ratios(costs)
    shares = performance_profile(costs, ratios)
    low, high = wilson(shares, costs.shape[1])
    labels = [field.runs.labels[m] for m in field.methods]
    return Chart(
        name=f"{group.name}-profile-{name}",
        title=f"Performance profile: seconds to {of}",
        x=Axis(label="times the seconds of the fastest on the instance", log=True),
        y=Axis(label="share of instances solved", share=True),
        series=[
            _step(group, labels[m], ratios, shares[k], (low[k], high[k]), len(solving))
            for k, m in enumerate(solving)
        ],
        caption=_about_profile(solved, [x for m, x in enumerate(labels) if m not in solving])
        + _about_bands(len(solving), "Wilson's interval"),
    )


def _about_profile(solved: str, never: list[str]) -> str:
    missing = f" Never solved by {listed(never)}: no curve." if never else ""
    return (
        f"{solved}. At x: on which share of the instances the method took at most x times the "
        "seconds of the fastest method shown (Dolan & Moré 2002); of several seeds the median, of "
        "an even number the lower of the two in the middle; runs that do not solve, be it that "
        "they failed, are counted and never drawn. Leaving a method out may "
        f"change the order of the others.{missing}"
    )


def _ratios(costs: np.ndarray) -> np.ndarray:
    """The ratios at which a profile steps."""
    least = costs.min(axis=0)
    solved = np.isfinite(least)
    return _places(costs[:, solved] / least[solved])


def _places(values: np.ndarray) -> np.ndarray:
    """Where a curve that steps at these values is drawn: at each of them, of many at some that lie
    evenly on a logarithmic axis, the first and the last among them; and a little beyond."""
    found = np.unique(values[np.isfinite(values)])
    if not found.size:
        return np.array([1.0, STRETCH])
    if len(found) > POINTS:
        even = np.searchsorted(found, np.geomspace(found[0], found[-1], POINTS) * (1 - 1e-12))
        found = found[np.unique(even)]
    return np.append(found, found[-1] * STRETCH)


def _median(grid: np.ndarray) -> np.ndarray:
    """Over the seeds: the lower of two middle ones, so that one solved of two counts."""
    return _bootstrap.median(grid)


def _targets(group: Group, field: Field, of: str) -> Chart:
    """The ECDF of what was spent until each target of each instance was reached."""
    inside = field.inside
    hits = first_hits(inside.steps.run, getattr(inside.steps, of), inside.steps.gap, TARGETS)
    least = SHORTEST if of == "seconds" else 1.0
    hits = np.maximum(hits, least)
    budgets = _places(hits)
    shares = _shares(field, inside, hits, budgets)
    labels = [field.runs.labels[m] for m in field.methods]
    bands = _bands(shares)
    return Chart(
        name=f"{group.name}-targets-{of}",
        title=f"Targets reached over {of}",
        x=Axis(label=of, log=True),
        y=Axis(label="share of (instance, target) pairs", share=True),
        series=[
            *(
                _step(group, label, budgets, shares[k].mean(0), bands[:, k], len(labels))
                for k, label in enumerate(labels)
            ),
            _virtual_best(group, inside, hits, budgets),
        ],
        caption=_about_targets(of) + _about_bands(len(labels), "instances drawn anew"),
    )


def _about_targets(of: str) -> str:
    return (
        f"{len(TARGETS)} targets an instance: gaps to the best known decision from 10 % to 1e-6. "
        f"At x: the share of targets reached within x {of}; each instance counts alike, its seeds "
        "share its weight; a run without a feasible answer reaches none. Virtual best: on each "
        "pair the best run of any method shown."
    )


def _about_bands(shown: int, kind: str) -> str:
    return f" Bands: 95 %, {kind}, at each x by itself." if shown <= MOST_BANDS else ""


def _shares(field: Field, inside: Runs, hits: np.ndarray, budgets: np.ndarray) -> np.ndarray:
    """(methods, instances, points): the share of the targets of an instance that is reached."""
    total = len(inside.digests)
    owner = inside.method * total + inside.instance
    found = targets_reached(hits, owner, len(inside.labels) * total, budgets)
    return field.take(found.reshape(len(inside.labels), total, -1))


def _virtual_best(group: Group, inside: Runs, hits: np.ndarray, budgets: np.ndarray) -> Series:
    order = np.argsort(inside.instance, kind="stable")
    starts = np.unique(inside.instance[order], return_index=True)[1]
    best = np.minimum.reduceat(hits[order], starts)
    share = targets_reached(best, np.zeros(len(best), int), 1, budgets)[0]
    return Series(
        label="virtual best",
        style="step",
        x=points(budgets),
        y=points(share),
        colour=len(group.labels),
    )


def _bands(shares: np.ndarray) -> np.ndarray:
    """(2, methods, points): instances are drawn anew, the same for all methods."""
    methods, instances, across = shares.shape
    weights = _bootstrap.draws((1,) * instances).astype(np.float32)
    flat = shares.transpose(1, 0, 2).reshape(instances, -1).astype(np.float32)
    ends = _bootstrap.ends(weights @ flat / instances)
    return ends.reshape(2, methods, across).astype(float)


def _step(
    group: Group,
    label: str,
    x: np.ndarray,
    y: np.ndarray,
    band: np.ndarray | tuple[np.ndarray, ...],
    shown: int,
) -> Series:
    low, high = (points(end) for end in band) if shown <= MOST_BANDS else (None, None)
    return Series(
        label=label,
        style="step",
        x=points(x),
        y=points(y),
        low=low,
        high=high,
        colour=group.colour(label),
    )
