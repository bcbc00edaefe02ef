"""Statistics of comparisons: pure functions of numbers, nothing random in them.

Intervals of any of them are `_bootstrap`'s. Of several comparisons at once each may be
wrong: with 20 intervals at 95 % one is expected to miss, which a reader has to be told.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

Failures = Literal["limit", "leave out"]


def shifted_geometric_mean(
    values: Sequence[float], shift: float, limit: float, failures: Failures = "limit"
) -> float:
    """exp(mean log(value + shift)) - shift of seconds, say (Achterberg 2007, A.3).

    A failure is NaN: it counts as `limit`, or is left out; a report shows both, as leaving out
    favours who fails. NaN where nothing is left.
    """
    if not shift > 0:
        raise ValueError(f"shift is {shift!r}; it must be above 0.")
    found = np.asarray(values, float)
    lost = np.isnan(found)
    found = np.where(lost, limit, found) if failures == "limit" else found[~lost]
    return float(np.exp(np.log(found + shift).mean()) - shift) if found.size else math.nan


def performance_profile(costs: np.ndarray, ratios: np.ndarray) -> np.ndarray:
    """Share of instances that each solver does at a cost of at most ratio times the least.

    costs (solvers, instances), above 0, +inf or NaN: not solved; ratios (points,), from 1 on;
    (solvers, points). Dolan & Moré 2002. Instances that nobody solves count as unsolved for all.
    A profile ranks a solver against the best of those that are shown: leave one out, and the order
    of the others may change (Gould & Scott 2016).
    """
    cost = np.where(np.isnan(costs), np.inf, np.asarray(costs, float))
    least = cost.min(axis=0)
    with np.errstate(invalid="ignore"):
        ratio = np.where(np.isfinite(cost), cost / least, np.inf)
    within = ratio[:, :, None] <= np.asarray(ratios, float) * (1 + 1e-12)
    return np.asarray(within.mean(axis=1))


def primal_integral(trace: Sequence[tuple[float, float]], best: float, horizon: float) -> float:
    """Area below the primal gap over time, 0 to horizon, divided by the horizon: 0 to 1.

    trace: (seconds, objective) of each incumbent, in order of time. The gap is
    |objective - best| / max(|objective|, |best|), 1 before the first incumbent and where the signs
    differ (Berthold 2013).
    """
    if not horizon > 0:
        raise ValueError(f"horizon is {horizon!r}; it must be above 0.")
    area, since, gap = 0.0, 0.0, 1.0
    for seconds, objective in trace:
        until = min(max(seconds, since), horizon)
        area, since, gap = area + gap * (until - since), until, _primal_gap(objective, best)
    return (area + gap * (horizon - since)) / horizon


def _primal_gap(objective: float, best: float) -> float:
    if objective == best:
        return 0.0
    if objective * best < 0:
        return 1.0
    return min(1.0, abs(objective - best) / max(abs(objective), abs(best)))


def improvement_shares(ours: np.ndarray, theirs: np.ndarray, tie: float = 0.0) -> np.ndarray:
    """Share of pairs of runs in which ours costs less, a tie half, on each instance.

    ours (instances, runs), theirs (instances, other runs), less is better, NaN left out; costs no
    further apart than `tie` are alike, two infinite ones too. The Mann-Whitney statistic of each
    instance, whose mean over the instances is the probability of improvement (Agarwal et al.
    2021); (instances,), NaN where one of them has no run.
    """
    one, two = ours[:, :, None], theirs[:, None, :]
    there = ~(np.isnan(one) | np.isnan(two))
    with np.errstate(invalid="ignore"):
        alike = (one == two) | (np.abs(one - two) <= tie)
    before = np.where(alike, 0.5, one < two)
    pairs = there.sum((1, 2))
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(there, before, 0.0).sum((1, 2)) / pairs)


def first_hits(
    run: np.ndarray, spent: np.ndarray, gap: np.ndarray, targets: np.ndarray
) -> np.ndarray:
    """What each run had spent when its gap first was at most each target; (runs, targets).

    run, spent, gap (rows,): the rows of all traces, those of run 0 first, then of run 1, …, every
    run with at least one; infinite where a target is never reached.
    """
    starts = np.searchsorted(run, np.arange(run[-1] + 1)) if run.size else run
    reached = [np.where(gap <= target, spent, np.inf) for target in targets]
    return np.array([np.minimum.reduceat(each, starts) for each in reached]).T


def targets_reached(
    hits: np.ndarray, owner: np.ndarray, owners: int, budgets: np.ndarray
) -> np.ndarray:
    """Share of (run, target) pairs reached within each budget: the ECDF of runtimes.

    hits (runs, targets) as of `first_hits`; owner (runs,): to which of `owners` each run belongs;
    budgets (points,), growing; (owners, points), NaN of who has no run. Hansen et al. 2021.
    """
    place = np.searchsorted(budgets, hits)  # the first budget that suffices; past all of them
    flat = (owner[:, None] * (len(budgets) + 1) + place).ravel()
    counted = np.bincount(flat, minlength=owners * (len(budgets) + 1)).reshape(owners, -1)
    with np.errstate(invalid="ignore"):
        return np.asarray(counted.cumsum(1)[:, :-1] / counted.sum(1, keepdims=True))


def wilson(share: np.ndarray, number: int, z: float = 1.959963984540054) -> np.ndarray:
    """95 % interval of a share of `number` independent cases; (2, …). Wilson 1927.

    Unlike a bootstrap's it has a width where all cases or none are counted.
    """
    p, n = np.asarray(share, float), max(1, number)
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = np.minimum(middle - half, p), np.maximum(middle + half, p)
    return np.asarray(np.clip(np.stack([low, high]), 0, 1))


def sign_test(signs: np.ndarray) -> float:
    """Two-sided p of as uneven a count, were + as likely as -; zeros, ties, are left out."""
    wins, losses = int((signs > 0).sum()), int((signs < 0).sum())
    number = wins + losses
    tail = sum(math.comb(number, k) for k in range(min(wins, losses) + 1))
    return float(min(1.0, 2 * tail / 2**number))


def holm(p: Sequence[float]) -> list[float]:
    """The p-values adjusted for how many they are: below 0.05, the chance that any of those called
    a difference is none stays below 5 % (Holm 1979)."""
    out, most, left = [0.0] * len(p), 0.0, len(p)
    for place in sorted(range(len(p)), key=lambda k: p[k]):
        most = max(most, min(1.0, left * p[place]))
        out[place], left = most, left - 1
    return out


def straight_line(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(slopes, sums of squared residuals) of least squares, along the last axis of y."""
    x, y = x - x.mean(), y - y.mean(-1, keepdims=True)
    slope = y @ x / (x @ x)
    return slope, ((y - slope[..., None] * x) ** 2).sum(-1)
