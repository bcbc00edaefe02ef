"""What the paper's methods reach beside random search, and what a step of them costs."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from toolkit import learners, problems, solvers
from toolkit.instances import rng_for
from toolkit.learners import Training
from toolkit.learners._adam import flushed
from toolkit.learners._ddpg import Walk
from toolkit.solvers import Budget, Probe

METHODS = ["ddpg", "ste_ddpg", "aste_ddpg", "cpdrl"]
SEARCHES = {"random_search, informed": {}, "random_search, uniform": {"informed": False}}


@pytest.mark.parametrize("replicas", [1, 12])
@pytest.mark.parametrize("preset", ["paper", "tuned"])
@pytest.mark.parametrize("name", ["ddpg", "cpdrl"])
def test_steps(benchmark, name, preset, replicas):
    """A hundred steps, each a decision and an update; `ms_per_step` in extra_info."""
    torch.set_num_threads(1)
    problem = problems.load("cpdrl", "paper")
    learner = learners.registry.build(name, preset=preset)
    one = problem.instance(0).data
    data = {key: np.stack([value] * replicas) for key, value in one.items()}
    net = learner.build(problem, replicas)

    def hundred():
        walk = Walk(learner, net, Training(problem=problem), data)
        for step in range(learner.settings.batch):  # before that there is no update
            walk.step(step)
        return (walk,), {}

    def go(walk):
        with flushed():
            for step in range(100):
                walk.step(step)
                walk.update()

    benchmark.pedantic(go, setup=hundred, rounds=5, warmup_rounds=1)
    if benchmark.stats:
        benchmark.extra_info["ms_per_step"] = 10 * benchmark.stats.stats.median


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("preset", ["tuned", "paper"])
def test_order(benchmark, preset, request):
    """Gaps of the four methods, each on 10 instances x 5 seeds with 4,500 evaluations, and of
    random search with as many; differences with 95 % bootstrap intervals. Printed, see `-s`.
    """
    full = request.config.getoption("benchmark_enable")
    instances, seeds, steps = (10, 5, 4500) if full else (2, 2, 80)

    def study():
        rounds = [learnt(preset, seed, instances, steps) for seed in range(seeds)]
        return {
            name: {kind: np.stack([one[name][kind] for one in rounds]) for kind in rounds[0][name]}
            for name in METHODS
        }

    found = benchmark.pedantic(study, rounds=1, warmup_rounds=0)
    found |= searched(seeds, instances, steps)
    for parts in found.values():
        assert parts["best"].min() > -1e-9  # nobody beats a proven optimum
    for name, said in report(found).items():
        benchmark.extra_info[name] = said
        print(f"\n{preset}: {name}: {said}", end="")


def learnt(preset: str, seed: int, instances: int, steps: int) -> dict[str, dict[str, np.ndarray]]:
    """Of every method the gaps on the first `instances`, best and final, and the feasible share.

    A replica is a run; all methods meet the same first weights and the same noise.
    """
    problem = problems.load("cpdrl", "paper")
    optimum = _best("exact", instances, 1, {})[0]
    drawn = [problem.instance(i).data for i in range(instances)]
    data = {key: np.stack([one[key] for one in drawn]) for key in drawn[0]}

    def judged(decision):
        worth = problem.evaluate(data, decision)
        return np.where(worth.feasible(), worth.objective, np.inf) / optimum - 1

    torch.set_num_threads(1)
    found = {}
    for name in METHODS:
        learner = learners.registry.build(name, preset=preset)
        torch.manual_seed(seed)
        net, tried = learner.build(problem, instances), []
        run = Training(problem=problem, max_steps=steps - 1)
        learner.explore(net, run, data, lambda decision, keep=tried: keep.append(judged(decision)))
        last = learner.act(net, problem, data)
        final = judged({key: block[:, 0] for key, block in last.items()})
        gaps = np.stack([*tried, final])
        found[name] = {"best": gaps.min(0), "final": final, "share": np.isfinite(gaps).mean(0)}
    return found


def searched(seeds: int, instances: int, steps: int) -> dict[str, dict[str, np.ndarray]]:
    """The gaps of what needs no learning."""
    optimum = _best("exact", instances, 1, {})
    found = {"greedy": {"best": _best("greedy", instances, 1, {}) / optimum - 1}}
    for name, options in SEARCHES.items():
        best = _best("random_search", instances, seeds, {"evaluations": steps, **options})
        found[name] = {"best": best / optimum - 1}
    return found


def report(found: dict[str, dict[str, np.ndarray]]) -> dict[str, str]:
    """A line for every method, and one for every difference."""
    said = {name: _row(parts) for name, parts in found.items()}
    for worse, better in [*pairwise(METHODS), ("random_search, informed", "cpdrl")]:
        for kind in ("best", "final"):
            if kind in found[worse]:
                about = f"{kind}, {worse} - {better}"
                said[about] = _difference(found[worse][kind], found[better][kind])
    return said


def _best(name: str, instances: int, seeds: int, params) -> np.ndarray:
    """Objectives of a solver, (seeds, instances)."""
    problem = problems.load("cpdrl", "paper")
    solver = solvers.registry.build(name, **params)
    best = np.empty((seeds, instances))
    for seed, i in np.ndindex(best.shape):
        instance = problem.instance(i)
        probe = Probe(problem, instance, Budget(seconds=120), rng_for("order", seed, i))
        best[seed, i] = probe.certify(solver.solve(problem, instance, probe)).objective
    return best


def _row(parts: dict[str, np.ndarray]) -> str:
    """Gaps in per cent: median (worst), and how often the final policy is feasible."""
    best = 100 * parts["best"]
    said = f"best {np.median(best):.2f} ({best.max():.2f}) %"
    if "final" not in parts:
        return said
    final = 100 * parts["final"]
    able = np.isfinite(final)
    return said + (
        f", final {np.median(final):.2f} ({final.max():.2f}) %, feasible {able.sum()} of "
        f"{able.size}, while learning {100 * parts['share'].mean():.0f} %"
    )


def _difference(worse: np.ndarray, better: np.ndarray) -> str:
    """Mean paired difference in points of gap, and its 95 % bootstrap interval.

    Instances are resampled, and for each of them its seeds. Pairs without a number are left out.
    """
    both = np.isfinite(worse) & np.isfinite(better)
    gain = np.full(both.shape, np.nan)
    gain[both] = 100 * (worse - better)[both]
    if not np.isfinite(gain).any():
        return "no pair with two feasible decisions"
    seeds, instances = gain.shape
    rng = rng_for("bootstrap")
    which = rng.integers(instances, size=(10_000, 1, instances))
    draws = gain[rng.integers(seeds, size=(10_000, seeds, instances)), which]
    low, high = np.nanquantile(np.nanmean(draws, (1, 2)), [0.025, 0.975])
    wins = int((gain > 0).sum())
    pairs = int(np.isfinite(gain).sum())
    return f"{np.nanmean(gain):.2f} [{low:.2f}, {high:.2f}], better in {wins} of {pairs} pairs"
